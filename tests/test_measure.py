"""The timed loop, on a clock that passes only when told."""

import gc
import itertools
import threading

import pytest

from bench.workers import measure
from fakes import FakeClock

MS = 1_000_000


def test_a_long_call_is_a_sample_by_itself() -> None:
    clock = FakeClock()
    timings = measure.measure(
        clock.call(5 * MS), warmup_s=0.02, warmup_calls=3, samples=7, clock=clock
    )
    assert timings.calls_per_sample == 1
    assert timings.samples_ns == (5 * MS + 1,) * 7


def test_a_short_call_is_grouped_until_a_sample_lasts_a_millisecond() -> None:
    clock = FakeClock()
    timings = measure.measure(
        clock.call(3_000), warmup_s=0, warmup_calls=1, samples=4, clock=clock
    )
    assert timings.calls_per_sample == 512  # 256 calls take 0.77 ms
    assert set(timings.samples_ns) == {512 * 3_000 + 1}


def test_a_coarse_clock_gets_samples_of_a_hundred_steps() -> None:
    clock = FakeClock(step_ns=MS, reading_ns=1000)
    timings = measure.measure(
        clock.call(2 * MS), warmup_s=0, warmup_calls=1, samples=4, clock=clock
    )
    assert timings.calls_per_sample == 64  # 32 calls take 64 steps
    each = [sample / 64 for sample in timings.samples_ns]
    assert each == pytest.approx([2 * MS] * 4, rel=0.02)


@pytest.mark.parametrize("step_ns", [1, 41, 1_000, 15_625_000])
def test_the_step_of_a_clock_is_found(step_ns: int) -> None:
    assert measure.clock_step(FakeClock(step_ns, reading_ns=max(1, step_ns // 7))) == step_ns


def test_warm_up_lasts_its_time_and_at_least_its_calls() -> None:
    clock = FakeClock()
    assert len(measure.warm_up(clock.call(10 * MS), 0.1, 3, clock, lambda: None)) == 10
    assert len(measure.warm_up(clock.call(10 * MS), 0.0, 3, clock, lambda: None)) == 3


def test_a_long_warm_up_is_carried_out_and_its_head_is_kept() -> None:
    clock, calls = FakeClock(), itertools.count()

    def call() -> None:
        clock.time_ns += MS + 1000 * next(calls)

    kept = measure.warm_up(call, 1.0, 1, clock, lambda: None)
    assert len(kept) == measure.KEPT_WARMUP
    assert kept == sorted(kept)
    assert next(calls) > measure.KEPT_WARMUP


def test_settling_is_in_the_warm_up_and_nothing_is_thrown_away() -> None:
    clock = FakeClock()
    slow_start = itertools.chain([9 * MS, 5 * MS], itertools.repeat(2 * MS, 8), [40 * MS])
    script = clock.script(itertools.chain(slow_start, itertools.repeat(2 * MS)))
    timings = measure.measure(script, warmup_s=0, warmup_calls=2, samples=10, clock=clock)
    assert [value // MS for value in timings.warmup_ns] == [9, 5]
    assert max(timings.samples_ns) // MS == 40


def test_the_garbage_collector_is_off_and_comes_back() -> None:
    clock, states = FakeClock(), []

    def call() -> None:
        clock.time_ns += MS
        states.append(gc.isenabled())

    measure.measure(call, warmup_s=0, warmup_calls=1, samples=2, clock=clock)
    assert states
    assert not any(states)
    assert gc.isenabled()


def test_native_durations_stand_beside_the_wall_times() -> None:
    clock = FakeClock()
    timings = measure.measure(
        clock.call(MS), warmup_s=0, warmup_calls=1, samples=3, clock=clock, native=lambda: 900_000
    )
    assert timings.native_ns == (900_000,) * 3


def test_cpu_time_stands_beside_the_wall_time_and_reading_it_is_not_timed() -> None:
    clock, cpu_clock = FakeClock(), FakeClock()

    def read_slowly() -> int:
        clock.time_ns += 50 * MS
        return cpu_clock()

    def call() -> None:
        clock.time_ns += 5 * MS
        cpu_clock.time_ns += 2 * MS

    timings = measure.measure(
        call, warmup_s=0, warmup_calls=1, samples=3, clock=clock, cpu_clock=read_slowly
    )
    assert timings.samples_ns == (5 * MS + 1,) * 3
    assert timings.cpu_ns == (2 * MS + 1,) * 3


def test_waiting_is_a_voluntary_switch_and_takes_no_cpu_time() -> None:
    timings = measure.measure(
        lambda: threading.Event().wait(0.001), warmup_s=0, warmup_calls=1, samples=8
    )
    assert timings.voluntary_switches >= 8
    assert sum(timings.cpu_ns) < sum(timings.samples_ns)


def test_a_check_that_raises_ends_it() -> None:
    clock = FakeClock()

    def check() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        measure.measure(
            clock.call(MS), warmup_s=0, warmup_calls=1, samples=3, clock=clock, check=check
        )
    assert gc.isenabled()
