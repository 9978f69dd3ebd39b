"""Intervals of metrics that are no proportion: a bootstrap over pictures (Efron 1979).

Pictures are drawn again, with replacement, as many as there are; the interval is from the 2.5th
to the 97.5th percentile of the metric over resamples. Objects of one picture share its luck, so
pictures are drawn, never objects. Two models see the same resamples: differences are paired.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 200
SEED = 0
LEVEL = 0.95
MIN_PICTURES = 10  # of fewer, a resample is not like another set
METHOD = f"percentile bootstrap over pictures, {RESAMPLES} resamples, seed {SEED}"


def weights(pictures: int) -> NDArray[np.int64]:
    """(resamples, pictures): how often each occurs; the same numbers for every call."""
    if not pictures:
        return np.zeros((RESAMPLES, 0), np.int64)
    rng = np.random.default_rng(SEED)
    return rng.multinomial(pictures, np.full(pictures, 1 / pictures), RESAMPLES)


class Resampled(NamedTuple):
    """A metric of a set of pictures, and of every resample; NaN where it is undefined."""

    value: float
    resamples: Floats
    pictures: int

    def minus(self, other: "Resampled") -> "Resampled":
        """The difference on the same resamples."""
        return Resampled(self.value - other.value, self.resamples - other.resamples, self.pictures)

    def interval(self) -> tuple[float, float] | None:
        """None of too few pictures, or where the metric is often undefined."""
        numbers = self.resamples[np.isfinite(self.resamples)]
        if self.pictures < MIN_PICTURES or numbers.size < self.resamples.size / 2:
            return None
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(numbers, [tail, 1 - tail])
        return float(low), float(high)


def number(value: float) -> float | None:
    """As records have it: None for NaN."""
    return float(value) if np.isfinite(value) else None
