"""Operations on elements. Core AI's semantics: `coreai.authoring`'s own documentation."""

import math
from typing import TYPE_CHECKING

import numpy as np

from export.mil.coreai.lowered_call import FLOATS, CoreAICall, writes
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


@writes("relu6", "clip", "clamped_relu", "leaky_relu", "elu", "thresholded_relu", "sigmoid_hard")
def _piecewise(call: CoreAICall) -> "Value":
    ai, x = call.core_ai, call["x"]
    alpha = call.like(call.number("alpha", 0.0))
    match call.op.type:
        case "relu6":
            return _within(call, x, 0, 6)
        case "clip":
            return _within(call, x, call.number("alpha"), call.number("beta"))
        case "thresholded_relu":
            below = ai.broadcasting_greater(alpha, x)
            return ai.broadcasting_where(below, call.like(0), x)
        case "sigmoid_hard":
            line = ai.broadcasting_mul(x, alpha)
            line = ai.broadcasting_add(line, call.like(call.number("beta")))
            return _within(call, line, 0, 1)
        case "elu":
            curve = ai.broadcasting_sub(ai.exp(x), call.like(1))
            negative = ai.broadcasting_mul(curve, alpha)
        case _:
            negative = ai.broadcasting_mul(x, alpha)
    joined = ai.broadcasting_where(ai.broadcasting_greater(call.like(0), x), negative, x)
    if call.op.type == "clamped_relu":
        return ai.broadcasting_minimum(joined, call.like(call.number("beta")))
    return joined


@writes("prelu")
def _prelu(call: CoreAICall) -> "Value":
    ai, x = call.core_ai, call["x"]
    negative = ai.broadcasting_mul(x, _per_channel(call, "alpha"))
    return ai.broadcasting_where(ai.broadcasting_greater(call.like(0), x), negative, x)


@writes("linear_activation")
def _linear_activation(call: CoreAICall) -> "Value":
    ai = call.core_ai
    scaled = ai.broadcasting_mul(call["x"], call.like(call.number("alpha")))
    return ai.broadcasting_add(scaled, call.like(call.number("beta")))


@writes("scaled_tanh")
def _scaled_tanh(call: CoreAICall) -> "Value":
    ai = call.core_ai
    inner = ai.broadcasting_mul(call["x"], call.like(call.number("beta")))
    return ai.broadcasting_mul(ai.tanh(inner), call.like(call.number("alpha")))


@writes("softplus")
def _softplus(call: CoreAICall) -> "Value":
    return _softplus_of(call, call["x"])


@writes("softplus_parametric")
def _softplus_parametric(call: CoreAICall) -> "Value":
    ai = call.core_ai
    inner = ai.broadcasting_mul(call["x"], _per_channel(call, "beta"))
    return ai.broadcasting_mul(_softplus_of(call, inner), _per_channel(call, "alpha"))


@writes("softsign")
def _softsign(call: CoreAICall) -> "Value":
    ai = call.core_ai
    size = ai.broadcasting_add(ai.abs_(call["x"]), call.like(1))
    return ai.broadcasting_divide(call["x"], size)


@writes("gelu")
def _gelu(call: CoreAICall) -> "Value":
    ai, mode = call.core_ai, call.text("mode", "EXACT")
    if mode == "SIGMOID_APPROXIMATION":
        inner = ai.sigmoid(ai.broadcasting_mul(call["x"], call.like(1.702)))
        return ai.broadcasting_mul(call["x"], inner)
    return ai.gelu(call["x"], approximate="none" if mode == "EXACT" else "tanh")


@writes("softmax")
def _softmax(call: CoreAICall) -> "Value":
    return call.core_ai.softmax(call["x"], np.int32(call.integer("axis", -1)))


def _shifted(call: CoreAICall, epsilon: float) -> "Value":
    """x + epsilon; nothing is added that its type cannot hold."""
    added = call.like(call.number("epsilon", epsilon))
    return call["x"] if added == 0 else call.core_ai.broadcasting_add(call["x"], added)


def _within(call: CoreAICall, x: "Value", low: float, high: float) -> "Value":
    above = call.core_ai.broadcasting_maximum(x, call.like(low))
    return call.core_ai.broadcasting_minimum(above, call.like(high))


def _negative(call: CoreAICall, x: "Value") -> "Value":
    return call.core_ai.broadcasting_mul(x, call.like(-1))


def _softplus_of(call: CoreAICall, x: "Value") -> "Value":
    """max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""
    assert call.dtype() in FLOATS, "MIL has it of numbers alone"
    ai = call.core_ai
    tail = ai.log(ai.broadcasting_add(ai.exp(_negative(call, ai.abs_(x))), call.like(1)))
    return ai.broadcasting_add(ai.relu(x), tail)


def _per_channel(call: CoreAICall, parameter: str) -> "Value":
    """The (C,) constant as (1, C, 1, ...), to meet (n, C, ...)."""
    values = call.array(parameter)
    ones = [1] * (len(call.shape()) - 2)
    return call.stored(parameter, values.reshape(1, math.prod(values.shape), *ones))


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
