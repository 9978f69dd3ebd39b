"""Activations. Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/activation.py`."""

import math

from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers, same_shape

DIRECT = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus",
    "softsign": "Softsign",
}  # fmt: skip


@lowers(*DIRECT, shape=same_shape)
def direct(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: ONNX has the same activation."""
    return call.emit(DIRECT[call.op.type], call["x"])


@lowers("relu6", shape=same_shape)
def relu6(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: min(max(x, 0), 6)."""
    return call.emit("Clip", call["x"], call.constant(0), call.constant(6))


@lowers("clip", shape=same_shape)
def clip(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: min(max(x, alpha), beta).

    Bounds are constants of their own, so that ONNX Runtime joins this with a convolution.
    """
    low, high = call.number("alpha"), call.number("beta")
    return call.emit("Clip", call["x"], call.constant(low), call.constant(high))


@lowers("silu", shape=same_shape)
def silu(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: x sigmoid(x)."""
    return call.emit("Mul", call["x"], call.emit("Sigmoid", call["x"]))


@lowers("sigmoid_hard", shape=same_shape)
def sigmoid_hard(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: min(max(alpha x + beta, 0), 1)."""
    alpha, beta = call.number("alpha"), call.number("beta")
    return call.emit("HardSigmoid", call["x"], alpha=alpha, beta=beta)


@lowers("gelu", shape=same_shape)
def gelu(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: x times the normal distribution's integral to x,
    exact or by one of two approximations."""
    mode = call.text("mode", "EXACT")
    if mode == "SIGMOID_APPROXIMATION":
        scaled = call.emit("Mul", call["x"], call.constant(1.702))
        return call.emit("Mul", call["x"], call.emit("Sigmoid", scaled))
    return call.emit("Gelu", call["x"], approximate="none" if mode == "EXACT" else "tanh")


@lowers("leaky_relu", shape=same_shape)
def leaky_relu(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: x for x >= 0, alpha x below."""
    return call.emit("LeakyRelu", call["x"], alpha=call.number("alpha"))


@lowers("elu", shape=same_shape)
def elu(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: x for x >= 0, alpha (exp(x) - 1) below."""
    return call.emit("Elu", call["x"], alpha=call.number("alpha"))


@lowers("thresholded_relu", shape=same_shape)
def thresholded_relu(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: x where x >= alpha, else 0; ONNX's has x > alpha."""
    kept = call.emit("GreaterOrEqual", call["x"], call.constant(call.number("alpha")))
    return call.emit("Where", kept, call["x"], call.constant(0))


@lowers("clamped_relu", shape=same_shape)
def clamped_relu(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: min(beta, x) for x >= 0, min(beta, alpha x) below."""
    leaky = call.emit("LeakyRelu", call["x"], alpha=call.number("alpha"))
    return call.emit("Min", leaky, call.constant(call.number("beta")))


@lowers("linear_activation", shape=same_shape)
def linear_activation(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: alpha x + beta."""
    scaled = call.emit("Mul", call["x"], call.constant(call.number("alpha")))
    return call.emit("Add", scaled, call.constant(call.number("beta")))


@lowers("scaled_tanh", shape=same_shape)
def scaled_tanh(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: alpha tanh(beta x)."""
    inner = call.emit("Mul", call["x"], call.constant(call.number("beta")))
    return call.emit("Mul", call.emit("Tanh", inner), call.constant(call.number("alpha")))


@lowers("prelu", shape=same_shape)
def prelu(call: Lowering) -> str:
    """x tensor<[B, C, 1..3], T>, alpha tensor<[C], T> -> tensor<[B, C, 1..3], T>: alpha_i x_i
    below 0 in channel i."""
    return call.emit("PRelu", call["x"], _per_channel(call, "alpha"))


@lowers("softplus_parametric", shape=same_shape)
def softplus_parametric(call: Lowering) -> str:
    """x tensor<[b, C, n, m], T>, alpha and beta tensor<[C], T> -> tensor<[b, C, n, m], T>:
    alpha_i log(1 + exp(beta_i x_i)) in channel i."""
    inner = call.emit("Mul", call["x"], _per_channel(call, "beta"))
    return call.emit("Mul", call.emit("Softplus", inner), _per_channel(call, "alpha"))


@lowers("softmax", shape=same_shape)
def softmax(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: exp(x) over its sum along `axis`."""
    return call.emit("Softmax", call["x"], axis=call.integer("axis", -1))


def _per_channel(call: Lowering, parameter: str) -> str:
    """The (C,) constant as (C, 1, ...), to meet (n, C, ...)."""
    values = call.array(parameter)
    return call.constant(values.reshape(math.prod(values.shape), *[1] * (call.rank() - 2)))
