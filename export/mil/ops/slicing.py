"""Parts of a tensor, taken and replaced.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/tensor_transformation.py`,
`image_resizing.py` for `crop`, and `iOS18/tensor_transformation.py`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from export.mil.ops.call import Call
from export.mil.ops.lowering import FIRST, LAST, Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape


def _mask(call: Call, name: str) -> NDArray[np.bool_]:
    none = [0] * call.rank()
    return np.array(call.ints(f"{name}_mask", none), bool)


def _strides(call: Call) -> list[int]:
    return call.ints("stride", [1] * call.rank())


def _sliced(call: Call) -> list[Shape]:
    sizes = []
    for axis, size in enumerate(call.shape()):
        if not _mask(call, "squeeze")[axis]:
            sizes.append(_length(call, axis, size))
    return [tuple(sizes)]


def _length(call: Call, axis: int, size: int) -> int:
    """Of what is taken along `axis`; -1 where that depends on a bound known to the run alone."""
    bounded = [name for name in ("begin", "end") if not _mask(call, name)[axis]]
    if not all(call.is_constant(name) for name in bounded):
        return -1
    begin, end = (call.ints(name)[axis] if name in bounded else None for name in ("begin", "end"))
    return len(range(size)[begin : end : _strides(call)[axis]])


@lowers("slice_by_index", shape=_sliced)
def slice_by_index(call: Lowering) -> str:
    """x tensor<[*d], T>, begin, end and stride tensor<[rank(x)], I> -> tensor<[*d_out], T>:
    x[begin:end:stride]; masks stand for numpy's omitted bounds and single indices."""
    begin, end = _bounds(call)
    axes, strides = (call.int64(v) for v in (range(call.rank()), _strides(call)))
    part = call.emit("Slice", call["x"], begin, end, axes, strides)
    squeezed = np.flatnonzero(_mask(call, "squeeze"))
    return part if not squeezed.size else call.emit("Squeeze", part, call.int64(squeezed))


def _bounds(call: Lowering) -> tuple[str, str]:
    """Where ONNX's slice begins and ends along each axis; without bounds and after the last
    element it ends at `LAST`, or backwards at `FIRST`."""
    forward, squeezed = np.array(_strides(call)) > 0, _mask(call, "squeeze")
    open_begin, open_end = np.where(forward, 0, LAST), np.where(forward, LAST, FIRST)
    masks = _mask(call, "begin") & ~squeezed, _mask(call, "end")
    if call.is_constant("begin") and call.is_constant("end"):
        begins, ends = np.array(call.ints("begin")), np.array(call.ints("end"))
        after = np.where(begins == -1, LAST, begins + 1)
        ends = np.where(squeezed, after, np.where(masks[1], open_end, ends))
        return call.int64(np.where(masks[0], open_begin, begins)), call.int64(ends)
    begin, end = call.integers("begin"), call.integers("end")
    last = call.emit("Equal", begin, call.int64(-1))
    behind = call.emit("Add", begin, call.int64(1))
    behind = call.emit("Where", last, call.int64(LAST), behind)
    end = _chosen(call, squeezed, behind, _chosen(call, masks[1], call.int64(open_end), end))
    return _chosen(call, masks[0], call.int64(open_begin), begin), end


def _chosen(call: Lowering, mask: NDArray[np.bool_], masked: str, other: str) -> str:
    """`masked` where the mask is set, else the other."""
    if not mask.any():
        return other
    return call.emit("Where", call.constant(mask, np.bool_), masked, other)


@lowers("slice_update", shape=lambda call: [call.shape()])
def slice_update(call: Lowering) -> str:
    """x tensor<[*d], T>, update tensor<[*k], T>, begin, end and stride tensor<[rank(x)], I>
    -> tensor<[*d], T>: x with `update` in the place of what `slice_by_index` would take."""
    begin, end = _bounds(call)
    squeezed = np.flatnonzero(_mask(call, "squeeze"))
    update = call["update"]
    if squeezed.size:
        update = call.emit("Unsqueeze", update, call.int64(squeezed))
    if any(stride != 1 for stride in _strides(call)):
        return _scattered(call, begin, end, update)
    whole = _mask(call, "begin") & _mask(call, "end") & ~_mask(call, "squeeze")
    partial = [axis for axis in range(call.rank()) if not whole[axis]]
    bounds = {axis: [_at(call, bound, axis) for bound in (begin, end)] for axis in partial}
    return _replaced(call, call["x"], update, bounds, partial)


def _at(call: Lowering, bounds: str, axis: int) -> str:
    return call.emit("Gather", bounds, call.int64([axis]))


def _replaced(
    call: Lowering, x: str, update: str, bounds: dict[int, list[str]], axes: Sequence[int]
) -> str:
    """`x` with `update` between the bounds along `axes`: what is before, within and after."""
    if not axes:
        return update
    axis, (begin, end) = axes[0], bounds[axes[0]]
    along = call.int64([axis])
    before = call.emit("Slice", x, call.int64([0]), begin, along)
    within = call.emit("Slice", x, begin, end, along)
    after = call.emit("Slice", x, end, call.int64([LAST]), along)
    within = _replaced(call, within, update, bounds, axes[1:])
    return call.emit("Concat", before, within, after, axis=axis)


def _scattered(call: Lowering, begin: str, end: str, update: str) -> str:
    """`x` with `update` at places that are told by slicing the numbers of all elements."""
    sizes, flat = call.emit("Shape", call["x"]), call.int64([-1])
    count = call.emit("Size", call["x"])
    numbers = call.emit("Range", call.int64(0), count, call.int64(1))
    axes, strides = call.int64(range(call.rank())), call.int64(_strides(call))
    places = call.emit("Slice", call.emit("Reshape", numbers, sizes), begin, end, axes, strides)
    x, places, values = (
        call.emit("Reshape", value, flat) for value in (call["x"], places, update)
    )
    return call.emit("Reshape", call.emit("ScatterElements", x, places, values), sizes)


def _sliced_by_size(call: Call) -> list[Shape]:
    shape = call.shape()
    sizes = call.ints("size") if call.is_constant("size") else [None] * len(shape)
    begin = call.ints("begin") if call.is_constant("begin") else [None] * len(shape)
    lengths = []
    for whole, size, first in zip(shape, sizes, begin, strict=True):
        if size is None or (size == -1 and first is None):
            lengths.append(-1)
        else:
            lengths.append(len(range(whole)[first:]) if size == -1 else size)
    return [tuple(lengths)]


@lowers("slice_by_size", shape=_sliced_by_size)
def slice_by_size(call: Lowering) -> str:
    """x tensor<[*d], T>, begin and size tensor<[rank(x)], I> -> tensor<[*d_out], T>: `size`
    elements from `begin` on, which counts from the end below 0; -1 takes all that follow."""
    if call.is_constant("begin") and call.is_constant("size"):
        begins, sizes = np.array(call.ints("begin")), np.array(call.ints("size"))
        ends = begins + sizes
        whole = (sizes == -1) | ((begins < 0) & (ends >= 0))
        ends = np.where(whole, LAST, ends)
        return call.emit("Slice", call["x"], call.int64(begins), call.int64(ends))
    begin, size = call.integers("begin"), call.integers("size")
    below = call.emit("Less", begin, call.int64(0))
    from_end = call.emit("Add", begin, call.emit("Shape", call["x"]))
    begin = call.emit("Where", below, from_end, begin)
    rest = call.emit("Equal", size, call.int64(-1))
    end = call.emit("Where", rest, call.int64(LAST), call.emit("Add", begin, size))
    return call.emit("Slice", call["x"], begin, end)


def _cropped(call: Call) -> list[Shape]:
    *leading, height, width = call.shape()
    (top, bottom), (left, right) = call.ints("crop_height"), call.ints("crop_width")
    return [(*leading, height - top - bottom, width - left - right)]


@lowers("crop", shape=_cropped)
def crop(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T> -> tensor<[*D, H2, W2], T>: without some rows and columns."""
    (top, bottom), (left, right) = call.ints("crop_height"), call.ints("crop_width")
    end = [-bottom or LAST, -right or LAST]
    bounds = ([top, left], end, [-2, -1])
    return call.emit("Slice", call["x"], *(call.int64(bound) for bound in bounds))
