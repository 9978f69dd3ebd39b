"""Intervals of metrics that are no proportion: a bootstrap over pictures (Efron 1979).

Pictures are drawn again, with replacement, as many as there are; the interval is from the 2.5th
to the 97.5th percentile of the metric over resamples. Objects of one picture share its luck, so
pictures are drawn, never objects. Two models see the same resamples: differences are paired.
"""

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 200
SEED = 0
LEVEL = 0.95
MIN_PICTURES = 10  # of fewer, a resample is not like another set
METHOD = f"percentile bootstrap over pictures, {RESAMPLES} resamples, seed {SEED}"


def weights(pictures: int) -> NDArray[np.int64]:
    """(resamples, pictures): how often each occurs; the same numbers for every call."""
    rng = np.random.default_rng(SEED)
    return rng.multinomial(pictures, np.full(pictures, 1 / pictures), RESAMPLES)


def interval(values: NDArray[np.float64], pictures: int) -> tuple[float, float] | None:
    """Of a metric over resamples; None of too few pictures, or where it is often undefined."""
    numbers = values[np.isfinite(values)]
    if pictures < MIN_PICTURES or numbers.size < values.size / 2:
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(numbers, [tail, 1 - tail])
    return float(low), float(high)
