"""Convolutions, pooling and resizing. Core AI's have neither padding nor bias of their own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from export.mil.coreai.lowered_call import CoreAICall, writes
from export.mil.ops.sliding_window import (
    declared_pads,
    onnx_pads,
    output_sizes,
    pad_type,
    steps,
)

if TYPE_CHECKING:
    from coreai.authoring import Value

Counts = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
PLANE = 2  # axes of a picture, all that is lowered


def _unsigned(values: Sequence[int]) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
    return np.asarray(values, np.uint32)


@writes("conv")
def _conv(call: CoreAICall) -> "Value":
    """Over a line as over a picture of one row: Core AI's are of two and three dimensions."""
    kernel = call.shape("weight")[2:]
    strides, dilations = steps(call, len(kernel))
    x, weight = _padded(call, kernel, 0), call["weight"]
    if len(kernel) == 1:
        batch, channels, length = call.shape()
        x = call.reshaped(x, [batch, channels, 1, length + sum(_pads(call, kernel))])
        weight = call.stored("weight", call.array("weight")[:, :, None])
        strides, dilations = [1, *strides], [1, *dilations]
    elif len(kernel) != PLANE:
        raise call.unsupported(f"{len(kernel)} dimensions")
    groups = np.uint32(call.integer("groups", 1))
    x = call.core_ai.conv2d(x, weight, _unsigned(strides), _unsigned(dilations), groups)
    return call.reshaped(_biased(call, x), call.output_shape())


@writes("conv_transpose")
def _conv_transpose(call: CoreAICall) -> "Value":
    """Everything that kernels reach, then cut to size: Core AI's own pads are equal ones."""
    if len(call.shape()) != 2 + PLANE or pad_type(call).startswith("same"):
        raise call.unsupported("SAME padding, or other than two dimensions")
    ai, (strides, dilations) = call.core_ai, steps(call, PLANE)
    none, groups = _unsigned([0, 0]), np.uint32(call.integer("groups", 1))
    x = ai.conv_transpose2d(
        call["x"], call["weight"], _unsigned(strides), none, _unsigned(dilations), none, groups
    )
    pads, kernel, shape = declared_pads(call, PLANE), call.shape("weight")[2:], call.output_shape()
    begins, ends, behind = [0, 0], [*shape[:2]], [0] * 2 * (2 + PLANE)
    for axis, size in enumerate(call.shape()[2:]):
        reached = (size - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1
        begins.append(pads[2 * axis])
        ends.append(pads[2 * axis] + shape[2 + axis])
        behind[2 * (2 + axis) + 1] = max(0, ends[-1] - reached)
    if any(behind):
        x = ai.pad(x, _unsigned(behind), call.like(0))
    corners = (np.asarray(bound, np.int32) for bound in (begins, ends, [1] * len(shape)))
    return _biased(call, ai.slice_(x, *corners))


def _biased(call: CoreAICall, x: "Value") -> "Value":
    if not call.has("bias"):
        return x
    bias = call.stored("bias", call.array("bias").reshape(1, -1, 1, 1))
    return call.core_ai.broadcasting_add(x, bias)


@writes("max_pool")
def _max_pool(call: CoreAICall) -> "Value":
    kernel = _window(call)
    x = _padded(call, kernel, -np.inf)
    ai, dtype = call.core_ai, np.dtype(call.dtype()).type
    strides, _ = steps(call, PLANE)
    result = ai.TensorType(call.output_shape(), dtype)
    ones = _unsigned([1, 1])
    return ai.maxpool2d(result, x, _unsigned(kernel), _unsigned(strides), ones, np.bool_(False))


@writes("avg_pool", "l2_pool")
def _sum_pool(call: CoreAICall) -> "Value":
    """Sums over windows, divided by what counts: all places, or those that are no padding."""
    kernel = _window(call)
    from coreai.authoring.constant import constant  # of its own accord it makes none here

    ai, dtype = call.core_ai, np.dtype(call.dtype()).type
    strides, _ = steps(call, PLANE)
    x = _padded(call, kernel, 0)
    if call.op.type == "l2_pool":
        x = ai.broadcasting_mul(x, x)
    x = ai.sumpool2d(x, *map(constant, map(_unsigned, (kernel, strides, [1, 1]))))
    if call.op.type == "l2_pool":
        return ai.sqrt(x)
    return ai.broadcasting_divide(x, call.stored("counts", _counts(call, kernel).astype(dtype)))


def _window(call: CoreAICall) -> list[int]:
    kernel = call.ints("kernel_sizes")
    if len(kernel) != PLANE:
        raise call.unsupported(f"{len(kernel)} dimensions")
    return kernel


def _counts(call: CoreAICall, kernel: Sequence[int]) -> Counts:
    """Places that count in each window, (1, 1, H, W); what `ceil_mode` adds never does."""
    strides, _ = steps(call, PLANE)
    pads, declared = _pads(call, kernel), _declared(call, kernel)
    exclude = call.flag("exclude_padding_from_average", False)
    along = []
    for axis, size in enumerate(call.shape()[2:]):
        before, after = (0, 0) if exclude else (declared[axis], declared[axis + PLANE])
        starts = np.arange(call.output_shape()[2 + axis]) * strides[axis] - pads[2 * axis]
        ends = np.minimum(starts + kernel[axis], size + after)
        along.append(ends - np.maximum(starts, -before))
    counts: Counts = np.outer(*along)[None, None]
    return counts


def _padded(call: CoreAICall, kernel: Sequence[int], filling: float) -> "Value":
    pads = _pads(call, kernel)
    if not any(pads):
        return call["x"]
    return call.core_ai.pad(call["x"], _unsigned([0, 0, 0, 0, *pads]), call.like(filling))


def _pads(call: CoreAICall, kernel: Sequence[int]) -> list[int]:
    """Before and after each axis in turn; with what `ceil_mode` needs behind."""
    sizes, rank, declared = call.shape()[2:], len(kernel), _declared(call, kernel)
    strides, dilations = steps(call, rank)
    places = output_sizes(call, sizes, kernel)
    pads = []
    for axis in range(rank):
        before, after = declared[axis], declared[axis + rank]
        extent = (kernel[axis] - 1) * dilations[axis] + 1
        reached = (places[axis] - 1) * strides[axis] + extent
        pads += [before, max(after, reached - sizes[axis] - before)]
    return pads


def _declared(call: CoreAICall, kernel: Sequence[int]) -> list[int]:
    """Before every axis, then after every axis."""
    return onnx_pads(call, call.shape()[2:] if pad_type(call).startswith("same") else (), kernel)
