"""Operations that put elements into another shape or order, and compute nothing."""

from functools import partial

import numpy as np

from export.mil.program import is_fixed
from export.mil.read.aimodel.graph_translation import (
    NoTranslationError,
    OperationRule,
    OperationTranslation,
    tensor_type,
)


def _with(kind: str, parameter: str, op: OperationTranslation) -> None:
    """An operation of a value and a list of axes or sizes."""
    op.last(kind, x=op.operands[0], **{parameter: op.ints(1)})


def _reshape(op: OperationTranslation) -> None:
    shape = list(tensor_type("", op.operation.types[0]).shape)
    op.last("reshape", x=op.operands[0], shape=shape if is_fixed(tuple(shape)) else op.ints(1))


def _slice(op: OperationTranslation) -> None:
    """x[start:end:step] along every axis, as numpy does it."""
    highest = np.iinfo(np.int32).max
    begin, end, stride = (
        [max(-highest, min(number, highest)) for number in op.ints(index)] for index in (1, 2, 3)
    )
    if min(stride) < 1:
        raise NoTranslationError
    op.last("slice_by_index", x=op.operands[0], begin=begin, end=end, stride=stride)


def _concat(op: OperationTranslation) -> None:
    """The axis comes first."""
    axis = op.ints(0)[0]
    op.last("concat", values=tuple(op.operands[1:]), axis=axis, interleave=False)


def _split(op: OperationTranslation) -> None:
    """Into parts whose sizes the results declare."""
    axis = op.ints(2)[0]
    sizes = [tensor_type("", kind).shape[axis] for kind in op.operation.types]
    op.last("split", x=op.operands[0], axis=axis, split_sizes=sizes)


RULES: dict[str, OperationRule] = {
    "concat": _concat,
    "reshape": _reshape,
    "reverse": partial(_with, "reverse", "axes"),
    "slice": _slice,
    "split": _split,
    "tile": partial(_with, "tile", "reps"),
    "transpose": partial(_with, "transpose", "perm"),
}
