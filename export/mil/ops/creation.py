"""Values made from sizes and places: ranges, fillings, one-hot vectors, bands.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/tensor_operation.py` and `random.py`,
and those of iOS16.
"""

import math

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import Operation, enter, lowers, no_macs, same_shape
from export.mil.program import Shape

UNKNOWN = -1  # a size that only the run of the model tells


def _range_shape(call: Call) -> list[Shape]:
    if not all(call.is_constant(name) for name in ("start", "end", "step")):
        return [(UNKNOWN,)]
    start, end, step = (call.number(name) for name in ("start", "end", "step"))
    return [(max(0, math.ceil((end - start) / step)),)]


@lowers("range_1d", shape=_range_shape)
def range_1d(call: Lowering) -> str:
    """start tensor<[], T>, end and step T -> tensor<[M], T>: from `start` on, before `end`."""
    start, end, step = (call.reshape(call[name], []) for name in ("start", "end", "step"))
    if _range_shape(call) == [(UNKNOWN,)]:
        span = call.cast(call.emit("Sub", end, start), "float32")
        steps = call.emit("Abs", call.emit("Div", span, call.cast(step, "float32")))
        size = call.bounded(call.reshape(call.cast(call.emit("Ceil", steps), "int64"), [1]))
        nothing = call.emit("Sub", size, size)
        end = call.emit("Add", end, call.reshape(_cast_as(call, nothing, "end"), []))
    return call.emit("Range", start, end, step)


def _cast_as(call: Lowering, value: str, parameter: str) -> str:
    return call.cast(value, call.tensor_type(parameter).dtype)


def _filled_shape(call: Call) -> list[Shape]:
    if call.is_constant("shape"):
        return [tuple(call.ints("shape"))]
    return [(UNKNOWN,) * call.shape("shape")[0]]


@lowers("fill", shape=_filled_shape)
def fill(call: Lowering) -> str:
    """shape tensor<[K], i32>, value T -> tensor<[*D], T>: everywhere `value`."""
    sizes = call.integers("shape")
    return _full(call, sizes if call.is_constant("shape") else call.bounded(sizes))


def _reference_shape(call: Call) -> list[Shape]:
    return [call.shape("ref_tensor")]


@lowers("fill_like", shape=_reference_shape)
def fill_like(call: Lowering) -> str:
    """ref_tensor tensor<[*d], T>, value U -> tensor<[*d], U>."""
    return _full(call, call.emit("Shape", call["ref_tensor"]))


def _full(call: Lowering, sizes: str) -> str:
    value = call.array("value").reshape(-1)[0] if call.has("value") else np.float32(0)
    return call.emit("Expand", call.constant(value, value.dtype.type), sizes)


def _rank_shape(call: Call) -> list[Shape]:
    return [(call.rank(),)]


@lowers("shape", shape=_rank_shape)
def shape(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[K], i32>: how long each of the K axes is."""
    return call.cast(call.emit("Shape", call["x"]), call.op.outputs[0].dtype)


def _one_hot_shape(call: Call) -> list[Shape]:
    sizes, size = list(call.shape("indices")), UNKNOWN
    if call.is_constant("one_hot_vector_size"):
        size = call.integer("one_hot_vector_size")
    sizes.insert(call.integer("axis", -1) % (len(sizes) + 1), size)
    return [tuple(sizes)]


@lowers("one_hot", shape=_one_hot_shape)
def one_hot(call: Lowering) -> str:
    """indices tensor<[*D], I>, one_hot_vector_size i32 -> tensor<[*D_out], T>: `on_value` where an
    index along the new `axis` is the given one, `off_value` elsewhere."""
    rank = call.rank("indices") + 1
    axis, none = call.integer("axis", -1) % rank, call.int64(0)
    size = call.reshape(call.integers("one_hot_vector_size"), [1])
    size = size if call.is_constant("one_hot_vector_size") else call.bounded(size)
    numbers = call.emit("Range", none, call.reshape(size, []), call.int64(1))
    aligned = [1] * rank
    aligned[axis] = -1
    indices = call.emit("Unsqueeze", call.integers("indices"), call.int64([axis]))
    there = call.emit("Equal", indices, call.reshape(numbers, aligned))
    on, off = (
        call.array(name).reshape(()) if call.has(name) else np.int32(default)
        for name, default in (("on_value", 1), ("off_value", 0))
    )
    if on.dtype != np.bool_:
        return call.emit("Where", there, call.constant(on, on.dtype.type),
                         call.constant(off, off.dtype.type))  # fmt: skip
    chosen = call.emit("Where", there, call.constant(on, np.int32), call.constant(off, np.int32))
    return call.cast(chosen, "bool")


def _places_shape(call: Call) -> list[Shape]:
    return [(UNKNOWN, call.rank())]


@lowers("non_zero", shape=_places_shape)
def non_zero(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[N, R], i32>: the place of each element that is not 0, in the
    order of the elements."""
    places = call.emit("NonZero", call["x"])
    return call.cast(call.emit("Transpose", places, perm=[1, 0]), "int32")


@lowers("band_part", shape=same_shape)
def band_part(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: zero more than `lower` places below the diagonal of
    the last two axes or `upper` above; below 0 is no limit."""
    x, lower, upper = call["x"], call.integer("lower", -1), call.integer("upper", -1)
    if lower >= 0:
        x = call.emit("Trilu", x, call.int64(-lower), upper=1)
    if upper >= 0:
        x = call.emit("Trilu", x, call.int64(upper), upper=0)
    return x


def _drawn_shape(call: Call) -> list[Shape]:
    return [(*call.shape()[:-1], call.integer("size", 1))]


DRAWN = "shape tensor<[K], i32> -> tensor<[*D], T>: random numbers of a distribution."
NO_GENERATOR = "no other generator gives the random numbers of Core ML's"
for _name in ("random_bernoulli", "random_normal", "random_uniform"):
    enter(_name, Operation(DRAWN, _filled_shape, no_macs, refusal=NO_GENERATOR))
enter(
    "random_categorical",
    Operation(
        "x tensor<[*D, C], T> -> tensor<[*D, size], T>: classes, drawn by their scores.",
        _drawn_shape, no_macs, refusal=NO_GENERATOR,
    ),
)  # fmt: skip
