"""How many rounds find a difference."""

import math
from statistics import NormalDist

from bench.results import stats
from bench.results.compare import MARGIN


def rounds_to_find(spread: float, ratio: float, most: int) -> int | None:
    """The least number of rounds that finds `ratio`, above 1; None where `most` are too few.

    `spread` is the standard deviation of a round's log ratio, taken as normal.
    """
    enough = (
        rounds for rounds in range(1, most + 1) if power(spread, ratio, rounds) >= stats.POWER
    )
    return next(enough, None)


def power(spread: float, ratio: float, rounds: int, margin: float = MARGIN) -> float:
    """The chance that a comparison of so many rounds shows a true `ratio` of times, above 1.

    The interval of the median lies above 0 when at most `interval_rank` of the log ratios are
    below, and the median above the margin when fewer than half are below that: the lesser chance,
    since the one nearly implies the other.
    """
    rank = stats.interval_rank(rounds)
    if rank is None:
        return 0.0
    return min(
        _chance(rank, rounds, math.log(ratio), spread),
        _chance((rounds - 1) // 2, rounds, math.log(ratio) - math.log1p(margin), spread),
    )


def _chance(count: int, n: int, distance: float, spread: float) -> float:
    """That at most `count` of `n` normal values lie below a bound, `distance` below their mean."""
    below = NormalDist(distance, spread).cdf(0) if spread else float(distance < 0)
    return stats.at_most(count, n, below) if 0 < below < 1 else 1 - below
