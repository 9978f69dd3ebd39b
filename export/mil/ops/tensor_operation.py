"""Joins, parts, repetitions and choices of elements, and the end of a classifier.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/tensor_operation.py` and
`classify.py`.
"""

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape

PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}


def _joined(call: Call) -> list[Shape]:
    first, *others = call.all_shapes("values")
    if not first:
        return [(1 + len(others),)]
    shape, axis = list(first), call.integer("axis")
    shape[axis] += sum(other[axis] for other in others)
    return [tuple(shape)]


@lowers("concat", shape=_joined)
def concat(call: Lowering) -> str:
    """values Tuple[tensor<[*d, d_axis_i, *e], T>] -> tensor<[*d, d_axis_out, *e], T>: end to end
    along `axis`; interleaved, in turns: a0 b0 a1 b1 (ShuffleNet's shuffle). Numbers make a
    vector."""
    axis = call.integer("axis")
    if not call.shape_of(call.op.inputs["values"][0]):
        return _stacked(call, 0)
    if not call.flag("interleave", False):
        return call.emit("Concat", *call.many("values"), axis=axis)
    inner = axis % len(call.output_shape()) + 1
    return call.reshape(_stacked(call, inner), call.output_shape())


def _stack_shape(call: Call) -> list[Shape]:
    shapes, axis = call.all_shapes("values"), call.integer("axis")
    shape = list(shapes[0])
    shape.insert(axis % (len(shape) + 1), len(shapes))
    return [tuple(shape)]


@lowers("stack", shape=_stack_shape)
def stack(call: Lowering) -> str:
    """values Tuple[tensor<[*d, *e], T>] of length N -> tensor<[*d, N, *e], T>: along a new
    `axis`."""
    return _stacked(call, call.integer("axis"))


def _stacked(call: Lowering, axis: int) -> str:
    """Joined along a new axis."""
    position = call.int64([axis])
    values = [call.emit("Unsqueeze", value, position) for value in call.many("values")]
    return call.emit("Concat", *values, axis=axis)


def _split_shapes(call: Call) -> list[Shape]:
    shape, axis = call.shape(), call.integer("axis") % len(call.shape())
    parts = len(call.op.outputs)
    sizes = call.ints("split_sizes", [shape[axis] // parts] * parts)
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]


@lowers("split", shape=_split_shapes)
def split(call: Lowering) -> tuple[str, ...]:
    """x tensor<[*d], T> -> Tuple[tensor<[*d_i], T>]: `num_splits` parts along `axis`, or parts of
    `split_sizes`."""
    axis = call.integer("axis")
    sizes = call.int64([output.shape[axis] for output in call.op.outputs])
    return call.emit_many("Split", len(call.op.outputs), call["x"], sizes, axis=axis)


def _padded(call: Call) -> list[Shape]:
    shape = list(call.shape())
    if not call.is_constant("pad"):
        return [(-1,) * len(shape)]
    pads = call.ints("pad")
    first = len(shape) - len(pads) // 2
    for pair in range(len(pads) // 2):
        shape[first + pair] += pads[2 * pair] + pads[2 * pair + 1]
    return [tuple(shape)]


@lowers("pad", shape=_padded)
def pad(call: Lowering) -> str:
    """x tensor<[*D_in], T>, pad tensor<[2 N], i32> -> tensor<[*D_out], T>: pairs of before and
    after for the last N axes."""
    mode = PAD_MODES[call.text("mode", "constant")]
    value = call.constant_like(call.number("constant_val", 0.0)) if mode == "constant" else None
    return call.emit("Pad", call["x"], _amounts(call), value, mode=mode)


def _amounts(call: Lowering) -> str:
    """All that comes before, then all that comes after: one of each for each axis."""
    if call.is_constant("pad"):
        pairs = np.array(call.ints("pad")).reshape(-1, 2)
        leading = np.zeros((call.rank() - len(pairs), 2), int)
        return call.int64(np.concatenate([leading, pairs]).T.reshape(-1))
    turned = call.emit("Transpose", call.reshape(call.integers("pad"), [-1, 2]), perm=[1, 0])
    added = call.emit("ReduceSum", turned, call.int64([0]), keepdims=0)
    shape = call.emit("Shape", call["x"])
    sizes = call.bounded(call.emit("Add", shape, added))
    before = call.emit("Slice", turned, *(call.int64([n]) for n in (0, 1)))
    after = call.emit("Sub", call.emit("Sub", sizes, shape), before)
    return call.reshape(call.emit("Concat", before, after, axis=0), [-1])


def _tiled(call: Call) -> list[Shape]:
    if not call.is_constant("reps"):
        return [(-1,) * call.rank()]
    return [tuple(s * r for s, r in zip(call.shape(), call.ints("reps"), strict=True))]


@lowers("tile", shape=_tiled)
def tile(call: Lowering) -> str:
    """x tensor<[*d], T>, reps tensor<[rank(x)], i32> -> tensor<[*d_out], T>."""
    repetitions = call.integers("reps")
    if not call.is_constant("reps"):
        shape = call.emit("Shape", call["x"])
        sizes = call.bounded(call.emit("Mul", shape, repetitions))
        repetitions = call.emit("Div", sizes, shape)
    return call.emit("Tile", call["x"], repetitions)


def _classified(_: Call) -> list[Shape]:
    return [(), ()]


@lowers("classify", shape=_classified)
def classify(call: Lowering) -> tuple[str, ...]:
    """probabilities tensor<[*, N], T>, classes list of N -> the class, and a dictionary of class
    to probability.

    In the graph both are the probabilities, tensor<[N], T> in the order of the classes; naming
    them is left to the runtime.
    """
    flat = call.reshape(call["probabilities"], [-1])
    return flat, flat
