"""What photographs say of a layer: how its inputs vary, and what it should give for them."""

from typing import TYPE_CHECKING

import numpy as np

from export.compression.learning.kernel_groups import Array, KernelGroups
from export.compression.learning.second_order import damped, shrunk

if TYPE_CHECKING:
    from torch import Tensor


class LayerInputs:
    """Weighted moments of a layer's inputs (groups, in), and of its wanted outputs (groups, out).

    Arrays are float64; `covariance` is (groups, in, in), `cross` (groups, out, in) that of outputs
    and inputs.
    """

    def __init__(self, groups: KernelGroups, area: int = 1) -> None:
        """`area`: pixels of the map, which differ less than as many photographs do."""
        self.groups = groups
        self._area, self._samples = area, 0
        self._origin: tuple[Tensor, Tensor] | None = None  # near the means: digits are kept
        self._weight = self._inputs = self._outputs = self._second = self._cross = np.zeros(())

    def add(self, inputs: "Tensor", outputs: "Tensor", weights: "Tensor | None" = None) -> None:
        """Take in samples: (groups, in, n), (groups or 1, out, n), and how much each counts.

        `weights` are (groups, n); without, each counts 1.
        """
        if self._origin is None:
            self._origin = inputs.mean(-1, keepdim=True), outputs.mean(-1, keepdim=True)
        inputs, outputs = inputs - self._origin[0], outputs - self._origin[1]
        rows = inputs if weights is None else inputs * weights[:, None]
        results = outputs if weights is None else outputs * weights[:, None]
        count = np.full(len(inputs), inputs.shape[2]) if weights is None else _sum(weights)
        self._weight = self._weight + count
        self._samples += inputs.shape[2]
        self._inputs = self._inputs + _sum(rows)
        self._outputs = self._outputs + _sum(results)
        self._second = self._second + (rows @ inputs.mT).double().numpy()
        self._cross = self._cross + (results @ inputs.mT).double().numpy()

    @property
    def mean(self) -> Array:
        """Of the inputs, (groups, in)."""
        assert self._origin is not None, "samples"
        return np.asarray(self._shift + self._origin[0][..., 0].double().numpy())

    @property
    def covariance(self) -> Array:
        """Of the inputs, (groups, in, in)."""
        return self._second / self._weight[:, None, None] - _outer(self._shift, self._shift)

    @property
    def smoothed(self) -> Array:
        """The covariance as it may be relied on: see `second_order.shrunk`."""
        return shrunk(self.covariance, self._samples / self._area**0.5)

    def repaired(self, kernel: Array, damping: float) -> Array:
        """`kernel` (out, in / groups, kH, kW) moved to what gives the wanted outputs best.

        Least squares, held to the kernel that it starts from by `damping`. One covariance must
        show all inputs of an output: others are left as they are.
        """
        if self.groups.is_cut:
            return kernel
        start = self.groups.split(kernel).astype(np.float64)
        shift = self._outputs / self._weight[:, None]
        cross = self._cross / self._weight[:, None, None] - _outer(shift, self._shift)
        missing = cross - start @ self.covariance
        moved = np.linalg.solve(damped(self.smoothed, damping), missing.swapaxes(1, 2))
        return self.groups.joined(start + moved.swapaxes(1, 2))

    def bias(self, kernel: Array) -> Array:
        """(out,) with which `kernel` (out, in / groups, kH, kW) gives the wanted means."""
        shift = (self.groups.split(kernel) @ self.mean[..., None])[..., 0]
        if self.groups.is_cut:
            return np.asarray(self._mean_output[0] - shift.sum(0))
        return np.asarray((self._mean_output - shift).reshape(-1))

    @property
    def _shift(self) -> Array:
        return np.asarray(self._inputs / self._weight[:, None])

    @property
    def _mean_output(self) -> Array:
        assert self._origin is not None, "samples"
        shift = self._outputs / self._weight[:, None]
        return np.asarray(shift + self._origin[1][..., 0].double().numpy())


def _sum(samples: "Tensor") -> Array:
    return np.asarray(samples.sum(-1).double().numpy())


def _outer(left: Array, right: Array) -> Array:
    return left[:, :, None] * right[:, None, :]
