"""Statistics of right and wrong answers: exact or with their formula named.

scipy is the oracle of the tests, not a dependency.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist

LEVEL = 0.95


def wilson(right: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval of a proportion (1927; Brown, Cai and DasGupta 2001, section 3.1.1).

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), with p = right / total. Unlike
    p -+ z s, it stays in [0, 1] and holds its level near the ends and for few images.

    >>> [round(x, 3) for x in wilson(8, 10)]
    [0.49, 0.943]
    """
    if total == 0:
        return 0.0, 1.0
    z, p = NormalDist().inv_cdf((1 + level) / 2), right / total
    centre = p + z * z / (2 * total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max((centre - half) / scale, 0.0), min((centre + half) / scale, 1.0)


def mcnemar_worse(only_reference: int, only_other: int) -> float:
    """Exact one-sided McNemar test (1947): is the other one worse than the reference?

    Over the images that exactly one of the two gets right: the probability that the reference
    would be that one at least `only_reference` times, were both equally good. 1 without any.
    """
    discordant = only_reference + only_other
    term = total = 1  # C(n, 0), and the lower tail, which equals the upper one at p = 1/2
    for k in range(only_other):
        term = term * (discordant - k) // (k + 1)
        total += term
    return float(Fraction(total, 2**discordant))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value with at least `share` of all at or below it: always a value that was."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
