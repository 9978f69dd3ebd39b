"""Equal steps, whose size is that of the least squared error at the layer's outputs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

CANDIDATES = np.linspace(0.4, 1.0, 25)  # of the step with which the largest weight is not clipped


@dataclass(frozen=True, eq=False)
class EqualSteps:
    """`steps` (groups, out, in) of the package's type, and the whole numbers they are taken by."""

    steps: Array
    bits: int

    def nearest(self, weights: Array, inputs: Array) -> tuple[Array, Array]:
        """See `Levels`."""
        steps = np.take_along_axis(self.steps, inputs[:, None, None], 2)[:, :, 0]
        codes = codes_of(weights, steps.astype(np.float64), self.bits)
        return codes, (codes * steps.astype(np.float32)).astype(steps.dtype)


def codes_of(weights: Array, steps: Array, bits: int) -> Array:
    """The nearest whole numbers of steps that `bits` hold; 0 where the step is 0."""
    most = 2 ** (bits - 1) - 1
    codes = np.divide(weights, steps, out=np.zeros_like(weights), where=steps > 0)
    return np.round(codes).clip(-most - 1, most)


def weighted_scales(
    kernel: Array, importance: Array, bits: int, blocks: int, dtype: type[np.floating]
) -> Array:
    """Scales (out, blocks) of `kernel` (out, in / groups, kH, kW), each for a block of channels.

    Of the candidates, that of the least squared error, weighted by `importance` (of the kernel's
    shape): of inputs that vary, errors count.
    """
    blocked = kernel.reshape(len(kernel), blocks, -1).astype(np.float32)
    weights = importance.reshape(blocked.shape).astype(np.float32)
    largest = np.abs(blocked).max(2) / (2 ** (bits - 1) - 1)
    best, least = largest.astype(dtype), np.full(largest.shape, np.inf, np.float32)
    for share in CANDIDATES:
        scales = (largest * share).astype(dtype)
        steps = scales.astype(np.float32)[..., None]
        errors = ((codes_of(blocked, steps, bits) * steps - blocked) ** 2 * weights).sum(2)
        best, least = np.where(errors < least, scales, best), np.minimum(errors, least)
    return np.asarray(best)
