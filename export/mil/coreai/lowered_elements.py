"""Operations on elements. Core AI's semantics: `coreai.authoring`'s own documentation."""

from typing import TYPE_CHECKING

import numpy as np

from export.mil.coreai.lowered_call import CoreAICall, writes
from export.mil.ops.elementwise import CASTS

if TYPE_CHECKING:
    from coreai.authoring import Value

# MIL's name -> Core AI's, for those that mean the same.
UNARY = {
    "abs": "abs_", "acos": "acos", "asin": "asin", "atan": "atan", "atanh": "atanh", "cos": "cos",
    "cosh": "cosh", "erf": "erf", "exp": "exp", "logical_not": "not_", "relu": "relu",
    "round": "round_", "sigmoid": "sigmoid", "silu": "silu", "sin": "sin", "sinh": "sinh",
    "sqrt": "sqrt", "tan": "tan", "tanh": "tanh",
}  # fmt: skip
BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "real_div": "divide", "maximum": "maximum",
    "minimum": "minimum", "pow": "pow", "equal": "equal", "not_equal": "not_equal",
    "greater": "greater", "floor_div": "floor_divide", "logical_and": "and", "logical_or": "or",
    "logical_xor": "xor",
}  # fmt: skip


@writes(*UNARY)
def _unary(call: CoreAICall) -> "Value":
    return getattr(call.core_ai, UNARY[call.op.type])(call["x"])


@writes(*BINARY)
def _binary(call: CoreAICall) -> "Value":
    return getattr(call.core_ai, f"broadcasting_{BINARY[call.op.type]}")(call["x"], call["y"])


@writes("less", "less_equal", "greater_equal")
def _comparison(call: CoreAICall) -> "Value":
    """Of comparisons Core AI has `greater` and `equal` alone."""
    ai, x, y = call.core_ai, call["x"], call["y"]
    if call.op.type == "less":
        return ai.broadcasting_greater(y, x)
    beyond = ai.broadcasting_greater(*((x, y) if call.op.type == "greater_equal" else (y, x)))
    return ai.broadcasting_or(beyond, ai.broadcasting_equal(x, y))


@writes("identity")
def _identity(call: CoreAICall) -> "Value":
    return call["x"]


@writes("floor", "ceil")
def _floor(call: CoreAICall) -> "Value":
    ai, one = call.core_ai, call.like(1)
    if call.op.type == "floor":
        return ai.broadcasting_floor_divide(call["x"], one)
    below = ai.broadcasting_floor_divide(_negative(call, call["x"]), one)
    return _negative(call, below)


@writes("mod")
def _mod(call: CoreAICall) -> "Value":
    """Core AI's own has the sign of the dividend, MIL's that of the divisor."""
    ai, x, y = call.core_ai, call["x"], call["y"]
    whole = ai.broadcasting_floor_divide(x, y)
    return ai.broadcasting_sub(x, ai.broadcasting_mul(whole, y))


@writes("sign")
def _sign(call: CoreAICall) -> "Value":
    ai, zero = call.core_ai, call.like(0)
    kind = np.dtype(call.dtype()).type
    above = ai.cast(ai.broadcasting_greater(call["x"], zero), kind)
    below = ai.cast(ai.broadcasting_greater(zero, call["x"]), kind)
    return ai.broadcasting_sub(above, below)


@writes("square")
def _square(call: CoreAICall) -> "Value":
    return call.core_ai.broadcasting_mul(call["x"], call["x"])


@writes("exp2")
def _exp2(call: CoreAICall) -> "Value":
    return call.core_ai.broadcasting_pow(call.like(2), call["x"])


@writes("inverse")
def _inverse(call: CoreAICall) -> "Value":
    return call.core_ai.broadcasting_divide(call.like(1), _shifted(call, 1e-4))


@writes("rsqrt")
def _rsqrt(call: CoreAICall) -> "Value":
    return call.core_ai.rsqrt(_shifted(call, 1e-12))


@writes("log")
def _log(call: CoreAICall) -> "Value":
    return call.core_ai.log(_shifted(call, 1e-45))


@writes("threshold")
def _threshold(call: CoreAICall) -> "Value":
    return call.core_ai.broadcasting_maximum(call["x"], call.like(call.number("alpha")))


@writes("select")
def _select(call: CoreAICall) -> "Value":
    return call.core_ai.broadcasting_where(call["cond"], call["a"], call["b"])


@writes("cast")
def _cast(call: CoreAICall) -> "Value":
    name = call.text("dtype", "")
    if name not in CASTS:
        raise call.unsupported(f"dtype {name!r}")
    target = np.dtype(CASTS[name]).type
    return call.core_ai.cast(call["x"], target)


@writes("fill_like")
def _fill_like(call: CoreAICall) -> "Value":
    return call.stored("value", np.full(call.shape("ref_tensor"), call.array("value")))


def _shifted(call: CoreAICall, epsilon: float) -> "Value":
    """x + epsilon; nothing is added that its type cannot hold."""
    added = call.like(call.number("epsilon", epsilon))
    return call["x"] if added == 0 else call.core_ai.broadcasting_add(call["x"], added)


def _negative(call: CoreAICall, x: "Value") -> "Value":
    return call.core_ai.broadcasting_mul(x, call.like(-1))


@writes("quantize")
def _quantize(call: CoreAICall) -> "Value":
    ai, dtype = call.core_ai, np.dtype(call.text("output_dtype", "int8"))
    limits = np.iinfo(dtype)
    x = ai.broadcasting_divide(ai.cast(call["input"], np.float32), _along(call, "scale"))
    x = ai.round_(x)
    if call.has("zero_point"):
        x = ai.broadcasting_add(x, _along(call, "zero_point"))
    x = ai.broadcasting_maximum(x, np.float32(limits.min))
    return ai.cast(ai.broadcasting_minimum(x, np.float32(limits.max)), dtype.type)


@writes("dequantize")
def _dequantize(call: CoreAICall) -> "Value":
    ai, dtype = call.core_ai, call.array("scale").dtype.type
    x = ai.cast(call["input"], np.float32)
    if call.has("zero_point"):
        x = ai.broadcasting_sub(x, _along(call, "zero_point"))
    return ai.cast(ai.broadcasting_mul(x, _along(call, "scale")), dtype)


def _along(call: CoreAICall, parameter: str) -> "Value":
    """A scalar, or a vector along `axis`, as it meets the input; float32."""
    values = call.array(parameter).astype(np.float32)
    shape = [1] * len(call.shape("input"))
    if values.ndim:
        shape[call.integer("axis")] = values.size
    return call.stored(parameter, values.reshape(shape))
