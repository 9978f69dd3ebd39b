"""Verdicts, choices and claims as texts and tables."""

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bench.results import format
from bench.results.compare import Comparison
from mobilenet.common.ci_report import CheckedCase, Outcome
from mobilenet.common.text import one_line
from reports.choose import Choice
from reports.claims import CheckedClaims
from reports.doubts import Doubts
from reports.verdicts import ExitCode, Verdicts

OUTCOMES: dict[str, Outcome] = {
    "slower": "failed", "undecided": "undecided", "too few rounds": "undecided",
}  # fmt: skip


def verdicts(verdicts: Verdicts) -> Iterator[RenderableType]:
    """Comparisons, what must be known of them first, and what follows last."""
    yield from doubts(verdicts.doubts)
    for remark in verdicts.remarks:
        yield Text(one_line(f"note: {remark}"))
    interval = f"{100 * verdicts.level:.3g} % interval"
    rows = [
        (_names(comparison), *_change(comparison), str(comparison.rounds),
         verdicts.words(comparison))
        for comparison in verdicts.comparisons
    ]  # fmt: skip
    if rows:
        yield _table(("Case", "Time", interval, "Rounds", "Verdict"), rows)
    for reason in verdicts.undecided:
        yield Text.assemble(("undecided: ", "yellow"), one_line(reason))
    yield Text(f"{verdicts.conclusion} (exit code {verdicts.exit_code})", "bold")


def checked(verdicts: Verdicts) -> list[CheckedCase]:
    """The verdict on each case, and on all of them where something keeps them from deciding."""
    is_reliable = verdicts.exit_code != ExitCode.UNRELIABLE
    cases = [
        CheckedCase(
            _names(comparison),
            OUTCOMES.get(comparison.verdict, "passed") if is_reliable else "undecided",
            f"{_change(comparison)[0]}: {verdicts.words(comparison)}",
        )
        for comparison in verdicts.comparisons
    ]
    reasons = [*verdicts.doubts.unreliable, *verdicts.undecided]
    if reasons:
        cases.append(CheckedCase("all cases", "undecided", "; ".join(reasons)))
    return cases


def doubts(doubts: Doubts) -> Iterator[Text]:
    """What sessions say against their numbers, the gravest first."""
    for reason in doubts.unreliable:
        yield Text.assemble(("unreliable: ", "bold yellow"), one_line(reason))
    yield from map(_warning, doubts.warnings)


def _warning(warning: str) -> Text:
    return Text.assemble(("warning: ", "yellow"), one_line(warning))


def recommendations(choices: Sequence[Choice]) -> Iterator[RenderableType]:
    """The variant for each session and runtime, and how to make it; warnings once."""
    warnings = (f"{each.source}: {warning}" for each in choices for warning in each.warnings)
    yield from map(_warning, dict.fromkeys(warnings))
    for choice in choices:
        where = one_line(f"{choice.source}, {choice.runtime}: ")
        answer = one_line(f"{choice.model} on {choice.unit}") if choice.case else "none"
        yield Text.assemble(where, (answer, "bold green" if choice.case else "bold yellow"))
        yield Text(one_line(f"  {choice.reason}"))
        yield from (Text(one_line(f"  closest to {line}")) for line in choice.closest)
        if choice.unreliable:
            yield Text(one_line(f"  UNRELIABLE: {choice.unreliable}"), "yellow")
        if choice.export:
            yield Text(one_line(f"  {choice.export}"), "cyan")
        if choice.export_note:
            yield Text(one_line(f"  {choice.export_note}"))
    if not choices:
        yield Text("nothing was measured")


def claims(checked: CheckedClaims) -> Iterator[RenderableType]:
    """Each claim with what was measured, where, and the verdict; doubts first."""
    yield from doubts(checked.doubts)
    rows = [
        (f"{result.claim} ({result.rule})", result.source, result.measured or format.MISSING,
         result.on or format.MISSING, result.words)
        for result in checked.results
    ]  # fmt: skip
    yield _table(("Claim (it holds)", "Source", "Measured", "On", "Verdict"), rows)
    if checked.intervals > 1:
        yield Text(
            f"{checked.intervals} findings rest on intervals of {100 * checked.level:.3g} % each, "
            "so that all hold together at 95 %"
        )


def _names(comparison: Comparison) -> str:
    a, b = comparison.a, comparison.b
    return b if a == b else f"{b}  against  {a}"


def _change(comparison: Comparison) -> tuple[str, str]:
    if comparison.ratio is None:
        return format.MISSING, format.MISSING
    if comparison.interval is None:
        return format.percent(comparison.ratio), format.MISSING
    low, high = map(format.percent, comparison.interval)
    return format.percent(comparison.ratio), f"{low} to {high}"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*headers, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table
