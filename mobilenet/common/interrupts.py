"""Ctrl-C that waits while something must not be cut in two."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | int | None
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Yield a function that lets Ctrl-C and SIGTERM through; until it is called they wait.

    Once let through, what came meanwhile acts at once, inside that call: begin the `try` that
    cleans up before it. The end of the block lets through as well. A child process inherits
    nothing of this. In another thread than the main one, which gets no signals, nothing is held.
    """
    arrived: list[int] = []
    handlers: dict[signal.Signals, Handler] = {}

    def note(number: int, _: FrameType | None) -> None:
        arrived.append(number)

    def let_through() -> None:
        while handlers:
            signal.signal(*handlers.popitem())
        while arrived:
            signal.raise_signal(arrived.pop())

    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            # Ignored ones stay so, in the child too; None was not set by Python.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                handlers[number] = signal.signal(number, note)
    try:
        yield let_through
    finally:
        let_through()
