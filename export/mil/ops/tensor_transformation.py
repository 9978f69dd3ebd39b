"""Elements in another shape or order: nothing is computed.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/tensor_transformation.py`, and those of
iOS16 and iOS17.
"""

import math

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import FIRST, Lowering
from export.mil.ops.operation import lowers, same_shape
from export.mil.program import Shape, is_fixed


def _reshaped(call: Call) -> list[Shape]:
    """A 0 keeps the size of the axis at its place, counted from the right, or is 1."""
    if not call.is_constant("shape"):
        return [(-1,) * call.shape("shape")[0]]
    before, asked = call.shape(), call.ints("shape")
    kept = (1,) * (len(asked) - len(before)) + before
    shape = [size or kept[axis - len(asked)] for axis, size in enumerate(asked)]
    if -1 in shape:
        shape[shape.index(-1)] = math.prod(before) // -math.prod(shape)
    return [tuple(shape)]


@lowers("reshape", shape=_reshaped)
def reshape(call: Lowering) -> str:
    """x tensor<[*d], T>, shape tensor<[K], I> -> tensor<[*d_out], T>.

    To the shape that MIL inferred, since its 0 and -1 differ between opsets; where that is known
    to the run alone, 0 is refused unless the ranks are equal.
    """
    if is_fixed(call.output_shape()):
        return call.reshape(call["x"], call.output_shape())
    sizes = call.integers("shape")
    if call.rank() == len(call.output_shape()):
        return call.emit("Reshape", call["x"], sizes)
    return call.emit("Reshape", call["x"], sizes, allowzero=1)


def _referred(call: Call) -> list[Shape]:
    parts = zip(
        call.all_shapes("ref_tensors"),
        *(call.all_arrays(name) for name in ("begins", "ends", "end_masks")), strict=True,
    )  # fmt: skip
    kept = [
        shape[int(begin) : None if is_open else int(end)] for shape, begin, end, is_open in parts
    ]
    return [tuple(size for sizes in kept for size in sizes)]


@lowers("reshape_like", shape=_referred)
def reshape_like(call: Lowering) -> str:
    """x tensor<[*d], T>, ref_tensors Tuple[tensor<[*d_i], R>] -> tensor<[*d_out], T>: to parts of
    the other tensors' shapes, one behind the other."""
    return call.reshape(call["x"], _referred(call)[0])


def _flattened(call: Call) -> list[Shape]:
    shape, axis = call.shape(), call.integer("axis", 1)
    return [(math.prod(shape[:axis]), math.prod(shape[axis:]))]


@lowers("flatten2d", shape=_flattened)
def flatten2d(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[d_prior, d_post], T>: the axes before `axis`, and the rest."""
    return call.emit("Flatten", call["x"], axis=call.integer("axis", 1))


def _squeezed(call: Call) -> list[Shape]:
    shape = call.shape()
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    axes = {axis % len(shape) for axis in call.ints("axes", ones)}
    return [tuple(size for axis, size in enumerate(shape) if axis not in axes)]


@lowers("squeeze", shape=_squeezed)
def squeeze(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d_out], T>: without the axes of 1, or those in `axes`."""
    axes = call.int64(call.ints("axes")) if call.has("axes") else None
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
    return call.emit("Unsqueeze", call["x"], call.int64(call.ints("axes")))


def _transposed(call: Call) -> list[Shape]:
    shape = call.shape()
    return [tuple(shape[axis] for axis in call.ints("perm"))]


@lowers("transpose", shape=_transposed)
def transpose(call: Lowering) -> str:
    """x tensor<[*d], T>, perm tensor<[rank(x)], i32> -> tensor<[*d_out], T>."""
    rank = call.rank()
    return call.emit("Transpose", call["x"], perm=[axis % rank for axis in call.ints("perm")])


@lowers("reverse", shape=same_shape)
def reverse(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: backwards along `axes`, or all of them."""
    axes = call.ints("axes", range(call.rank()))
    bounds = ([-1] * len(axes), [FIRST] * len(axes), axes, [-1] * len(axes))
    return call.emit("Slice", call["x"], *(call.int64(bound) for bound in bounds))


@lowers("reverse_sequence", shape=same_shape)
def reverse_sequence(call: Lowering) -> str:
    """x tensor<[*d], T>, lengths tensor<[L], I> -> tensor<[*d], T>: of each element of
    `batch_axis` the first `lengths` along `seq_axis` backwards."""
    rank = call.rank()
    batch, sequence = (call.integer(f"{name}_axis", 0) % rank for name in ("batch", "seq"))
    if batch == sequence:
        raise call.unsupported("one axis as batch and as sequence")
    order = [batch, sequence, *(axis for axis in range(rank) if axis not in (batch, sequence))]
    moved = call.emit("Transpose", call["x"], perm=order)
    turned = call.emit("ReverseSequence", moved, call.integers("lengths"), batch_axis=0,
                       time_axis=1)  # fmt: skip
    return call.emit("Transpose", turned, perm=np.argsort(order).tolist())


def _windows_shape(call: Call) -> list[Shape]:
    shape, axis, size = list(call.shape()), call.integer("axis"), call.integer("size")
    axis %= len(shape)
    count = (shape[axis] - size) // call.integer("stride", 1) + 1
    return [(*shape[:axis], count, size, *shape[axis + 1 :])]


@lowers("sliding_windows", shape=_windows_shape)
def sliding_windows(call: Lowering) -> str:
    """x tensor<[*d0, d_axis, *dn], T> -> tensor<[*d0, (d_axis - size) / stride + 1, size, *dn],
    T>: `size` elements from each `stride`th on."""
    axis, size = call.integer("axis") % call.rank(), call.integer("size")
    count = _windows_shape(call)[0][axis]
    starts = np.arange(count).reshape(-1, 1) * call.integer("stride", 1)
    places = call.int64(starts + np.arange(size))
    return call.emit("Gather", call["x"], places, axis=axis)
