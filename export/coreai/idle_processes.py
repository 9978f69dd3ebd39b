"""Processes that hold Apple's library and wait for work: to start one costs more than to read."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager

from export.coreai.separate_process import CoreAIProcess

MOST_IDLE = 2  # an asset and its twin
_idle: list[CoreAIProcess] = []


def take() -> CoreAIProcess:
    """One that is idle, or a new one. Raises `UnsupportedError` without the library."""
    return _idle.pop() if _idle else CoreAIProcess()


def give_back(process: CoreAIProcess) -> None:
    """Keep it for the next, unless it has ended or was interrupted, or enough are kept."""
    if process.is_idle and len(_idle) < MOST_IDLE:
        _idle.append(process)
    else:
        process.close()


@contextmanager
def borrowed() -> Iterator[CoreAIProcess]:
    """Take one, and give it back."""
    process = take()
    try:
        yield process
    finally:
        give_back(process)


@atexit.register
def _close() -> None:
    while _idle:
        _idle.pop().close()
