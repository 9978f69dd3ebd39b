"""Reductions over axes.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/reduction.py`.
"""

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers, same_shape
from export.mil.program import Shape

REDUCTIONS = {
    "reduce_mean": "ReduceMean", "reduce_sum": "ReduceSum", "reduce_max": "ReduceMax",
    "reduce_min": "ReduceMin", "reduce_prod": "ReduceProd", "reduce_l1_norm": "ReduceL1",
    "reduce_l2_norm": "ReduceL2", "reduce_log_sum": "ReduceLogSum",
    "reduce_log_sum_exp": "ReduceLogSumExp", "reduce_sum_square": "ReduceSumSquare",
}  # fmt: skip
ARGUMENTS = {"reduce_argmax": "ArgMax", "reduce_argmin": "ArgMin"}


def _over(call: Call, axes: set[int], keep: bool) -> list[Shape]:
    """The shape of `x` without `axes`, or with 1 in their place."""
    sizes = enumerate(call.shape())
    if keep:
        return [tuple(1 if axis in axes else size for axis, size in sizes)]
    return [tuple(size for axis, size in sizes if axis not in axes)]


def _axes(call: Call) -> list[int]:
    rank = call.rank()
    return sorted(axis % rank for axis in call.ints("axes", range(rank)))


def _reduced_shape(call: Call) -> list[Shape]:
    return _over(call, set(_axes(call)), call.flag("keep_dims", False))


@lowers(*REDUCTIONS, shape=_reduced_shape)
def reduction(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d_out], T>: over `axes`, or all of them."""
    axes, keep = _axes(call), call.flag("keep_dims", False)
    mean = call.op.type == "reduce_mean" and call.tensor_type().dtype.startswith("float")
    if mean and call.rank() == 4 and axes == [2, 3]:
        # the same number from the kernel that knows ONNX Runtime's blocked layout
        pooled = call.emit("GlobalAveragePool", call["x"])
        return pooled if keep else call.emit("Flatten", pooled)
    over = call.int64(axes)
    return call.emit(REDUCTIONS[call.op.type], call["x"], over, keepdims=int(keep))


def _extreme_shape(call: Call) -> list[Shape]:
    axis = call.integer("axis", -1) % len(call.shape())
    return _over(call, {axis}, call.flag("keep_dims", False))


@lowers(*ARGUMENTS, shape=_extreme_shape)
def extreme(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d_out], I>: index of the extreme along `axis`."""
    index = call.emit(
        ARGUMENTS[call.op.type], call["x"],
        axis=call.integer("axis", -1), keepdims=call.integer("keep_dims", 0),
    )  # fmt: skip
    return call.cast(index, call.op.outputs[0].dtype)


@lowers("cumsum", shape=same_shape)
def cumsum(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: sums of all elements so far along `axis`, from the
    end if in `reverse`; without the element itself if `exclusive`."""
    return call.emit(
        "CumSum", call["x"], call.int64(call.integer("axis", 0)),
        exclusive=int(call.flag("exclusive", False)), reverse=int(call.flag("reverse", False)),
    )  # fmt: skip
