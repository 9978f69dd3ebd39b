"""Elements in another shape or order, and parts of them: nothing is computed.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/tensor_transformation.py`.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers, same_shape
from export.mil.program import Shape

FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max  # a slice without bounds in ONNX


def _reshaped(call: Call) -> list[Shape]:
    """A 0 keeps the size of the axis at its place, counted from the right."""
    before, asked = call.shape(), call.ints("shape")
    shape = [size or before[axis - len(asked)] for axis, size in enumerate(asked)]
    if -1 in shape:
        shape[shape.index(-1)] = math.prod(before) // -math.prod(shape)
    return [tuple(shape)]


@lowers("reshape", shape=_reshaped)
def reshape(call: Lowering) -> str:
    """x tensor<[*d], T>, shape tensor<[K], i32> -> tensor<[*d_out], T>.

    To the shape that MIL inferred: its 0 and -1 differ between opsets.
    """
    return call.reshape(call["x"], call.output_shape())


def _flattened(call: Call) -> list[Shape]:
    shape, axis = call.shape(), call.integer("axis", 1)
    return [(math.prod(shape[:axis]), math.prod(shape[axis:]))]


@lowers("flatten2d", shape=_flattened)
def flatten2d(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[d_prior, d_post], T>: the axes before `axis`, and the rest."""
    return call.reshape(call["x"], call.output_shape())


def _squeezed(call: Call) -> list[Shape]:
    shape = call.shape()
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    axes = {axis % len(shape) for axis in call.ints("axes", ones)}
    return [tuple(size for axis, size in enumerate(shape) if axis not in axes)]


@lowers("squeeze", shape=_squeezed)
def squeeze(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d_out], T>: without the axes of 1, or those in `axes`."""
    axes = call.constant(call.ints("axes"), np.int64) if call.has("axes") else None
    return call.emit("Squeeze", call["x"], axes)


def _expanded(call: Call) -> list[Shape]:
    shape, axes = list(call.shape()), call.ints("axes")
    rank = len(shape) + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        shape.insert(axis, 1)
    return [tuple(shape)]


@lowers("expand_dims", shape=_expanded)
def expand_dims(call: Lowering) -> str:
    """x tensor<[*d], T>, axes tensor<[K], i32> -> tensor<[*d_out], T>, of K axes more."""
    return call.emit("Unsqueeze", call["x"], call.constant(call.ints("axes"), np.int64))


def _transposed(call: Call) -> list[Shape]:
    shape = call.shape()
    return [tuple(shape[axis] for axis in call.ints("perm"))]


@lowers("transpose", shape=_transposed)
def transpose(call: Lowering) -> str:
    """x tensor<[*d], T>, perm tensor<[rank(x)], i32> -> tensor<[*d_out], T>."""
    rank = len(call.shape())
    return call.emit("Transpose", call["x"], perm=[axis % rank for axis in call.ints("perm")])


def _sliced(call: Call) -> list[Shape]:
    shape = call.shape()
    none = [0] * len(shape)
    begin, end = call.ints("begin"), call.ints("end")
    strides = call.ints("stride", [1] * len(shape))
    open_begin, open_end = call.ints("begin_mask", none), call.ints("end_mask", none)
    squeezed = call.ints("squeeze_mask", none)
    sizes = [
        len(range(size)[slice(None if open_begin[axis] else begin[axis],
                              None if open_end[axis] else end[axis], strides[axis])])
        for axis, size in enumerate(shape)
    ]  # fmt: skip
    return [tuple(size for axis, size in enumerate(sizes) if not squeezed[axis])]


@lowers("slice_by_index", shape=_sliced)
def slice_by_index(call: Lowering) -> str:
    """x tensor<[*d], T>, begin, end and stride tensor<[rank(x)], i32> -> tensor<[*d_out], T>:
    x[begin:end:stride]; masks stand for numpy's omitted bounds and single indices."""
    rank = len(call.shape())
    begin, end = call.ints("begin"), call.ints("end")
    stride = call.ints("stride", [1] * rank)
    none = [0] * rank
    open_begin, open_end = call.ints("begin_mask", none), call.ints("end_mask", none)
    squeezed = call.ints("squeeze_mask", none)
    for i in range(rank):
        if squeezed[i]:
            end[i] = begin[i] + 1 if begin[i] != -1 else LAST
            continue
        if open_begin[i]:
            begin[i] = 0 if stride[i] > 0 else LAST
        if open_end[i]:
            end[i] = LAST if stride[i] > 0 else FIRST
    part = _slice(call, begin, end, range(rank), stride)
    if not any(squeezed):
        return part
    return call.emit("Squeeze", part, call.constant(np.flatnonzero(squeezed), np.int64))


def _ends(call: Call) -> list[int]:
    """Where each axis of a `slice_by_size` ends."""
    bounds = zip(call.ints("begin"), call.ints("size"), call.shape(), strict=True)
    return [length if size == -1 else begin + size for begin, size, length in bounds]


def _sliced_by_size(call: Call) -> list[Shape]:
    bounds = zip(call.ints("begin"), _ends(call), strict=True)
    return [tuple(end - begin for begin, end in bounds)]


@lowers("slice_by_size", shape=_sliced_by_size)
def slice_by_size(call: Lowering) -> str:
    """x tensor<[*d], T>, begin and size tensor<[rank(x)], i32> -> tensor<[*d_out], T>: `size`
    elements from `begin` on; -1 takes all that follow."""
    return _slice(call, call.ints("begin"), _ends(call))


@lowers("reverse", shape=same_shape)
def reverse(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: backwards along `axes`, or all of them."""
    axes = call.ints("axes", range(len(call.shape())))
    count = len(axes)
    return _slice(call, [-1] * count, [FIRST] * count, axes, [-1] * count)


def _pixel_shuffled(call: Call) -> list[Shape]:
    return _to_space(call, call.integer("upscale_factor"))


@lowers("pixel_shuffle", shape=_pixel_shuffled)
def pixel_shuffle(call: Lowering) -> str:
    """x tensor<[n, C f^2, H, W], T> -> tensor<[n, C, H f, W f], T>: channels to space, the
    channel slowest, as torch's pixel_shuffle."""
    factor = call.integer("upscale_factor")
    return call.emit("DepthToSpace", call["x"], blocksize=factor, mode="CRD")


def _depth_to_space_shape(call: Call) -> list[Shape]:
    return _to_space(call, call.integer("block_size"))


@lowers("depth_to_space", shape=_depth_to_space_shape)
def depth_to_space(call: Lowering) -> str:
    """x tensor<[n, C b^2, H, W], T> -> tensor<[n, C, H b, W b], T>: the channel fastest."""
    return call.emit("DepthToSpace", call["x"], blocksize=call.integer("block_size"), mode="DCR")


def _space_to_depth_shape(call: Call) -> list[Shape]:
    (batch, channels, height, width), block = call.shape(), call.integer("block_size")
    return [(batch, channels * block**2, height // block, width // block)]


@lowers("space_to_depth", shape=_space_to_depth_shape)
def space_to_depth(call: Lowering) -> str:
    """x tensor<[n, C, H b, W b], T> -> tensor<[n, C b^2, H, W], T>."""
    return call.emit("SpaceToDepth", call["x"], blocksize=call.integer("block_size"))


def _to_space(call: Call, factor: int) -> list[Shape]:
    batch, channels, height, width = call.shape()
    return [(batch, channels // factor**2, height * factor, width * factor)]


def _slice(call: Lowering, *bounds: ArrayLike) -> str:
    """ONNX's slice of x, from starts, ends, axes and steps."""
    return call.emit("Slice", call["x"], *(call.constant(b, np.int64) for b in bounds))
