"""What a convolution reads for each number that it gives, as columns."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import numpy as np

from export.compression.learning.kernel_groups import KernelGroups
from mobilenet.networks.rows import Row

if TYPE_CHECKING:
    from torch import Tensor

    from mobilenet.torch_module import ConvUnit, MobileNet

PART_BYTES = 1 << 26  # of what a part of the pictures takes
ACTIVE = {"relu6": (-1.0, 7.0), "relu": (-1.0, np.inf)}  # where an activation answers, or nearly
INACTIVE_WEIGHT = 1e-3  # of a sample where it does not


def groups_of(row: Row) -> KernelGroups:
    """How the row's kernel is learned."""
    return KernelGroups(row.kernel_shape, row.groups)


def samples_of(
    unit: "ConvUnit", x: "Tensor", outputs: "Tensor"
) -> "tuple[Tensor, Tensor, Tensor | None]":
    """Columns of `x` (B, C, H, W), those of `outputs`, and what each counts: see `LayerInputs`.

    In a depthwise layer each output has inputs of its own, so that those samples can count that
    the activation lets through.
    """
    groups = groups_of(unit.row)
    inputs = _columns(unit, x).reshape(groups.groups * groups.parts, -1, outputs[:, 0].numel())
    results = outputs.transpose(0, 1).reshape(groups.groups, -1, inputs.shape[2])
    if unit.row.kind != "depthwise" or unit.row.activation is None:
        return inputs, results, None
    low, high = ACTIVE[unit.row.activation]
    is_active = (results[:, 0] > low) & (results[:, 0] < high)
    return inputs, results, is_active.float().clamp(min=INACTIVE_WEIGHT)


def slices(count: int, bytes_each: int) -> Iterator[slice]:
    """Pictures that are computed together, of which each takes so much."""
    step = max(1, PART_BYTES // bytes_each)
    return (slice(start, start + step) for start in range(0, count, step))


def unit_of(module: "MobileNet", name: str) -> "ConvUnit":
    """That of the row of this name."""
    return cast("ConvUnit", module.layers[name])


def _columns(unit: "ConvUnit", x: "Tensor") -> "Tensor":
    """(inputs, samples), inputs channel by channel as kernels have them."""
    import torch.nn.functional as F

    row = unit.row
    if row.kernel == 1:
        return x[:, :, :: row.stride, :: row.stride].transpose(0, 1).flatten(1)
    columns = F.unfold(unit.padded(x), row.kernel, row.dilation, stride=row.stride)
    return columns.transpose(0, 1).flatten(1)
