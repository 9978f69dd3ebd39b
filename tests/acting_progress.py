"""A progress that does something in the middle of work: at one moment, on any machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mobilenet.common.progress import Bar, Silence


class Acting(Silence):
    """Acts once, when the piece of work called `title` is half done."""

    def __init__(self, title: str, act: Callable[[], object]) -> None:
        self._title, self._act, self._is_watched = title, act, False
        self.acted = False

    @contextmanager
    def bar(self, title: str) -> Iterator[Bar]:
        """Watch it while it lasts."""
        self._is_watched = title == self._title
        yield self
        self._is_watched = False

    def update(self, done: float, total: float, text: str = "") -> None:
        """Act, if it is time."""
        if self._is_watched and not self.acted and 2 * done >= total:
            self.acted = True
            self._act()
