"""The timed loop. Warm-up by time, then a fixed number of samples; nothing is thrown away.

The design follows google/benchmark (`RunWarmUp` uses the same loop as measuring, and its
estimates are discarded) and pyperf (calls are grouped when one is too short to be timed).
"""

import gc
import resource
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

Call = Callable[[], object]
Clock = Callable[[], int]

SINGLE_CALL_NS = 200_000  # a call this long is a sample by itself, so percentiles mean something
GROUP_NS = 1_000_000  # shorter ones are grouped until a sample lasts 1 ms (pyperf's bound)
CLOCK_STEPS = 100  # a sample lasts this many steps of the clock: an error of at most 1 %
MAX_CALLS = 1 << 20
KEPT_WARMUP = 100  # settling shows in the first calls; a long warm-up would fill the file


class Timings(NamedTuple):
    """Integers of ns; a sample is `calls_per_sample` calls in a row."""

    warmup_ns: tuple[int, ...]  # single calls, the first `KEPT_WARMUP`
    samples_ns: tuple[int, ...]
    cpu_ns: tuple[int, ...]  # of each sample, all threads of the process together
    voluntary_switches: int  # of context, while the samples were taken
    involuntary_switches: int
    native_ns: tuple[int, ...]  # of each sample's last call, by the runtime's own clock
    calls_per_sample: int
    loop_overhead_ns: int


def measure(
    call: Call,
    *,
    warmup_s: float,
    warmup_calls: int,
    samples: int,
    clock: Clock = time.perf_counter_ns,
    cpu_clock: Clock = time.process_time_ns,
    native: Callable[[], int | None] | None = None,
    check: Callable[[], None] = lambda: None,
    pace: Callable[[], None] | None = None,
) -> Timings:
    """Time `call`, with the garbage collector off.

    `cpu_clock` is read outside of what `clock` times. `native` tells how long the runtime says
    its last prediction took; `check` runs after each sample, outside the timed part, and raises
    to stop. `pace` waits before each call, which then is a sample by itself.
    """
    gc.collect()
    gc.disable()
    try:
        warmup = warm_up(call, warmup_s, warmup_calls, clock, check, pace=pace)
        calls = 1 if pace else calls_per_sample(call, clock)
        overhead = timed(lambda: None, 1000, clock) // 1000
        taken, worked, inside = [], [], []
        before = resource.getrusage(resource.RUSAGE_SELF)
        for _ in range(samples):
            if pace:
                pace()
            begin = cpu_clock()
            taken.append(timed(call, calls, clock))
            worked.append(cpu_clock() - begin)
            if native and (duration := native()) is not None:
                inside.append(duration)
            check()
        after = resource.getrusage(resource.RUSAGE_SELF)
    finally:
        gc.enable()
    return Timings(
        warmup_ns=tuple(warmup),
        samples_ns=tuple(taken),
        cpu_ns=tuple(worked),
        voluntary_switches=after.ru_nvcsw - before.ru_nvcsw,
        involuntary_switches=after.ru_nivcsw - before.ru_nivcsw,
        native_ns=tuple(inside),
        calls_per_sample=calls,
        loop_overhead_ns=overhead,
    )


def timed(call: Call, calls: int, clock: Clock) -> int:
    """Nanoseconds of `calls` calls in a row."""
    if calls == 1:  # no loop between the clock and the call
        begin = clock()
        call()
        return clock() - begin
    begin = clock()
    for _ in range(calls):
        call()
    return clock() - begin


def warm_up(
    call: Call,
    seconds: float,
    at_least: int,
    clock: Clock,
    check: Callable[[], None],
    *,
    pace: Callable[[], None] | None = None,
) -> list[int]:
    """Call for `seconds` and at least `at_least` times; the first durations."""
    durations: list[int] = []
    begin, calls = clock(), 0
    while calls < at_least or clock() - begin < seconds * 1e9:
        if pace:
            pace()
        duration = timed(call, 1, clock)
        if calls < KEPT_WARMUP:
            durations.append(duration)
        calls += 1
        check()
    return durations


def calls_per_sample(call: Call, clock: Clock) -> int:
    """1 where a call can be timed alone, else the least power of two that fills a sample."""
    floor = CLOCK_STEPS * clock_step(clock)
    calls = 1
    while calls < MAX_CALLS:
        took = statistics.median(timed(call, calls, clock) for _ in range(3))
        if took >= max(floor, SINGLE_CALL_NS if calls == 1 else GROUP_NS):
            break
        calls *= 2
    return calls


def clock_step(clock: Clock, readings: int = 20) -> int:
    """The least difference between readings of the clock that is not zero, in ns."""
    steps = []
    for _ in range(readings):
        begin = now = clock()
        while now == begin:
            now = clock()
        steps.append(now - begin)
    return min(steps)
