"""Comparison: what it finds, what it must not find, and what it refuses."""

import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import made_results as made
from bench.results.compare import Comparison, compare_launches
from bench.results.records import Launch
from mobilenet.networks.v1 import MobileNetConfig

CASES = [made.case(made.model(MobileNetConfig(alpha=alpha))) for alpha in (1.0, 0.5)]
NAMES = [case.case for case in CASES]


def simulated(ratio: float, rounds: int, seed: int) -> Comparison:
    """One session of two cases: slow drift, launch effects, spikes."""
    latency_ms = {NAMES[0]: 10.0, NAMES[1]: 10.0 * ratio}
    both: dict[str, list[Launch]] = {name: [] for name in NAMES}
    for launch in made.launches(CASES, latency_ms, rounds, 11, seed):
        both[launch.case].append(launch)
    return compare_launches(both[NAMES[0]], both[NAMES[1]], (NAMES[0], NAMES[1]))


def test_identical_cases_seldom_differ_and_six_percent_is_found() -> None:
    sessions = 400
    false = sum(simulated(1, 15, seed).verdict in ("faster", "slower") for seed in range(sessions))
    found = sum(simulated(1.06, 15, seed).verdict == "slower" for seed in range(sessions))
    assert false / sessions <= 0.05
    assert found / sessions >= 0.95


def test_fewer_than_six_rounds_have_no_verdict() -> None:
    assert simulated(3, 5, 1).verdict == "too few rounds"
    assert simulated(3, 6, 1).verdict == "slower"
    assert simulated(1 / 3, 6, 1).verdict == "faster"


def test_a_difference_within_the_margin_is_none() -> None:
    a = [launch_of(number, 10.0) for number in range(15)]
    b = [launch_of(number, 10.05) for number in range(15)]
    assert compare_launches(a, b, ("a", "b")).interval.low > 1
    assert compare_launches(a, b, ("a", "b")).verdict == "no difference shown"
    assert compare_launches(a, b, ("a", "b"), margin=0.001).verdict == "slower"


def launch_of(number: int, base_ms: float) -> Launch:
    launch = made.failed("a", number, "ok", "")
    return msgspec.structs.replace(launch, samples_ns=(round(base_ms * 1e6),))


times = st.lists(st.floats(1, 100), min_size=6, max_size=25)


@given(times, times, st.floats(0.1, 10), st.randoms())
def test_a_ratio_scales_turns_round_and_ignores_the_order(
    first: list[float], second: list[float], scale: float, shuffler: random.Random
) -> None:
    a = [launch_of(number, base_ms) for number, base_ms in enumerate(first)]
    b = [launch_of(number, base_ms) for number, base_ms in enumerate(second)]
    found = compare_launches(a, b, ("a", "b"))
    shuffler.shuffle(b)
    assert compare_launches(a, b, ("a", "b")) == found
    turned = compare_launches(b, a, ("b", "a"))
    assert turned.ratio == pytest.approx(1 / found.ratio)
    scaled = [launch_of(launch.round, launch.samples_ns[0] * scale / 1e6) for launch in b]
    assert compare_launches(a, scaled, ("a", "b")).ratio == pytest.approx(
        found.ratio * scale, rel=1e-5
    )
    if found.interval:
        assert found.interval.low <= found.ratio <= found.interval.high


def test_only_rounds_that_both_have_count() -> None:
    """The machine slows down from round to round: paired wrongly, the ratio is another."""
    a = [launch_of(number, 10 + number) for number in range(10)]
    b = [launch_of(number, 20 + 2 * number) for number in range(4, 14)]
    found = compare_launches(a, b, ("a", "b"))
    assert found.rounds == 6
    assert found.ratio == pytest.approx(2)


def test_the_margin_is_symmetric() -> None:
    a = [launch_of(number, 10.0) for number in range(15)]
    b = [launch_of(number, 10.2) for number in range(15)]
    forth, back = (compare_launches(*pair, ("a", "b")) for pair in ((a, b), (b, a)))
    assert (forth.verdict, back.verdict) == ("slower", "faster")
    assert math.log(forth.ratio) == pytest.approx(-math.log(back.ratio))
