"""Operations on each element, over an axis, or over a window."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from export.mil.read.aimodel.graph_translation import (
    NoTranslationError,
    OperationRule,
    OperationTranslation,
)

# Core AI's kind -> MIL's, of one operand and of two
UNARY = {
    **{kind: kind for kind in (
        "abs", "acos", "asin", "atan", "atanh", "cos", "cosh", "erf", "exp", "round", "sigmoid",
        "silu", "sin", "sinh", "sqrt", "tan", "tanh",
    )},
    "not": "logical_not",
}  # fmt: skip
BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "divide": "real_div", "minimum": "minimum",
    "pow": "pow", "floor_divide": "floor_div", "equal": "equal",
    "not_equal": "not_equal", "greater": "greater", "and": "logical_and", "or": "logical_or",
    "xor": "logical_xor",
}  # fmt: skip
REDUCTIONS = {
    "reduce_max": "reduce_max", "reduce_mean": "reduce_mean", "reduce_min": "reduce_min",
    "reduce_product": "reduce_prod", "reduce_sum": "reduce_sum",
}  # fmt: skip
CASTS = {
    "float16": "fp16", "float32": "fp32", "int32": "int32", "int16": "int16", "uint16": "uint16",
    "int8": "int8", "uint8": "uint8", "bool": "bool",
}  # fmt: skip


GELU = {
    "#coreai.approximate<none>": "EXACT", "#coreai.approximate<tanh>": "TANH_APPROXIMATION",
}  # fmt: skip
POOL = "pool"  # as a package calls it


def _unary(kind: str, op: OperationTranslation) -> None:
    op.last(kind, x=op.operands[0])


def _with_epsilon(kind: str, op: OperationTranslation) -> None:
    """MIL's adds a number that is not 0 unless another is given."""
    op.last(kind, x=op.operands[0], epsilon=0.0)


def _binary(kind: str, op: OperationTranslation) -> None:
    op.last(kind, x=op.operands[0], y=op.operands[1])


def _where(op: OperationTranslation) -> None:
    condition, a, b = op.operands
    op.last("select", cond=condition, a=a, b=b)


def _cast(op: OperationTranslation) -> None:
    if op.dtype not in CASTS:
        raise NoTranslationError
    op.last("cast", x=op.operands[0], dtype=CASTS[op.dtype])


def _gelu(op: OperationTranslation) -> None:
    mode = GELU.get(op.operation.attributes.get("approximate", ""))
    if mode is None:
        raise NoTranslationError
    op.last("gelu", x=op.operands[0], mode=mode)


def _softmax(op: OperationTranslation) -> None:
    op.last("softmax", x=op.operands[0], axis=op.ints(1)[0])


def _reduction(kind: str, op: OperationTranslation) -> None:
    axes = op.ints(1)
    if kind == "reduce_mean" and sorted(axes) == [2, 3]:
        op.name = POOL
    op.last(kind, x=op.operands[0], axes=axes, keep_dims=True)


def _max_pool(op: OperationTranslation) -> None:
    """x, kernel, strides, dilations, whether the last window may reach over the edge."""
    if set(op.ints(3)) != {1}:
        raise NoTranslationError
    op.last(
        "max_pool", x=op.operands[0], kernel_sizes=op.ints(1), strides=op.ints(2),
        pad_type="valid", ceil_mode=bool(op.ints(4)[0]),
    )  # fmt: skip


def _sum_pool(op: OperationTranslation) -> None:
    """x, kernel, strides, dilations; MIL has only the mean."""
    height, width = op.ints(1)
    if set(op.ints(3)) != {1}:
        raise NoTranslationError
    mean = op.step(
        "avg_pool", x=op.operands[0], kernel_sizes=[height, width], strides=op.ints(2),
        pad_type="valid",
    )  # fmt: skip
    op.last("mul", x=mean, y=float(height * width))


def _interpolate(op: OperationTranslation) -> None:
    """x, sizes, and for each axis a scale and an offset: bilinear, by centres or corners."""
    before, after, scale, offset = op.shape(), op.ints(1), op.floats(2), op.floats(3)
    linear = op.operation.attributes.get("interpolation_mode", "").endswith("<linear>")
    if linear and _is_aligned(before, after, scale, offset):
        op.last(
            "resize_bilinear", x=op.operands[0], target_size_height=after[2],
            target_size_width=after[3], sampling_mode="STRICT_ALIGN_CORNERS",
        )  # fmt: skip
        return
    plain = [size * factor for size, factor in zip(before, scale, strict=True)] == after
    if not linear or not plain or any(offset) or scale[:2] != [1, 1] or len(scale) != 4:
        raise NoTranslationError
    op.last(
        "upsample_bilinear", x=op.operands[0], scale_factor_height=scale[2],
        scale_factor_width=scale[3], align_corners=False,
    )  # fmt: skip


def _is_aligned(
    before: Sequence[int], after: Sequence[int], scale: Sequence[float], offset: Sequence[float]
) -> bool:
    """Whether the first and the last pixel stay where they are, along the last two axes."""
    if (
        list(before[:2]) != list(after[:2])
        or len(before) != 4
        or 1 in before[2:]
        or before == after
    ):
        return False
    factors = np.array(
        [1, 1, *((new - 1) / (old - 1) for old, new in zip(before[2:], after[2:], strict=True))]
    )
    return np.allclose(scale, factors) and np.allclose(offset, (1 - factors) / 2)


def _argmax(op: OperationTranslation) -> None:
    """x, axis; the axis stays, of one."""
    op.last("reduce_argmax", x=op.operands[0], axis=op.ints(1)[0], keep_dims=True)


RULES: dict[str, OperationRule] = {
    **{kind: partial(_unary, mil) for kind, mil in UNARY.items()},
    **{kind: partial(_binary, mil) for kind, mil in BINARY.items()},
    **{kind: partial(_reduction, mil) for kind, mil in REDUCTIONS.items()},
    "argmax": _argmax,
    "cast": _cast,
    "gelu": _gelu,
    "interpolate": _interpolate,
    "log": partial(_with_epsilon, "log"),
    "max_pool_2d": _max_pool,
    "rsqrt": partial(_with_epsilon, "rsqrt"),
    "softmax": _softmax,
    "sum_pool_2d": _sum_pool,
    "where": _where,
}
