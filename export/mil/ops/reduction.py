"""Reductions over axes."""

import numpy as np

from export.mil.ops.operation import Call, lowers

REDUCTIONS = {
    "reduce_mean": "ReduceMean", "reduce_sum": "ReduceSum", "reduce_max": "ReduceMax",
    "reduce_min": "ReduceMin", "reduce_prod": "ReduceProd", "reduce_l1_norm": "ReduceL1",
    "reduce_l2_norm": "ReduceL2", "reduce_log_sum": "ReduceLogSum",
    "reduce_log_sum_exp": "ReduceLogSumExp", "reduce_sum_square": "ReduceSumSquare",
}  # fmt: skip
ARGUMENTS = {"reduce_argmax": "ArgMax", "reduce_argmin": "ArgMin"}


def _reduce(call: Call) -> str:
    shape = call.shape()
    axes = sorted(axis % len(shape) for axis in call.ints("axes", range(len(shape))))
    keep = call.flag("keep_dims", False)
    if call.op.type == "reduce_mean" and len(shape) == 4 and axes == [2, 3]:
        # the same number from the kernel that knows ONNX Runtime's blocked layout
        pooled = call.emit("GlobalAveragePool", call["x"])
        return pooled if keep else call.emit("Flatten", pooled)
    over = call.constant(axes, np.int64)
    return call.emit(REDUCTIONS[call.op.type], call["x"], over, keepdims=int(keep))


def _argument(call: Call) -> str:
    """Index of the extreme, as int32."""
    options = {"axis": call.integer("axis", -1), "keepdims": call.integer("keep_dims", 0)}
    found = call.emit(ARGUMENTS[call.op.type], call["x"], **options)
    return call.emit("Cast", found, to=6)  # TensorProto.INT32


lowers(*REDUCTIONS)(_reduce)
lowers(*ARGUMENTS)(_argument)
