"""Tables of the page: cells that know how they sort."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from bench.results.columns import Column, columns_of

T = TypeVar("T")


class HtmlCell(NamedTuple):
    """`sort` is the figure behind the text: NaN for a missing one, None for words."""

    text: str
    numeric: bool = False
    sort: float | None = None
    note: str = ""  # on a line of its own


class HtmlRow(NamedTuple):
    """A line of cells; `dim` where it has no figures."""

    cells: Sequence[HtmlCell]
    dim: bool = False


class Grid(NamedTuple):
    """A table as the template takes it."""

    headers: Sequence[str]
    rows: Sequence[HtmlRow]


def table(
    columns: Sequence[Column[T]],
    rows: Sequence[T],
    note: Callable[[T], str],
    is_dim: Callable[[T], bool] | None = None,
) -> Grid:
    """A table of the terminal, with the notes where a phone shows them: below the names."""
    first, *others = (column for column in columns_of(columns, rows) if not column.folds)
    return Grid(
        [first.header, *(column.header for column in others)],
        [
            HtmlRow(
                [
                    HtmlCell(first.cell(row), note=note(row)),
                    *(cell(column.cell(row), column.numeric) for column in others),
                ],
                dim=is_dim is not None and is_dim(row),
            )
            for row in rows
        ],
    )


def cell(text: str, numeric: bool = True) -> HtmlCell:
    """A figure sorts by its (first) number, words by themselves."""
    if not numeric:
        return HtmlCell(text)
    try:
        return HtmlCell(text, True, float(text.split(maxsplit=1)[0].replace(",", "")))
    except ValueError:
        return HtmlCell(text, True, float("nan"))


def words(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Grid:
    """A table of nothing but words."""
    return Grid(headers, [HtmlRow([HtmlCell(text) for text in row]) for row in rows])
