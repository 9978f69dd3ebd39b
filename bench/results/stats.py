"""Statistics of latency: order statistics need nothing but `math.comb`.

A *launch* (one fresh process) is the unit of observation: calls within a process share its
luck, so an interval over pooled calls is too narrow (with a 2 % process effect it covers
44 to 75 % where it promises 95 %). Nothing is ever removed from the data; oddities are flagged.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import msgspec

LEVEL = 0.95
POWER = 0.95  # chance that a session shows what it "can find"
HALVINGS = 40  # of the range that holds a chance
EXACT_COUNT = 10_000  # beyond, exact sums take seconds and more
EXACT_SHIFT_COUNT = 50  # of either sample, likewise
OUTLIER_MADS = 14.826  # hyperfine, outlier_detection.rs: ten robust standard deviations
DRIFT_ERRORS = 3.5
DRIFT_THIRD = 8  # values; fewer than three times as many say too little
SIGMA_PER_MAD = 1.4826  # of a normal distribution
SIGMA_PER_MEAN_DEVIATION = 1.2533
MEDIAN_ERROR = 1.2533  # sqrt(pi / 2): error of a median over that of a mean


class Interval(NamedTuple):
    """Bounds of a confidence interval, in the unit of its values."""

    low: float
    high: float


class Estimate(msgspec.Struct, frozen=True):
    """A median and the interval around it; None when there are too few values for one."""

    value: float
    interval: Interval | None = None


def are_apart(a: Estimate, b: Estimate) -> bool:
    """Whether the interval of the difference of two independent estimates leaves out 0.

    Zou and Donner 2008 (MOVER). Without an interval, a value is taken for exact.
    """
    lower, upper = sorted((a, b), key=lambda estimate: estimate.value)
    above = lower.interval.high - lower.value if lower.interval else 0
    below = upper.value - upper.interval.low if upper.interval else 0
    return upper.value - lower.value > math.hypot(above, below)


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile, 0 <= q <= 1, interpolated linearly (Hyndman and Fan's type 7)."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    low, high = ordered[below], ordered[above]
    return min(low + (high - low) * (place - below), high)


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle. `values` must not be empty."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return ordered[middle - 1] / 2 + ordered[middle] / 2


@cache
def interval_rank(n: int, level: float = LEVEL) -> int | None:
    """Rank r, from 0, for which [x(r), x(n-1-r)] holds the median with probability >= `level`.

    The largest such r, of `n` sorted values; None when even their range does not suffice. The
    number of values below the median is binomial (n, 1/2), whatever their distribution; of very
    many it is as good as normal, and the rank at most one too low.
    """
    if n > EXACT_COUNT:
        half_width = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(n) / 2
        return math.floor(n / 2 - half_width) - 1
    return _largest_rank(_binomials(n), 1 << n, level)


def _binomials(n: int) -> Iterator[int]:
    """The lower half of the row: n over 0, over 1, ..."""
    ways = 1
    for r in range((n + 1) // 2):
        yield ways
        ways = ways * (n - r) // (r + 1)


def _largest_rank(ways: Iterable[int], total: int, level: float) -> int | None:
    """The largest rank up to which `ways` sum to at most (1 - level) / 2 of `total`."""
    allowed = (1 - level) / 2 * (1 + 1e-12)  # 1 - level is not exact in binary
    rank, tail = None, 0
    for r, count in enumerate(ways):
        tail += count
        if tail / total > allowed:
            break
        rank = r
    return rank


def adjusted_level(intervals: int) -> float:
    """The level of each of k intervals for which all hold together at 95 % (Bonferroni)."""
    return 1 - (1 - LEVEL) / max(intervals, 1)


def least_count(level: float = LEVEL, *, of_shift: bool = False) -> int:
    """The least number of values that has an interval at `level`: 6 at 95 %, of a shift 4."""
    n, rank = 1, shift_rank if of_shift else interval_rank
    while rank(n, level) is None:
        n += 1
    return n


def median_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Order-statistic interval of the median, at least `level`; None for too few values."""
    rank = interval_rank(len(values), level)
    if rank is None:
        return None
    ordered = sorted(values)
    return Interval(ordered[rank], ordered[-1 - rank])


@cache
def shift_rank(n: int, level: float = LEVEL) -> int | None:
    """As `interval_rank`, for the n * n differences of two samples of `n` and their shift.

    How many of the differences are below the shift is Mann and Whitney's U (1947), whose ways
    are the coefficients of a Gaussian binomial; of many it is as good as normal.
    """
    if n > EXACT_SHIFT_COUNT:
        error = n * math.sqrt((2 * n + 1) / 12)
        return math.floor(n * n / 2 - NormalDist().inv_cdf((1 + level) / 2) * error) - 1
    ways = [1] + [0] * (n * n)
    for i in range(1, n + 1):
        for k in range(n * n, n + i - 1, -1):
            ways[k] -= ways[k - n - i]
        for k in range(i, n * n + 1):
            ways[k] += ways[k - i]
    return _largest_rank(ways[: n * n // 2], math.comb(2 * n, n), level)


def shift(a: Sequence[float], b: Sequence[float], level: float = LEVEL) -> Estimate | None:
    """By how much the values of `b` lie above those of `a`: Hodges and Lehmann's (1963).

    The median of all differences, and of their order statistics the interval that inverts the
    Mann-Whitney test. It takes as many values of one as of the other, the first of the longer:
    with 6 and 30 of unequal spread it would miss in 18 % instead of 5 %, so in at most 8 %.
    None without any value.
    """
    n = min(len(a), len(b))
    if not n:
        return None
    ordered = sorted(b[:n])
    differences = sorted(y - x for x in sorted(a[:n], reverse=True) for y in ordered)
    rank = shift_rank(n, level)
    bounds = None if rank is None else Interval(differences[rank], differences[-1 - rank])
    return Estimate(median(differences), bounds)


def estimate(values: Sequence[float], level: float = LEVEL) -> Estimate | None:
    """Median and interval of one value per launch; None without any value."""
    return Estimate(median(values), median_interval(values, level)) if values else None


def outliers(values: Sequence[float]) -> int:
    """How many values lie more than 14.826 MAD from the median (Iglewicz and Hoaglin 1993).

    Where over half the values are equal, as with a coarse clock, the MAD is 0 and the mean
    absolute deviation stands in.
    """
    if not values:
        return 0
    middle = median(values)
    limit = OUTLIER_MADS / SIGMA_PER_MAD * _spread(values, middle)
    return sum(abs(value - middle) > limit for value in values)


def spread(values: Sequence[float]) -> float:
    """Robust standard deviation around the median; `values` must not be empty."""
    return _spread(values, median(values))


def exactly(count: int, n: int, chance: float) -> float:
    """The probability of `count` of `n` events that each have a `chance` within 0 to 1."""
    return math.exp(
        math.lgamma(n + 1) - math.lgamma(count + 1) - math.lgamma(n - count + 1)
        + count * math.log(chance) + (n - count) * math.log1p(-chance)
    )  # fmt: skip


def at_most(count: int, n: int, chance: float) -> float:
    """The probability of at most as many."""
    return math.fsum(exactly(k, n, chance) for k in range(count + 1))


def detectable_ratio(
    spread: float, rounds: int, level: float = LEVEL, margin: float = 0.0
) -> float | None:
    """The least ratio of times that is shown, beyond the margin, with a chance of 95 %.

    `spread` is the standard deviation of a round's log ratio, taken as normal. The interval of
    the median lies above 0 when at most `interval_rank` values are below 0, and the median above
    the margin when fewer than half are below that. None for too few rounds.
    """
    rank = interval_rank(rounds, level)
    if rank is None:
        return None
    above_zero = spread * _standard_errors(rank, rounds)
    above_margin = math.log1p(margin) + spread * _standard_errors((rounds - 1) // 2, rounds)
    return math.exp(max(above_zero, above_margin))


@cache
def _standard_errors(count: int, n: int) -> float:
    """How many standard deviations above a bound a mean must be.

    With a chance of 95 % at most `count` of `n` normal values are then below that bound.
    """
    low, high = 0.0, 0.5
    for _ in range(HALVINGS):
        chance = (low + high) / 2
        low, high = (chance, high) if at_most(count, n, chance) >= POWER else (low, chance)
    return -NormalDist().inv_cdf(high)


def drifts(values: Sequence[float]) -> bool:
    """Whether the first and the last third have medians over 3.5 robust standard errors apart."""
    third = len(values) // 3
    if third < DRIFT_THIRD:
        return False
    first, last = values[:third], values[-third:]
    start, end = median(first), median(last)
    residuals = [value - start for value in first] + [value - end for value in last]
    error = MEDIAN_ERROR * _spread(residuals, 0.0) * math.sqrt(2 / third)
    return abs(start - end) > DRIFT_ERRORS * error


def _spread(values: Sequence[float], middle: float) -> float:
    """Robust standard deviation around `middle`."""
    deviations = [abs(value - middle) for value in values]
    if mad := median(deviations):
        return SIGMA_PER_MAD * mad
    return SIGMA_PER_MEAN_DEVIATION * math.fsum(deviations) / len(deviations)
