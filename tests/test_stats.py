"""The statistics, against scipy, by simulation, and by their properties."""

import math
import random

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bench.results import stats


def coverage(n: int, rank: int) -> float:
    """Probability that [x(rank), x(n-1-rank)] of `n` sorted values holds the median."""
    outside = 2 * sum(math.comb(n, i) for i in range(rank + 1))
    return 1 - outside / (1 << n)


values = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60)


@pytest.mark.parametrize("n", [1, 5, 6, 15, 20, 50, 101])
@pytest.mark.parametrize("level", [0.95, 0.99, 1 - 0.05 / 7])
def test_the_rank_is_the_largest_that_still_covers(n: int, level: float) -> None:
    rank = stats.interval_rank(n, level)
    allowed = (1 - level) / 2
    if rank is None:
        assert scipy.stats.binom.cdf(0, n, 0.5) > allowed
        return
    assert scipy.stats.binom.cdf(rank, n, 0.5) <= allowed * (1 + 1e-9)
    assert scipy.stats.binom.cdf(rank + 1, n, 0.5) > allowed
    assert coverage(n, rank) == pytest.approx(1 - 2 * scipy.stats.binom.cdf(rank, n, 0.5))


def test_six_values_are_the_least_for_95_percent() -> None:
    assert stats.least_count() == 6
    assert stats.interval_rank(5) is None
    assert stats.median_interval([1, 2, 3, 4, 5]) is None
    assert stats.median_interval([6, 1, 2, 3, 4, 5]) == (1, 6)


@pytest.mark.parametrize(("n", "spread"), [(6, 0.04), (15, 0.04), (15, 0.004), (30, 0.1)])
@pytest.mark.parametrize("comparisons", [1, 2])
def test_what_can_be_found_is_shown_in_95_of_100_sessions(
    n: int, spread: float, comparisons: int
) -> None:
    """Above no difference and above a margin of 1 %; a spread of 0.004 needs the margin alone."""
    chance, sessions, level = random.Random(n), 4000, stats.adjusted_level(comparisons)
    ratio = stats.detectable_ratio(spread, n, level, margin=0.01)
    if ratio is None:
        assert n < stats.least_count(level)
        return
    shown = 0
    for _ in range(sessions):
        logs = [chance.gauss(math.log(ratio), spread) for _ in range(n)]
        shown += stats.median_interval(logs, level).low > 0 and stats.median(logs) > math.log(1.01)
    assert shown / sessions == pytest.approx(0.95, abs=0.015)


def test_too_few_rounds_find_nothing() -> None:
    assert stats.detectable_ratio(0.01, 5) is None
    assert stats.detectable_ratio(0.01, 6, stats.adjusted_level(2)) is None
    assert stats.detectable_ratio(0.0, 1000) == 1


@pytest.mark.parametrize("n", [6, 10, 15, 20, 50])
def test_coverage_is_what_the_binomial_says(n: int) -> None:
    """Whatever the distribution: lognormal, with median 1."""
    chance, sessions = random.Random(n), 20_000
    rank = stats.interval_rank(n)
    assert rank is not None
    hits = 0
    for _ in range(sessions):
        low, high = stats.median_interval([chance.lognormvariate(0, 1) for _ in range(n)])
        hits += low <= 1 <= high
    assert hits / sessions == pytest.approx(coverage(n, rank), abs=0.01)
    assert hits / sessions >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / sessions)
    assert coverage(n, rank) >= 0.95


@pytest.mark.parametrize(
    ("n", "critical"), [(4, 0), (5, 2), (6, 5), (10, 23), (15, 64), (20, 127)]
)
def test_the_rank_of_a_shift_is_in_mann_and_whitneys_table(n: int, critical: int) -> None:
    assert stats.shift_rank(n) == critical
    assert stats.shift_rank(3) is None
    assert stats.least_count(of_shift=True) == 4


def test_the_rank_of_a_shift_is_nearly_normal_for_many() -> None:
    exact, normal = stats.shift_rank(50), stats.shift_rank(51)
    assert 0 < normal - exact < 51 + 50


@pytest.mark.parametrize("n", [6, 15])
def test_the_interval_of_a_shift_covers_it_whatever_the_distribution(n: int) -> None:
    """Lognormal samples that are 0.3 apart. One standard error is 0.3 points."""
    chance, sessions = random.Random(n), 5000
    hits = 0
    for _ in range(sessions):
        a, b = ([chance.lognormvariate(0, 1) for _ in range(n)] for _ in range(2))
        low, high = stats.shift(a, [value + 0.3 for value in b]).interval
        hits += low <= 0.3 <= high
    assert 0.945 <= hits / sessions <= 0.97


def test_a_longer_sample_of_another_spread_does_no_harm() -> None:
    """Were all 30 taken, 18 % of the intervals would miss."""
    chance, sessions = random.Random(1), 3000
    misses = 0
    for _ in range(sessions):
        a = [chance.gauss(0, 0.1) for _ in range(6)]
        b = [chance.gauss(0, 0.02) for _ in range(30)]
        low, high = stats.shift(a, b).interval
        misses += not low <= 0 <= high
        assert stats.shift(a, b) == stats.shift(a, b[:6])
    assert misses / sessions <= 0.08


@given(values, st.floats(0, 1))
def test_quantile_is_scipys(data: list[float], q: float) -> None:
    expected = scipy.stats.mstats.mquantiles(data, [q], alphap=1, betap=1)[0]
    assert stats.quantile(data, q) == pytest.approx(expected, rel=1e-9)


@given(values, st.floats(0, 1), st.floats(0, 1))
def test_quantile_is_monotone_and_within_the_data(data: list[float], p: float, q: float) -> None:
    low, high = sorted((p, q))
    assert stats.quantile(data, low) <= stats.quantile(data, high)
    assert min(data) <= stats.quantile(data, low) <= max(data)


@given(values)
def test_the_interval_contains_the_median(data: list[float]) -> None:
    found = stats.estimate(data)
    assert found.value == pytest.approx(scipy.stats.scoreatpercentile(data, 50))
    if found.interval:
        assert found.interval.low <= found.value <= found.interval.high


@given(values, st.floats(0.001, 1000), st.floats(0, 1e6), st.randoms())
def test_estimates_move_and_stretch_with_the_data_and_ignore_its_order(
    data: list[float], scale: float, shift: float, shuffler: random.Random
) -> None:
    found = stats.estimate(data)
    moved = [scale * value + shift for value in data]
    shuffler.shuffle(moved)
    again = stats.estimate(moved)
    assert again.value == pytest.approx(scale * found.value + shift, rel=1e-9)
    assert (again.interval is None) == (found.interval is None)
    if found.interval and again.interval:
        expected = [scale * bound + shift for bound in found.interval]
        assert list(again.interval) == pytest.approx(expected, rel=1e-9)


def test_nothing_has_no_estimate() -> None:
    assert stats.estimate([]) is None
    assert stats.outliers([]) == 0
    assert not stats.drifts([])


def test_clean_data_has_no_outliers_and_a_call_at_twice_the_time_is_one() -> None:
    chance = random.Random(3)
    sets = [[chance.gauss(100, 3) for _ in range(50)] for _ in range(500)]
    assert sum(map(stats.outliers, sets)) == 0
    assert all(stats.outliers([*clean, 200]) == 1 for clean in sets)


def test_outliers_of_a_coarse_clock() -> None:
    """Over half the values are equal, so the median absolute deviation is 0."""
    assert stats.outliers([1000] * 49 + [2000]) == 1
    assert stats.outliers([1000] * 30 + [1001] * 20) == 0
    assert stats.outliers([1000] * 50) == 0


def test_drift_is_found_where_there_is_one_and_seldom_where_there_is_none() -> None:
    chance = random.Random(5)

    def share(settling: float) -> float:
        flagged = [
            stats.drifts(
                [100 * (1 + settling * math.exp(-i / 10)) + chance.gauss(0, 3) for i in range(50)]
            )
            for _ in range(1000)
        ]
        return sum(flagged) / len(flagged)

    assert share(0) <= 0.011
    assert share(0.2) >= 0.94
    assert not stats.drifts([100.0] * 50)
    assert stats.drifts([100.0] * 25 + [101.0] * 25)
