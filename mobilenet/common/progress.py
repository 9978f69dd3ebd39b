"""What long work reports while it runs: to nobody, unless a command hands it its terminal.

A bar is drawn only when it is told something: one that moves by itself takes time from what is
measured.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Bar(Protocol):
    """How far one piece of work is."""

    def update(self, done: float, total: float, text: str = "") -> None:
        """So much is `done` of `total`, in any unit; `text` says it in words."""


class Progress(Protocol):
    """Who is told of work that takes long."""

    def say(self, text: str) -> None:
        """One line about what begins now."""

    def warn(self, text: str) -> None:
        """One line that must not be overlooked."""

    def bar(self, title: str) -> AbstractContextManager[Bar]:
        """A bar while the context lasts; one at a time."""


class Silence:
    """Tells nobody."""

    def say(self, text: str) -> None:
        """Nothing."""

    def warn(self, text: str) -> None:
        """Nothing."""

    @contextmanager
    def bar(self, title: str) -> Iterator[Bar]:  # noqa: ARG002  # a Progress has a title
        """Nothing is drawn."""
        yield self

    def update(self, done: float, total: float, text: str = "") -> None:
        """Nothing."""


SILENT = Silence()


def tracked(
    items: Sequence[T], weight: Callable[[T], float], title: str, progress: Progress
) -> Iterator[T]:
    """Each item in turn; `weight` is its share of the whole time, in any unit."""
    total, done = sum(map(weight, items)), 0.0
    with progress.bar(title) as bar:
        bar.update(0, total, f"0/{len(items)}")
        for number, item in enumerate(items, start=1):
            yield item
            done += weight(item)
            bar.update(done, total, f"{number}/{len(items)}")
