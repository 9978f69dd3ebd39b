"""Operations with weights: what Core AI says in several operations is one in MIL."""

import math

import numpy as np

from export.coreai.messages import GraphOperation
from export.mil.program import Constant
from export.mil.read.aimodel.graph_constants import remade
from export.mil.read.aimodel.graph_translation import (
    NoTranslationError,
    OperationRule,
    OperationTranslation,
)
from export.mil.read.plain_values import PlainValue


def _pad(op: OperationTranslation) -> None:
    """Left to the convolution behind where that is all that takes it, else an operation."""
    amounts, value = op.ints(1), op.floats(2)[0]
    if op.operation.attributes.get("padding_mode") != "#coreai.padding_mode<constant>":
        raise NoTranslationError
    behind = op.follower("conv2d")
    if behind is None or any(amounts[:4]) or value != 0 or len(amounts) != 8:
        op.last("pad", x=op.operands[0], pad=amounts, mode="constant", constant_val=value)
        return
    (result,) = op.operation.results
    if behind.operands[0] != result:
        raise NoTranslationError
    op.graph.values[result] = op.operands[0]
    op.graph.pads[result] = amounts[4:]
    op.graph.unlike.add(result)


def _conv2d(op: OperationTranslation) -> None:
    """x, weight (C_out, C_in / groups, kH, kW), strides, dilations, groups; then a bias."""
    x, weight = op.operands[:2]
    (groups,) = op.ints(4)
    pads = op.graph.pads.get(op.operation.operands[0])
    padding: dict[str, PlainValue] = {"pad_type": "valid"}
    if pads:
        padding = {"pad_type": "custom", "pad": pads}
    bias = _bias(op, op.shape(1)[0], axis=-3)
    op.layer(
        "conv", weight, x=x, **bias, strides=op.ints(2), dilations=op.ints(3), groups=groups,
        **padding,
    )  # fmt: skip


def _batch_matmul(op: OperationTranslation) -> None:
    """A layer where the right one is a matrix of weights, else a product of two values."""
    x, y = op.operands
    if not isinstance(y, Constant) or len(y.type.shape) != 2:
        op.last("matmul", x=x, y=y, transpose_x=False, transpose_y=False)
        return
    weight = remade(y, "transpose", np.asarray(y.load()).T)
    bias = _bias(op, weight.type.shape[0], axis=-1)
    op.layer("linear", weight, x=x, **bias)


def _bias(op: OperationTranslation, channels: int, axis: int) -> dict[str, PlainValue]:
    """The constant that is added behind, if it has a number for each channel along `axis`."""
    behind = op.follower("add")
    constant = None if behind is None else op.other_constant(behind)
    if behind is None or constant is None or not _along(constant, channels, axis):
        return {}
    op.end = behind
    return {"bias": remade(constant, "reshape", np.asarray(constant.load()).reshape(channels))}


def _along(constant: Constant, channels: int, axis: int) -> bool:
    """Whether it broadcasts one number for each channel over all other axes."""
    shape = constant.type.shape
    return len(shape) >= -axis and shape[axis] == channels == math.prod(shape)


def _maximum(op: OperationTranslation) -> None:
    """With 0 it is an activation, and another with a minimum of 6 behind."""
    if _number(op.operands[1]) != 0 or not op.dtype.startswith("float"):
        op.last("maximum", x=op.operands[0], y=op.operands[1])
        return
    _relu(op)


def _relu(op: OperationTranslation) -> None:
    behind = op.follower("minimum")
    if behind is not None and _is_six(op, behind):
        op.end = behind
        op.last("relu6", x=op.operands[0])
        return
    op.last("relu", x=op.operands[0])


def _is_six(op: OperationTranslation, behind: GraphOperation) -> bool:
    constant = op.other_constant(behind)
    return constant is not None and _number(constant) == 6


def _number(operand: object) -> float | None:
    """A single constant number; None for anything else."""
    if not isinstance(operand, Constant) or math.prod(operand.type.shape) != 1:
        return None
    return float(np.asarray(operand.load()).reshape(()))


RULES: dict[str, OperationRule] = {
    "batch_matmul": _batch_matmul,
    "conv2d": _conv2d,
    "maximum": _maximum,
    "pad": _pad,
    "relu": _relu,
}
