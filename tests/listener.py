"""A `Progress` that remembers what it was told."""

from collections.abc import Iterator
from contextlib import contextmanager


class Listener:
    """Lines, warnings and the updates of bars, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.updates: list[tuple[str, float, float, str]] = []
        self._title = ""

    def say(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.lines.append(f"warning: {text}")

    @contextmanager
    def bar(self, title: str) -> Iterator["Listener"]:
        self._title = title
        yield self

    def update(self, done: float, total: float, text: str = "") -> None:
        self.updates.append((self._title, done, total, text))
