"""What the grid looks like: one bar while it is made, one table when it is done."""

from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from export.sweep import MANIFEST, Manifest, Row
from mobilenet.common import terminal


def followed(rows: Iterator[Row], total: int) -> list[Row]:
    """Collect the rows behind a progress bar. Ctrl-C keeps what is finished."""
    found: list[Row] = []
    columns = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=terminal.err, transient=True, disable=not terminal.err.is_terminal
    ) as bar:
        task = bar.add_task("", total=total)
        try:
            for row in rows:
                found.append(row)
                bar.advance(task)
        except KeyboardInterrupt:
            terminal.warn("interrupted: waiting for what has begun; run it again to go on")
            if isinstance(rows, Generator):
                rows.close()
    return found


def show(manifest: Manifest, folder: Path, *, json: bool) -> None:
    """The manifest as a table, with every distinct warning once."""
    if json:
        terminal.print_json(manifest)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("package", no_wrap=True)
    for heading in ("alpha", "pixels", "MB", "M MACs", "M params", "agreement"):
        table.add_column(heading, justify="right")
    table.add_column("status")
    for row in manifest.rows:
        table.add_row(*_cells(row))
    terminal.out.print(table)
    counts = Counter(row.status for row in manifest.rows)
    said = ", ".join(f"{number} {status}" for status, number in counts.items())
    terminal.out.print(f"\n{said}; manifest in {folder / MANIFEST}")
    terminal.out.print(
        "agreement: relative L2 of logits against PyTorch, portable runtime", style="dim"
    )
    for remark, number in Counter(r for row in manifest.rows for r in row.remarks).items():
        terminal.warn(f"{number} x {remark}")


def _cells(row: Row) -> list[str]:
    shallow = " shallow" if row.shallow else ""
    wanted = f"MobileNet v1{shallow}, target {row.target}"
    return [
        row.package or wanted,
        f"{row.alpha:g}",
        str(row.resolution),
        _number(row.size_bytes, 1e6, ".2f"),
        _number(row.macs, 1e6, ".1f"),
        _number(row.parameters, 1e6, ".2f"),
        "" if row.agreement is None else f"{row.agreement:.1e}",
        row.status + (f": {row.reason}" if row.reason else ""),
    ]


def _number(value: int | None, unit: float, form: str) -> str:
    return "" if value is None else format(value / unit, form)
