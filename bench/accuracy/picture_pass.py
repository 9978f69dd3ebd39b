"""The pass over the pictures: decode once, ask every model, in order.

Decoding processes and asking threads work at the same time, each thread with one core's worth of
arithmetic: that keeps all cores busy, where one call over several cores waits for the slowest of
them at every layer. Only a few batches are in flight, so memory does not grow with the set.
"""

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

from bench.accuracy.subjects import Subject
from mobilenet.common.children import Child, ChildPool

BATCH = 8  # pictures; while the last is answered, other threads have nothing to do
AHEAD = 2  # batches in flight for every thread: one being answered, one decoded

Sample = TypeVar("Sample")
Opened = TypeVar("Opened")
Line = TypeVar("Line")


class Speed(NamedTuple):
    """How much is done at once."""

    jobs: int  # decoding processes
    threads: int  # that ask
    batch: int  # pictures that a thread is given

    @classmethod
    def of(cls, subjects: Sequence[Subject], jobs: int) -> "Speed":
        """What `subjects` bear: an interpreter takes one picture, some runtimes one thread."""
        threads = jobs if all(subject.threads_at_once for subject in subjects) else 1
        return cls(jobs, threads, 1 if any(each.interpreted_s for each in subjects) else BATCH)


def cores() -> int:
    """Of those this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def interpreting_s(seconds_each: float, pictures: int, jobs: int) -> float:
    """About how long interpreters take for so many pictures, with `seconds_each`."""
    return seconds_each * math.ceil(pictures / min(jobs, cores()))


def in_order(
    samples: Sequence[Sample],
    decode: Callable[[Sequence[Sample], Child], Sequence[Opened]],
    answer: Callable[[Sequence[Sample], Sequence[Opened], Callable[[], None]], Sequence[Line]],
    speed: Speed,
) -> Generator[Line]:
    """What `answer` makes of each sample that `decode` has opened, in a thread.

    `answer` calls its last argument between long steps: it raises once nobody waits any more.
    Closing the generator ends threads and processes, whatever the latter do.
    """
    size = speed.batch
    todo = (samples[i : i + size] for i in range(0, len(samples), size))
    stopped = threading.Event()

    def going_on() -> None:
        if stopped.is_set():
            raise CancelledError

    # Left in reverse: a thread may wait for a child that hangs, which ends with its pool.
    with ThreadPoolExecutor(speed.threads) as pool, ChildPool(speed.jobs) as children:

        def started(batch: Sequence[Sample]) -> Future[Sequence[Line]]:
            opened = children.submit(partial(decode, batch))

            def finish() -> Sequence[Line]:
                going_on()
                return answer(batch, opened.result(), going_on)

            return pool.submit(finish)

        try:
            flying = deque(map(started, islice(todo, AHEAD * speed.jobs)))
            while flying:
                done = flying.popleft().result()
                flying.extend(map(started, islice(todo, 1)))
                yield from done
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
