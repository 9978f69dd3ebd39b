"""Zeros where they cost least, made up for by the weights that stay.

SparseGPT (Frantar & Alistarh 2023, arXiv 2301.00774): the loss of a weight w that becomes zero,
all others adapting, is w^2 / [C^-1]_ii (the optimal brain surgeon's; Hassibi & Stork 1993).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class KeptWeights:
    """Which weights (groups, out, in) stay, as numbers of `dtype`."""

    mask: Array
    dtype: type[np.floating]

    def nearest(self, weights: Array, inputs: Array) -> tuple[Array, Array]:
        """See `Levels`; the codes are 1 for what stays."""
        mask = np.take_along_axis(self.mask, inputs[:, None, None], 2)[:, :, 0]
        return mask, (weights * mask).astype(self.dtype)


def kept(kernel: Array, covariance: Array, percent: int) -> Array:
    """A mask (groups, out, in) without those `percent` of all weights that cost least."""
    cost = kernel**2 / np.diagonal(np.linalg.inv(covariance), axis1=1, axis2=2)[:, None]
    count = round(kernel.size * percent / 100)
    mask = np.ones(kernel.size, np.int16)
    mask[np.argsort(cost, axis=None, kind="stable")[:count]] = 0
    return mask.reshape(kernel.shape)
