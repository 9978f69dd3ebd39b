"""Lines, cards, tables and data."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from mobilenet.common.terminal.streams import read_or_not
from mobilenet.common.text import MESSAGE, escaped, json_text, one_line

PIPED_WIDTH = 220  # where no terminal bounds a table, none of it is cut
TABLE_WIDTH = 160  # a narrower terminal wraps lines rather than cells

error_console = Console(stderr=True, markup=False, emoji=False, highlight=False)

Lines = str | Sequence[str]


class _Escaped:
    """What is rendered, with nothing in its text but text: codes are of our styles alone."""

    def __init__(self, content: RenderableType) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._content, options):
            text = "\n".join(map(escaped, segment.text.split("\n")))
            yield segment if segment.control else Segment(text, segment.style)


def show(*contents: RenderableType, width: int = 0) -> None:
    """Print tables and texts of rich; `width` characters are used on any terminal."""
    console = Console(markup=False, emoji=False, highlight=False)
    console.width = max(width, console.width if console.is_terminal else PIPED_WIDTH)
    for content in contents:
        _print(console, content)


def line(*parts: str | tuple[str, str]) -> None:
    """Print one line of parts: texts, or texts with their styles."""
    show(_assembled(parts))


def card(rows: Mapping[str, Lines]) -> None:
    """Print titles with what belongs to them, each a line or several."""
    grid = Table.grid(padding=(0, 2))
    for title, value in rows.items():
        lines = [value] if isinstance(value, str) else value
        grid.add_row(Text(one_line(title), "bold"), Text("\n".join(map(one_line, lines))))
    show(grid, width=TABLE_WIDTH)


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Collection[str] = (),
    styles: Iterable[str] = (),
) -> None:
    """Print rows of cells; columns not among `words` are numbers, to the right.

    `styles` are the rows' own, as many as there are rows, or none.
    """
    content = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        is_text = header in words
        content.add_column(
            one_line(header),
            justify="left" if is_text else "right",
            overflow="fold",
            no_wrap=not is_text,
        )
    styles = iter(styles)
    for row in rows:
        content.add_row(*(Text(one_line(cell)) for cell in row), style=next(styles, ""))
    show(content, width=TABLE_WIDTH)


def say(text: str = "") -> None:
    """A remark for the person at the terminal; never part of the data."""
    _print(error_console, Text(one_line(text)))


def warn(text: str) -> None:
    """A remark that must not be overlooked."""
    _print(error_console, _assembled([("warning: ", "yellow"), text]))


def fail(message: str, hint: str) -> None:
    """What went wrong, and what can be done about it."""
    tail = (f" ({one_line(hint, MESSAGE)})", "dim") if hint else ""
    with suppress(OSError):  # a full stderr, or nobody reads it: the exit code tells
        _print(error_console, _assembled([("error: ", "red"), one_line(message, MESSAGE), tail]))


def print_json(data: object) -> None:
    """Any dataclass or msgspec structure as indented JSON on stdout; paths become text."""
    print_data(json_text(data))


def deliver(data: object, contents: Iterable[RenderableType], *, json: bool) -> None:
    """Print `data` as JSON, or what is shown of it."""
    if json:
        print_json(data)
    else:
        show(*contents)


def print_data(text: str) -> None:
    """Text for other programs, as it is: in UTF-8, whatever the terminal has."""
    with read_or_not(sys.stdout):
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()


def _assembled(parts: Iterable[str | tuple[str, str]]) -> Text:
    pairs = ((part, "") if isinstance(part, str) else part for part in parts)
    return Text.assemble(*((one_line(text), style) for text, style in pairs))


def _print(console: Console, content: RenderableType) -> None:
    """Print whole lines, in what the stream can encode; a pipe gets no blanks at their ends."""
    with console.capture() as captured:
        console.print(_Escaped(content), soft_wrap=True)
    text = captured.get()
    if not console.is_terminal:
        text = "".join(f"{row.rstrip()}\n" for row in text.splitlines())
    encoded = text.encode(console.encoding, "backslashreplace").decode(console.encoding)
    with read_or_not(console.file):
        console.file.write(encoded)
        console.file.flush()
