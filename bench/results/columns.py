"""Columns of a table: those that have something to show, those that fit, and the table of them."""

import io
from collections.abc import Callable, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from bench.results import format
from mobilenet.common import text

GAP = 3  # characters between columns
MARKDOWN_WIDTH = 100_000  # a cell must not be folded
NOTE_WIDTH = 24  # the least that a note is folded to

T = TypeVar("T")


class Column(NamedTuple, Generic[T]):
    """What a column is called, and its cell for a row of type T."""

    header: str
    cell: Callable[[T], str]
    numeric: bool = True
    dispensable: int = 0  # the highest goes first where the terminal is narrow; 0 stays
    folds: bool = False  # a note, in several lines where there is no room
    sets_apart: bool = False  # shown only where its cells differ


class FittedTable(Generic[T]):
    """A table of as many columns as there is room for; the others are named below it."""

    def __init__(
        self,
        columns: Sequence[Column[T]],
        rows: Sequence[T],
        is_dim: Callable[[T], bool] | None = None,
    ) -> None:
        self.columns, self.rows, self.is_dim = columns_of(columns, rows), rows, is_dim

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        kept = _fitting(self.columns, self.rows, options.max_width)
        yield _table(self.rows, kept, box.SIMPLE_HEAD, self.is_dim)
        if left_out := [column.header for column in self.columns if column not in kept]:
            yield Text(f"no room for: {', '.join(left_out)}", style="dim")


def columns_of(columns: Sequence[Column[T]], rows: Sequence[T]) -> list[Column[T]]:
    """The columns that have something to show."""
    return [
        column for column in columns if _has_something(column, [column.cell(row) for row in rows])
    ]


def _has_something(column: Column[T], cells: Sequence[str]) -> bool:
    if column.sets_apart:
        return len(set(cells)) > 1
    is_needed = not (column.dispensable or column.folds)
    return is_needed or any(cell not in ("", format.MISSING) for cell in cells)


def markdown(columns: Sequence[Column[T]], rows: Sequence[T]) -> list[str]:
    """The lines of a Markdown table."""
    console = Console(file=io.StringIO(), width=MARKDOWN_WIDTH, color_system=None)
    with console.capture() as printed:
        console.print(_table(rows, columns_of(columns, rows), box.MARKDOWN))
    return [line.strip() for line in printed.get().splitlines() if line.strip()]


def _fitting(columns: Sequence[Column[T]], rows: Sequence[T], room: int) -> list[Column[T]]:
    """As many columns as `room` characters hold, the most dispensable left out first."""
    kept = list(columns)
    while sum(_width(column, rows) + GAP for column in kept) > room:
        worst = max(kept, key=lambda column: column.dispensable)
        if not worst.dispensable:
            break
        kept.remove(worst)
    return kept


def _width(column: Column[T], rows: Sequence[T]) -> int:
    widest = max(cell_len(text) for text in (column.header, *map(column.cell, rows)))
    return min(widest, NOTE_WIDTH) if column.folds else widest


def _table(
    rows: Sequence[T],
    columns: Sequence[Column[T]],
    style: box.Box,
    is_dim: Callable[[T], bool] | None = None,
) -> Table:
    table = Table(box=style, pad_edge=False)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.numeric else "left"
        keeps = column.numeric or column is columns[0]
        width = _width(column, rows) if keeps else None
        table.add_column(column.header, justify=justify, min_width=width, no_wrap=keeps)
    shown = text.markdown if style is box.MARKDOWN else text.one_line
    for row in rows:
        cells = (Text(shown(column.cell(row))) for column in columns)
        table.add_row(*cells, style="dim" if is_dim and is_dim(row) else "")
    return table
