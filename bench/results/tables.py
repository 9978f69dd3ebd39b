"""Reports as text: for the terminal, for Markdown, and as rows for other programs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from bench.results import accuracy_table, columns, format
from bench.results.columns import Column, escape
from bench.results.read import read
from bench.results.session_report import Report, reports_of
from bench.results.summary import Summary

PIPE_WIDTH = 220  # of a table that no terminal bounds: nothing is cut
SKIPPED_ROWS = 3  # with one reason; more become one line

COLUMNS: tuple[Column[Summary], ...] = (
    Column("Model", lambda row: format.plain(row.model.name), numeric=False),
    Column("Unit", lambda row: format.plain(row.place), numeric=False),
    Column("p50 ms", lambda row: format.latency(row.p50)[0]),
    Column(">= 95 % interval", lambda row: format.latency(row.p50)[1]),
    Column("p90 ms", lambda row: format.latency(row.p90)[0], dispensable=1),
    Column("first ms", lambda row: format.milliseconds(_value(row.first_call)), dispensable=4),
    Column("native ms", lambda row: format.milliseconds(_value(row.native)), dispensable=4),
    Column("cold load ms", lambda row: format.milliseconds(row.first_load_ns), dispensable=7),
    Column("load ms", lambda row: format.milliseconds(_value(row.load)), dispensable=6),
    Column("MB", lambda row: format.megabytes(row.model.size_bytes), dispensable=2),
    Column("M MACs", lambda row: format.millions(row.model.macs), dispensable=3),
    Column("rel. L2", lambda row: format.scientific(row.model.agreement), dispensable=5),
    Column("Note", lambda row: format.plain(note(row)), numeric=False, folds=True),
)
LEGEND = (
    "p50: median over launches of each launch's median; p90: likewise of its 90th percentile; "
    "first: first call; native: of it, inside Core ML; cold load: straight after compiling; "
    "rel. L2: distance of the logits from PyTorch's, as verified at export"
)


def print_results(paths: Sequence[Path]) -> None:
    """Print the sessions of `paths`. Raises `RecordError`."""
    show(reports_of(read(paths)))


def show(reports: Sequence[Report], console: Console | None = None) -> None:
    """Print reports, one after the other: what to know first, then a table per runtime."""
    console = console or stdout()
    for one in reports:
        console.print(Text(heading(one), style="bold"), soft_wrap=True)
        for line in one.facts:
            console.print(Text(line), soft_wrap=True)
        for warning in one.warnings:
            console.print(
                Text.assemble(("warning: ", "yellow"), format.plain(warning)), soft_wrap=True
            )
        for runtime, rows in one.runtimes().items():
            shown, collapsed = collapse(rows)
            console.print()
            console.print(Text(format.plain(f"{runtime}, fastest first"), style="bold"))
            if shown:
                columns.show(console, COLUMNS, shown, lambda row: row.p50 is None)
            for line in collapsed:
                console.print(Text(line, style="dim"), soft_wrap=True)
        _show_accuracy(one, console)
    if any(one.cases for one in reports):
        console.print(Text(LEGEND, style="dim"), soft_wrap=True)


def _show_accuracy(one: Report, console: Console) -> None:
    if one.accuracies:
        console.print()
        console.print(Text("accuracy", style="bold"))
        columns.show(console, accuracy_table.COLUMNS, one.accuracies)
        for line in accuracy_table.legend(one.accuracies):
            console.print(Text(line, style="dim"), soft_wrap=True)
    if one.agreements:
        console.print()
        console.print(Text("agreement", style="bold"))
        for line in accuracy_table.lines(one.agreements, one.accuracies):
            console.print(Text(line), soft_wrap=True)


def markdown(reports: Sequence[Report]) -> str:
    """The same as Markdown."""
    lines: list[str] = []
    for one in reports:
        lines += [f"## {escape(heading(one))}", ""]
        lines += [f"- {escape(fact)}" for fact in one.facts]
        lines += [f"- **warning:** {escape(warning)}" for warning in one.warnings]
        for runtime, rows in one.runtimes().items():
            shown, collapsed = collapse(rows)
            lines += ["", f"### {escape(runtime)}"]
            lines += ["", *columns.markdown(COLUMNS, shown)] if shown else []
            lines += ["", *(f"- {escape(line)}" for line in collapsed)] if collapsed else []
        lines += [*_accuracy_markdown(one), ""]
    if any(one.cases for one in reports):
        lines += [LEGEND, ""]
    return "\n".join(lines)


def _accuracy_markdown(one: Report) -> Iterator[str]:
    if one.accuracies:
        yield from ("", "### accuracy", "")
        yield from columns.markdown(accuracy_table.COLUMNS, one.accuracies)
        yield ""
        yield from (f"- {escape(line)}" for line in accuracy_table.legend(one.accuracies))
    if one.agreements:
        yield from ("", "### agreement", "")
        for line in accuracy_table.lines(one.agreements, one.accuracies):
            yield f"- {escape(line)}"


def collapse(rows: Sequence[Summary]) -> tuple[list[Summary], list[str]]:
    """The rows to show, and a line for those of one runtime skipped for one common reason."""
    counts = Counter((row.runtime, row.reason) for row in rows if row.status == "skipped")
    common = {key: count for key, count in counts.items() if count > SKIPPED_ROWS}
    shown = [
        row for row in rows if row.status != "skipped" or (row.runtime, row.reason) not in common
    ]
    lines = [
        format.plain(f"{count} cases on {runtime} skipped: {reason}")
        for (runtime, reason), count in common.items()
    ]
    return shown, lines


def as_csv(reports: Iterable[Report]) -> str:
    """One line a case, units in the names of the columns."""
    import pandas as pd

    frame = pd.DataFrame([flat(one, row) for one in reports for row in one.cases])
    return str(frame.to_csv(index=False, lineterminator="\n"))


def flat(one: Report, row: Summary) -> dict[str, Any]:
    """One case as a flat record."""
    low, high = row.p50.interval if row.p50 and row.p50.interval else (None, None)
    model = msgspec.structs.asdict(row.model)
    return {
        "source": one.source,
        "session": one.session.session if one.session else None,
        "case": row.case,
        "runtime": row.runtime,
        "unit": row.unit,
        "status": row.status,
        "reason": row.reason,
        "launches": row.launches,
        "launches_failed": row.launches_failed,
        "p50_ns": _value(row.p50),
        "p50_low_ns": low,
        "p50_high_ns": high,
        "p90_ns": _value(row.p90),
        "first_call_ns": _value(row.first_call),
        "load_ns": _value(row.load),
        "first_load_ns": row.first_load_ns,
        "start_ns": _value(row.start),
        "compile_ns": row.compile_ns,
        "native_ns": _value(row.native),
        "peak_memory_bytes": row.peak_memory_bytes,
        "outliers": row.outliers,
        "drifting": row.drifting,
        **{key if key != "name" else "model": value for key, value in model.items()},
    }


def heading(one: Report) -> str:
    if one.session is None:
        return format.plain(one.source)
    return format.plain(f"{one.source}, {one.session.started[:16].replace('T', ' ')} UTC")


def note(row: Summary) -> str:
    """What must be known to read the row."""
    parts = []
    if row.status != "ok":
        parts.append(f"{row.status}: {row.reason}" if row.reason else row.status)
    elif row.reason:
        parts.append(row.reason)
    if row.model.trained is False:
        parts.append("untrained")
    if row.drifting > 1:
        parts.append(f"{row.drifting} launches drift")
    return "; ".join(parts)


def _value(estimate: Any) -> float | None:
    return None if estimate is None else estimate.value


def stdout() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)
