"""What takes long, on a terminal; nothing but lines in a pipe."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from rich.text import Text

from mobilenet.common.progress import SILENT, Bar
from mobilenet.common.terminal.output import error_console, say, warn
from mobilenet.common.text import duration, one_line

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.status import Status

REDRAWN_S = 0.1  # between drawings; more often costs time that work could have


class TerminalBar:
    """Draws itself when it is told something, with the time that is left."""

    def __init__(self, drawing: "Progress", task: "TaskID") -> None:
        self._drawing, self._task = drawing, task
        self._began: tuple[float, float] | None = None  # when, and how much was done before
        self._drawn = 0.0

    def update(self, done: float, total: float, text: str = "") -> None:
        """So much is `done` of `total`, in any unit; `text` says it in words."""
        now = time.monotonic()
        if now - self._drawn < REDRAWN_S and done < total:
            return
        self._drawn = now
        began, before = self._began = self._began or (now, done)
        if done > before:
            text += f", {duration((now - began) / (done - before) * (total - done))} left"
        self._drawing.update(
            self._task, completed=done, total=total, text=one_line(text), refresh=True
        )


class TerminalProgress:
    """Lines and bars on stderr; a spinner pauses while a bar is drawn, and a bar has no other."""

    def __init__(self, spinner: "Status | None" = None) -> None:
        self._spinner, self._is_drawing = spinner, False

    def say(self, text: str) -> None:
        """One line about what begins now."""
        say(text)

    def warn(self, text: str) -> None:
        """One line that must not be overlooked."""
        warn(text)

    @contextmanager
    def bar(self, title: str) -> Iterator[Bar]:
        """A bar while the context lasts."""
        if self._is_drawing or not error_console.is_terminal:
            yield SILENT
            return
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (
            TextColumn(one_line(title), markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[text]}", markup=False),
        )
        with (
            self._pause(),
            Progress(
                *columns, console=error_console, auto_refresh=False, transient=True
            ) as drawing,
        ):
            yield TerminalBar(drawing, drawing.add_task("", total=None, text=""))

    @contextmanager
    def _pause(self) -> Iterator[None]:
        self._is_drawing = True
        if self._spinner:
            self._spinner.stop()
        try:
            yield
        finally:
            self._is_drawing = False
            if self._spinner:
                self._spinner.start()


DRAWN = TerminalProgress()


@contextmanager
def working(text: str) -> Iterator[TerminalProgress]:
    """A spinner on stderr while something takes its time; nothing where stderr is piped."""
    spinner = error_console.status(Text(one_line(text))) if error_console.is_terminal else None
    with spinner or nullcontext():
        yield TerminalProgress(spinner)
