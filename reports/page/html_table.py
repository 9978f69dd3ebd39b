"""Tables of the page: cells that know how they sort."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from bench.results.columns import Column, columns_of

FILTERED_ROWS = 8  # a table of more has a field to filter it by

T = TypeVar("T")


class HtmlCell(NamedTuple):
    """`sort` is the figure behind the text: NaN for a missing one, None for words."""

    text: str
    numeric: bool = False
    sort: float | None = None
    note: str = ""  # on a line of its own
    aside: str = ""  # beside it, less loud
    card: str = ""  # which model's card it opens


class RowLimits(NamedTuple):
    """What a reader's own limits are held against; no accuracy where none is known."""

    frame_ns: float
    size_bytes: int
    top1: float | None


class HtmlRow(NamedTuple):
    """A line of cells; `dim` where it has no figures."""

    cells: Sequence[HtmlCell]
    dim: bool = False
    limits: RowLimits | None = None


class Grid(NamedTuple):
    """A table as the template takes it."""

    headers: Sequence[str]
    rows: Sequence[HtmlRow]

    @property
    def is_filtered(self) -> bool:
        """Whether it is too long to be looked through."""
        return len(self.rows) > FILTERED_ROWS


def table(
    columns: Sequence[Column[T]],
    rows: Sequence[T],
    note: Callable[[T], str],
    card: Callable[[T], str],
) -> Grid:
    """A table of the terminal, with the notes where a phone shows them: below the names.

    A name opens the `card` of its row.
    """
    first, *others = (column for column in columns_of(columns, rows) if not column.folds)
    return Grid(
        [first.header, *(column.header for column in others)],
        [
            HtmlRow([
                HtmlCell(first.cell(row), note=note(row), card=card(row)),
                *(cell(column.cell(row), column.numeric) for column in others),
            ])
            for row in rows
        ],
    )  # fmt: skip


def cell(text: str, numeric: bool = True, aside: str = "") -> HtmlCell:
    """A figure sorts by its (first) number, words by themselves."""
    if not numeric:
        return HtmlCell(text, aside=aside)
    try:
        figure = float(text.split(maxsplit=1)[0].replace(",", ""))
    except ValueError:
        figure = float("nan")
    return HtmlCell(text, True, figure, aside=aside)


def words(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Grid:
    """A table of nothing but words."""
    return Grid(headers, [HtmlRow([HtmlCell(text) for text in row]) for row in rows])
