"""A kernel as matrices, one for each group of inputs that meet each other."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MOST_NUMBERS = 1 << 24  # of a layer's covariances: beyond, inputs are taken in parts


class KernelGroups(NamedTuple):
    """How a kernel (out, in / groups, kH, kW) becomes matrices (groups, out, in).

    A depthwise kernel has a small matrix for each channel. A matrix over a whole map is too wide
    for one covariance and is cut into parts, which all lead to every output.
    """

    shape: tuple[int, ...]
    groups: int = 1

    @property
    def inputs(self) -> int:
        """Of each output: channels of its group times taps."""
        return int(np.prod(self.shape[1:]))

    @property
    def parts(self) -> int:
        """Of each group: the fewest that are of equal size and small enough."""
        least = -(-(self.inputs**2) // MOST_NUMBERS)
        return next(n for n in range(least, self.inputs + 1) if self.inputs % n == 0)

    @property
    def is_cut(self) -> bool:
        """Whether several matrices lead to one output."""
        return self.groups == 1 and self.parts > 1

    def split(self, kernel: Array) -> Array:
        """Numbers of each weight (out, in / groups, kH, kW) as (groups, out, in)."""
        if self.is_cut:
            return kernel.reshape(len(kernel), self.parts, -1).swapaxes(0, 1)
        return kernel.reshape(self.groups, len(kernel) // self.groups, -1)

    def joined(self, matrices: Array) -> Array:
        """The inverse of `split`."""
        return (matrices.swapaxes(0, 1) if self.is_cut else matrices).reshape(self.shape)

    def of_outputs(self, numbers: Array) -> Array:
        """A number for each output channel (out,) as (groups, out)."""
        ones = [1] * (len(self.shape) - 1)
        return self.split(np.broadcast_to(numbers.reshape(-1, *ones), self.shape))[:, :, 0]
