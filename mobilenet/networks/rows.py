"""A network as a list of rows: convolutions, each with the names of the values it works on.

One list drives the PyTorch module (`mobilenet.torch_module`), what export writes, costs, folding
and bias correction. The value of a row bears the row's name; the image's is `IMAGE`. Imports
neither numpy nor torch: it stands behind `--help`.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mobilenet.common.size import Size

Activation = Literal["relu6", "relu"]
Padding = Literal["same", "symmetric", "keras"]
Kind = Literal["stem", "depthwise", "pointwise"]
Pads = tuple[int, int, int, int]

IMAGE = ""  # name of the normalized picture among the values that rows read
COLORS = 3


class Row(NamedTuple):
    """A convolution over a map, batch norm, activation, and an addition.

    value = activation(norm(conv(input))) + value of `adds`

    The input is the value of `reads`; of its mean over the map, 1 x 1, where the row is `pooled`;
    with the channels of `joins` behind its own, if there is one, whose map it is spread over
    where its own is 1 x 1. `activation` is None behind a linear layer, `adds` None where nothing
    is added. `padding` is a rule rather than a number, since the PyTorch module takes any size.
    """

    name: str
    reads: str
    in_channels: int
    out_channels: int
    in_size: Size
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    padding: Padding = "same"
    activation: Activation | None = "relu6"
    epsilon: float = 1e-3  # of the batch norm
    adds: str | None = None
    pooled: bool = False
    joins: str | None = None
    biased: bool = False  # has a bias in place of the batch norm

    @property
    def inputs(self) -> tuple[str, ...]:
        """The values whose channels the convolution takes, in order."""
        return (self.reads,) if self.joins is None else (self.reads, self.joins)

    @property
    def needs(self) -> tuple[str, ...]:
        """The values that it is computed from."""
        return self.inputs if self.adds is None else (*self.inputs, self.adds)

    @property
    def kind(self) -> Kind:
        """Of the three convolutions that a MobileNet is made of."""
        if self.kernel == 1:
            return "pointwise"
        return "depthwise" if self.groups == self.in_channels else "stem"

    @property
    def operations(self) -> dict[str, str]:
        """What is computed, by names, in order; the last one gives the row's value."""
        operations = {f"{self.name}_mean": "reduce_mean"} if self.pooled else {}
        if self.joins is not None:
            operations[f"{self.name}_joined"] = "concat"
        operations[self.name] = "conv"
        if self.activation is not None:
            operations[f"{self.name}_{self.activation}"] = self.activation
        if self.adds is not None:
            operations[f"{self.name}_add"] = "add"
        return operations

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """(out, in / groups, height, width)."""
        return (self.out_channels, self.in_channels // self.groups, self.kernel, self.kernel)

    @property
    def weights(self) -> int:
        """Numbers in the kernel."""
        return math.prod(self.kernel_shape)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one picture."""
        return self.weights * self.out_size.area

    @property
    def pads(self) -> Pads:
        """Top, bottom, left, right at `in_size`."""
        return self.pads_at(self.in_size)

    @property
    def out_size(self) -> Size:
        """Of the map that comes out."""
        top, bottom, left, right = self.pads
        height, width = self.in_size
        return Size(self._steps(height + top + bottom), self._steps(width + left + right))

    def _steps(self, padded: int) -> int:
        return (padded - self._extent) // self.stride + 1

    @property
    def _extent(self) -> int:
        """Pixels from one end of the dilated kernel to the other."""
        return (self.kernel - 1) * self.dilation + 1

    def pads_at(self, size: Size) -> Pads:
        """Top, bottom, left, right over a map of `size`."""
        return (*self._pads_along(size.height), *self._pads_along(size.width))

    def _pads_along(self, side: int) -> tuple[int, int]:
        """Before and behind."""
        if self.kernel == 1:
            return 0, 0
        if self.padding == "symmetric":
            return self._extent // 2, self._extent // 2
        if self.padding == "keras" and self.stride == 2 and self.kind == "depthwise":
            return 0, 1  # keras/applications/mobilenet.py: ZeroPadding2D(((0, 1), (0, 1)))
        return same_padding(side, self.stride, self._extent)


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates, and parameters."""

    macs: int
    parameters: int  # weights and biases once batch norm is folded
    parameters_unfolded: int  # weights, gammas, betas, and the biases of layers without a norm

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.macs + other.macs,
            self.parameters + other.parameters,
            self.parameters_unfolded + other.parameters_unfolded,
        )


def cost(rows: Sequence[Row]) -> Cost:
    """Of the convolutions, as the MobileNet paper counts them: additions are free."""
    weights = sum(row.weights for row in rows)
    channels = sum(row.out_channels for row in rows)
    shifts = sum(row.out_channels for row in rows if not row.biased)  # a beta beside each gamma
    return Cost(sum(row.macs for row in rows), weights + channels, weights + channels + shifts)


def last_uses(rows: Sequence[Row], kept: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Values that nothing needs any more once a row is computed, by the row's name.

    `kept` are those that the head reads, and are needed to the end.
    """
    last: dict[str, str] = {}
    for row in rows:
        last |= dict.fromkeys(row.needs, row.name)
    return {
        row.name: tuple(v for v, user in last.items() if user == row.name and v not in kept)
        for row in rows
    }


def same_padding(size: int, stride: int, extent: int = 3) -> tuple[int, int]:
    """TensorFlow's SAME: (before, after) along one axis; the odd pixel goes behind.

    `extent` is the kernel's, with dilation.
    """
    total = max((math.ceil(size / stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2
