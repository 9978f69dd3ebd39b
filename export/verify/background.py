"""Runs in processes of their own, begun before their answers are needed."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")
AT_ONCE = 3  # an asset is read and run, and its twin


class Background:
    """Begins work; at the end of the `with` block all of it is done.

    Work that is done `elsewhere`, in another process, begins at once in a thread that waits for
    it; other work is left until it is asked for.
    """

    def __init__(self, elsewhere: bool) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE) if elsewhere else None

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        """What gives the result, and raises what `work` raises."""
        if self._threads is None:
            return functools.cache(work)
        return self._threads.submit(work).result

    def meanwhile(self, work: Callable[[], object]) -> None:
        """Do `work` now if other work has begun."""
        if self._threads is not None:
            work()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
