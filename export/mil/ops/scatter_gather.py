"""Elements taken from places that are given as indices, and put there.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/scatter_gather.py`, and those of iOS16
(`batch_dims`) and iOS17 (`validate_indices`).
"""

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape

BEYOND = np.iinfo(np.int32).max  # no axis is as long: ONNX Runtime refuses to look there
REDUCTIONS = {
    "update": "none", "add": "add", "sub": "add", "mul": "mul", "div": "mul", "max": "max",
    "min": "min",
}  # fmt: skip


def _places(call: Lowering) -> str:
    """`indices` as int64. Those below 0 count from the end; since iOS 17, which brought
    `validate_indices`, they are out of bounds, where nothing is defined: that is refused."""
    indices = call.integers("indices")
    if not call.has("validate_indices") or call.tensor_type("indices").dtype.startswith("u"):
        return indices
    below = call.emit("Less", indices, call.int64(0))
    return call.emit("Where", below, call.int64(BEYOND), indices)


def _gathered(call: Call) -> list[Shape]:
    shape, batch = call.shape(), call.integer("batch_dims", 0)
    axis = call.integer("axis", 0) % len(shape)
    return [(*shape[:axis], *call.shape("indices")[batch:], *shape[axis + 1 :])]


@lowers("gather", shape=_gathered)
def gather(call: Lowering) -> str:
    """x tensor<[*D], T>, indices tensor<[*N], I> -> tensor<[*K], T>: along `axis`, for each of
    the first `batch_dims` axes by indices of its own."""
    rank, batch = call.rank(), call.integer("batch_dims", 0)
    axis = call.integer("axis", 0) % rank
    if batch == 0:
        return call.emit("Gather", call["x"], _places(call), axis=axis)
    between, after = list(range(batch, axis)), list(range(axis + 1, rank))
    x = call.emit("Transpose", call["x"], perm=[*range(batch), axis, *between, *after])
    places = call.emit("Unsqueeze", _places(call), call.int64([-1]))
    found = call.emit("GatherND", x, places, batch_dims=batch)
    first, last = call.rank("indices"), call.rank("indices") + len(between)
    order = [*range(batch), *range(first, last), *range(batch, first)]
    return call.emit("Transpose", found, perm=[*order, *range(last, last + len(after))])


def _gathered_slices(call: Call) -> list[Shape]:
    (*places, depth), batch = call.shape("indices"), call.integer("batch_dims", 0)
    return [(*places, *call.shape()[batch + depth :])]


@lowers("gather_nd", shape=_gathered_slices)
def gather_nd(call: Lowering) -> str:
    """x tensor<[*D], T>, indices tensor<[*K], I> -> tensor<[*V], T>: V = K[:-1] +
    D[batch_dims + K[-1]:], each row of `indices` names a place among the first axes."""
    return call.emit(
        "GatherND", call["x"], _places(call), batch_dims=call.integer("batch_dims", 0)
    )


def _shape_of_indices(call: Call) -> list[Shape]:
    return [call.shape("indices")]


@lowers("gather_along_axis", shape=_shape_of_indices)
def gather_along_axis(call: Lowering) -> str:
    """x tensor<[*D], T>, indices tensor<[*K], I> -> tensor<[*K], T>: each index replaces its own
    coordinate along `axis`."""
    return call.emit("GatherElements", call["x"], _places(call), axis=call.integer("axis", 0))


def _data_shape(call: Call) -> list[Shape]:
    return [call.shape("data")]


@lowers("scatter", shape=_data_shape)
def scatter(call: Lowering) -> str:
    """data tensor<[*D], T>, indices tensor<[C], i32>, updates tensor<[*K], T> -> tensor<[*D], T>:
    slices of `updates` along `axis` put at `indices`, by `mode`."""
    axis = call.integer("axis", 0) % call.rank("data")
    aligned = [1] * call.rank("data")
    aligned[axis] = -1
    places = call.reshape(_places(call), aligned)
    places = call.emit("Expand", places, call.emit("Shape", call["updates"]))
    return _scattered(call, "ScatterElements", places, axis=axis)


@lowers("scatter_along_axis", shape=_data_shape)
def scatter_along_axis(call: Lowering) -> str:
    """data tensor<[*D], T>, indices tensor<[*K], i32>, updates tensor<[*K], T>
    -> tensor<[*D], T>: each index replaces its own coordinate along `axis`."""
    return _scattered(call, "ScatterElements", _places(call), axis=call.integer("axis", 0))


@lowers("scatter_nd", shape=_data_shape)
def scatter_nd(call: Lowering) -> str:
    """data tensor<[*D], T>, indices tensor<[*E], i32>, updates tensor<[*F], T>
    -> tensor<[*D], T>: each row of `indices` names a place among the first axes."""
    return _scattered(call, "ScatterND", _places(call))


def _scattered(call: Lowering, kind: str, places: str, **options: int) -> str:
    """`updates` put into `data` by `mode`: added, say, to what is there."""
    mode = call.text("mode", "add")
    if mode not in REDUCTIONS:
        raise call.unsupported(f"mode {mode!r}")
    data, updates = call["data"], call["updates"]
    if mode == "sub":
        updates = call.emit("Neg", updates)
    if mode != "div":
        return call.emit(kind, data, places, updates, reduction=REDUCTIONS[mode], **options)
    if not call.tensor_type("data").dtype.startswith("float"):
        raise call.unsupported("a division of integers")
    ones = call.emit("Expand", call.constant(1.0), call.emit("Shape", data))
    divisors = call.emit(kind, ones, places, updates, reduction="mul", **options)
    return call.emit("Div", data, divisors)
