"""Tables of values: those of the least squared error, weighted by what each weight does.

Kim et al. 2023, "SqueezeLLM: Dense-and-Sparse Quantization" (arXiv 2306.07629), section 4.1. In
one dimension the best clusters are found exactly; coremltools has the algorithm.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.coremltools_import import coremltools

Array = NDArray[Any]

MOST_POINTS = 2048  # that are clustered exactly: the time grows with them and with the clusters
REFINEMENTS = 10  # steps of Lloyd's, where more points were merged
LEAST_SUM = 1e-30


@dataclass(frozen=True, eq=False)
class TableLevels:
    """`tables` (tables, 2**bits), ascending, and which of them an output (groups, out) has."""

    tables: Array
    of_output: Array

    def nearest(self, weights: Array, inputs: Array) -> tuple[Array, Array]:  # noqa: ARG002
        """See `Levels`; all inputs of an output share its table."""
        tables = self.tables.astype(np.float64)
        low, high = tables.min(), tables.max()
        apart = 2 * (high - low) + 1  # one table's values lie behind the other's: one search
        middles = (tables[:, 1:] + tables[:, :-1]) / 2
        behind = self.of_output * apart
        line = (middles + np.arange(len(tables))[:, None] * apart).ravel()
        found = np.searchsorted(line, weights.clip(low, high) + behind)
        codes = found - self.of_output * middles.shape[1]
        return codes, self.tables[self.of_output, codes]


def weighted_tables(
    kernel: Array, importance: Array, bits: int, count: int, dtype: type[np.floating]
) -> Array:
    """Tables (count, 2**bits), ascending, of `kernel` (out, in / groups, kH, kW).

    Each is of as many output channels; `importance` is of the kernel's shape.
    """
    parts = zip(kernel.reshape(count, -1), importance.reshape(count, -1), strict=True)
    return np.stack([_table(weights, each, 2**bits) for weights, each in parts]).astype(dtype)


def _table(weights: Array, importance: Array, size: int) -> Array:
    """The centres of the best clusters, ascending; repeated where there are fewer values."""
    coremltools(torch=False)
    from coremltools._deps import _kmeans1d

    values, inverse = np.unique(weights.astype(np.float16), return_inverse=True)
    sums = np.bincount(inverse.ravel(), importance.ravel().astype(np.float64), len(values))
    sums = np.maximum(sums, sums.mean() * 1e-6 + LEAST_SUM)  # even values of no importance count
    values = values.astype(np.float64)
    points, shares = _merged(values, sums)
    centres = np.sort(_kmeans1d.cluster(points, size, weights=shares).centroids)
    if len(points) < len(values):
        for _ in range(REFINEMENTS):
            centres = _moved(centres, values, sums)
    return np.pad(centres, (0, size - len(centres)), mode="edge")


def _merged(values: Array, sums: Array) -> tuple[Array, Array]:
    """No more than `MOST_POINTS`: neighbours become one, at their weighted mean."""
    starts = np.arange(0, len(values), -(-len(values) // MOST_POINTS))
    shares = np.add.reduceat(sums, starts)
    return np.add.reduceat(values * sums, starts) / shares, shares


def _moved(centres: Array, values: Array, sums: Array) -> Array:
    """To the means of the values that are nearest to each (Lloyd's step); ascending."""
    nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, values)
    shares = np.bincount(nearest, sums, len(centres))
    means = np.bincount(nearest, values * sums, len(centres)) / np.maximum(shares, LEAST_SUM)
    return np.sort(np.where(shares > 0, means, centres))
