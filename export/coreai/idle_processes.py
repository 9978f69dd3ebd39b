"""Processes that hold Apple's library and wait for work: to start one costs more than to read."""

import atexit
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from export.coreai.separate_process import CoreAIProcess

MOST_IDLE = 2  # an asset and its twin
_idle: list[CoreAIProcess] = []
# on Linux they are killed with the thread that started them (prctl(2)): one that stays
_starter = ThreadPoolExecutor(1)


def take() -> CoreAIProcess:
    """One that is idle, or a new one. Raises `UnsupportedError` without the library."""
    with suppress(IndexError):
        while True:
            process = _idle.pop()
            if process.is_idle:
                return process
            process.close()
    return _starter.submit(CoreAIProcess).result()


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
