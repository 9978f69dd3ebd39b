"""Verdicts, choices and claims on the terminal."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.results import format, stats
from bench.results.compare import Comparison
from bench.results.tables import stdout
from reports.choose import Choice
from reports.claims import Finding
from reports.compare_sessions import Verdicts


def show_verdicts(found: Verdicts, console: Console | None = None) -> None:
    """Print comparisons, the remarks on them first."""
    console = console or stdout()
    for remark in found.remarks:
        console.print(Text(f"note: {format.plain(remark)}"), soft_wrap=True)
    interval = f"{100 * found.level:.3g} % interval"
    rows = [
        (one.b if one.a == one.b else f"{one.b}  against  {one.a}", *_change(one),
         str(one.rounds), one.verdict)
        for one in found.comparisons
    ]  # fmt: skip
    console.print(_plain_table(("Case", "Time", interval, "Rounds", "Verdict"), rows))
    least = stats.least_count(found.level)
    if any(one.verdict == "too few rounds" for one in found.comparisons):
        console.print(
            Text(f"{len(rows)} comparisons at once take at least {least} rounds"), soft_wrap=True
        )


def show_choices(choices: Sequence[Choice], console: Console | None = None) -> None:
    """Print the variant for each session and runtime, and how to make it."""
    console = console or stdout()
    for one in choices:
        place = format.plain(f"{one.source}, {one.runtime}: ")
        answer = f"{one.model} on {one.unit}" if one.case else "none"
        style = "bold green" if one.case else "bold yellow"
        console.print(Text.assemble(place, (format.plain(answer), style)), soft_wrap=True)
        console.print(Text(f"  {format.plain(one.reason)}"), soft_wrap=True)
        if one.untrained:
            console.print(Text("  measured with untrained weights: the time is real"))
        if one.export:
            console.print(Text(f"  {one.export}", style="cyan"), soft_wrap=True)
    if not choices:
        console.print("nothing was measured")


def show_claims(found: Sequence[Finding], console: Console | None = None) -> None:
    """Print each claim with what was measured, where, and the verdict."""
    rows = [(one.claim, one.source, one.measured or "-", one.on or "-", one.verdict)
            for one in found]  # fmt: skip
    (console or stdout()).print(
        _plain_table(("Claim", "Source", "Measured", "On", "Verdict"), rows)
    )


def _change(one: Comparison) -> tuple[str, str]:
    ratio = "-" if one.ratio is None else format.percent(one.ratio)
    if one.interval is None:
        return ratio, "-"
    low, high = map(format.percent, one.interval)
    return ratio, f"{low} to {high}"


def _plain_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*headers, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(format.plain(cell)) for cell in row))
    return table
