"""What ends a command from outside: Ctrl-C, SIGTERM, and SIGHUP of a terminal that is closed.

All are exceptions, so that what cleans up after Ctrl-C does so after the others. What must not
be cut in two holds them back.
"""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

Handler = Callable[[int, FrameType | None], Any] | int | None
ENDING = (signal.SIGTERM, signal.SIGHUP)
SIGNALS = (signal.SIGINT, *ENDING)


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number  # as shells count


@contextmanager
def raised() -> Iterator[Callable[[], None]]:
    """Within, SIGTERM and SIGHUP raise `Terminated`, as Ctrl-C raises `KeyboardInterrupt`.

    Yields a function that has all of them ignored up to the end of the block: a terminal that is
    closed may send several. What is ignored at the beginning stays so.
    """
    before: dict[int, Handler] = {}
    try:
        _replace(ENDING, _raise, before)
        yield lambda: _replace(SIGNALS, signal.SIG_IGN, before)
    finally:
        _restore(before)


@contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Yield a function that lets Ctrl-C and its like through; until it is called they wait.

    Once let through, what came meanwhile acts at once, inside that call: begin the `try` that
    cleans up before it. The end of the block lets through as well. A child process inherits
    nothing of this. In another thread than the main one, which gets no signals, nothing is held.
    """
    arrived: list[int] = []
    before: dict[int, Handler] = {}

    def note(number: int, _: FrameType | None) -> None:
        arrived.append(number)

    def let_through() -> None:
        _restore(before)
        while arrived:
            signal.raise_signal(arrived.pop())

    try:
        _replace(SIGNALS, note, before)
        yield let_through
    finally:
        let_through()


def _raise(number: int, _: FrameType | None) -> NoReturn:
    raise Terminated(number)


def _replace(
    numbers: Iterable[signal.Signals], handler: Handler, before: dict[int, Handler]
) -> None:
    """Set a handler for those of `numbers` that are not ignored, and keep what was `before`.

    Ignored ones stay so, in children too. Other threads than the main one can set nothing.
    """
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            current = signal.getsignal(number)
            if current not in (signal.SIG_IGN, None):  # None was not set by Python
                before.setdefault(number, current)
                signal.signal(number, handler)


def _restore(handlers: dict[int, Handler]) -> None:
    for number in list(handlers):
        signal.signal(number, handlers[number])
        del handlers[number]
