"""Activations. Semantics: as `export.mil.ops.activation` has them."""

import math
from typing import TYPE_CHECKING

import numpy as np

from export.mil.coreai.lowered_call import CoreAICall, writes

if TYPE_CHECKING:
    from coreai.authoring import Value


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


def _within(call: CoreAICall, x: "Value", low: float, high: float) -> "Value":
    above = call.core_ai.broadcasting_maximum(x, call.like(low))
    return call.core_ai.broadcasting_minimum(above, call.like(high))


def _softplus_of(call: CoreAICall, x: "Value") -> "Value":
    """max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""
    ai = call.core_ai
    falling = ai.exp(ai.broadcasting_mul(ai.abs_(x), call.like(-1)))
    return ai.broadcasting_add(ai.relu(x), ai.log(ai.broadcasting_add(falling, call.like(1))))


def _per_channel(call: CoreAICall, parameter: str) -> "Value":
    """The (C,) constant as (1, C, 1, ...), to meet (n, C, ...)."""
    values = call.array(parameter)
    ones = [1] * (len(call.shape()) - 2)
    return call.stored(parameter, values.reshape(1, math.prod(values.shape), *ones))
