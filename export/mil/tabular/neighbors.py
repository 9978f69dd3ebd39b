"""The classes of the nearest of some samples. Source: coremltools' `NearestNeighbors.proto`.

What it leaves open is decided as follows, and has not been seen on Apple's systems: of samples
that are as near the first counts, of classes of the same weight the one of the nearest sample;
where samples equal the input, they alone vote; probabilities are the weights by their sum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.mil.tabular.values import Floats


@dataclass(frozen=True)
class NearestNeighbors:
    """samples (count, features), and of each the number of its class."""

    samples: NDArray[np.float32]
    classes: NDArray[np.int64]
    count_of_classes: int
    k: int
    by_distance: bool  # a vote weighs 1 / its squared distance; else all are equal

    def vote(self, features: Floats) -> tuple[int, Floats]:
        """The class, and the weight of each, which are 1 in all. Raises `ValueError` for features
        that are no numbers: nothing is near."""
        distances = ((self.samples - features) ** 2).sum(1)
        if not np.isfinite(distances).all():
            raise ValueError("a distance is no number")
        nearest = np.argsort(distances, kind="stable")[: self.k]
        weights = self._weights(distances[nearest])
        shares = np.bincount(self.classes[nearest], weights, self.count_of_classes)
        best = np.flatnonzero(shares == shares.max())
        first = next(each for each in self.classes[nearest] if each in best)
        return int(first), shares / shares.sum()

    def _weights(self, distances: Floats) -> Floats:
        if not self.by_distance:
            return np.ones(len(distances))
        equal = distances == 0
        return equal.astype(np.float64) if equal.any() else 1 / distances
