"""Reports as text: for the terminal, for Markdown, and as rows for other programs."""

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports import format
from reports.read import read
from reports.report import Report, reports_of
from reports.summary import Summary

GAP = 3  # characters between columns
NOTE_WIDTH = 24  # the least that a note is folded to
PIPE_WIDTH = 220  # of a table that no terminal bounds: nothing is cut


class Column(NamedTuple):
    header: str
    cell: Callable[[Summary], str]
    numeric: bool = True
    dispensable: int = 0  # the highest goes first where the terminal is narrow; 0 stays


COLUMNS = (
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
    Column("Note", lambda row: format.plain(note(row)), numeric=False),
)
LEGEND = (
    "p50: median over launches of each launch's median; p90: likewise of its 90th percentile; "
    "first: first call; native: of it, inside Core ML; cold load: straight after compiling; "
    "rel. L2: distance of the logits from PyTorch's, as verified at export"
)


def print_results(paths: Sequence[Path], *, claims: bool = False) -> None:
    """Print the sessions of `paths`, and with `claims` what they say of the paper's.

    Raises `RecordError`.
    """
    sessions = read(paths)
    show(reports_of(sessions))
    if claims:
        from reports import answers
        from reports.claims import findings

        answers.show_claims(findings(sessions))


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
            known = columns_of(rows)
            columns = _fitting(known, rows, console.width)
            console.print()
            console.print(Text(format.plain(f"{runtime}, fastest first"), style="bold"))
            console.print(_table(rows, columns, box.SIMPLE_HEAD))
            if left_out := [column.header for column in known if column not in columns]:
                console.print(Text(f"no room for: {', '.join(left_out)}", style="dim"))
    if any(one.cases for one in reports):
        console.print(Text(LEGEND, style="dim"), soft_wrap=True)


def markdown(reports: Iterable[Report]) -> str:
    """The same as Markdown."""
    lines: list[str] = []
    for one in reports:
        lines += [f"## {_cell(heading(one))}", ""]
        lines += [f"- {_cell(fact)}" for fact in one.facts]
        lines += [f"- **warning:** {_cell(warning)}" for warning in one.warnings]
        for runtime, rows in one.runtimes().items():
            lines += ["", f"### {_cell(runtime)}", ""]
            buffer = io.StringIO()
            console = Console(file=buffer, width=1000, color_system=None)
            console.print(_table(rows, columns_of(rows), box.MARKDOWN))
            lines += [line.strip() for line in buffer.getvalue().splitlines() if line.strip()]
        lines.append("")
    return "\n".join([*lines, LEGEND, ""])


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


def columns_of(rows: Sequence[Summary]) -> list[Column]:
    """The columns that have something to show."""
    return [
        column
        for column in COLUMNS
        if not column.dispensable or any(column.cell(row) != format.MISSING for row in rows)
    ]


def _fitting(columns: Sequence[Column], rows: Sequence[Summary], room: int) -> list[Column]:
    """As many columns as `room` characters hold, the most dispensable left out first."""
    kept = list(columns)
    while sum(_width(column, rows) + GAP for column in kept) > room:
        worst = max(kept, key=lambda column: column.dispensable)
        if not worst.dispensable:
            break
        kept.remove(worst)
    return kept


def _width(column: Column, rows: Sequence[Summary]) -> int:
    widest = max(cell_len(text) for text in (column.header, *map(column.cell, rows)))
    return min(widest, NOTE_WIDTH) if column is COLUMNS[-1] else widest


def _table(rows: Sequence[Summary], columns: Sequence[Column], style: box.Box) -> Table:
    table = Table(box=style, pad_edge=False)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.numeric else "left"
        width = _width(column, rows) if column.numeric or column is columns[0] else None
        table.add_column(column.header, justify=justify, min_width=width)
    escape = _cell if style is box.MARKDOWN else str
    for row in rows:
        cells = (Text(escape(column.cell(row))) for column in columns)
        table.add_row(*cells, style="" if row.p50 else "dim")
    return table


def _cell(text: str) -> str:
    """Text that neither ends a Markdown cell nor begins HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def stdout() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)
