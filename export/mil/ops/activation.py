"""Activations. Formulas: coremltools, `converters/mil/mil/ops/defs/iOS15/activation.py`."""

import math

from export.mil.ops.operation import Call, lowers

DIRECT = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus",
    "softsign": "Softsign",
}  # fmt: skip


def _direct(call: Call) -> str:
    return call.emit(DIRECT[call.op.type], call["x"])


lowers(*DIRECT)(_direct)


@lowers("relu6")
def relu6(call: Call) -> str:
    return call.emit("Clip", call["x"], call.constant(0), call.constant(6))


@lowers("clip")
def clip(call: Call) -> str:
    """Bounds are constants of their own, so that ONNX Runtime joins this with a convolution."""
    low, high = call.number("alpha"), call.number("beta")
    return call.emit("Clip", call["x"], call.constant(low), call.constant(high))


@lowers("silu")
def silu(call: Call) -> str:
    return call.emit("Mul", call["x"], call.emit("Sigmoid", call["x"]))


@lowers("sigmoid_hard")
def sigmoid_hard(call: Call) -> str:
    """min(max(alpha x + beta, 0), 1)."""
    alpha, beta = call.number("alpha"), call.number("beta")
    return call.emit("HardSigmoid", call["x"], alpha=alpha, beta=beta)


@lowers("gelu")
def gelu(call: Call) -> str:
    mode = call.text("mode", "EXACT")
    if mode == "SIGMOID_APPROXIMATION":
        scaled = call.emit("Mul", call["x"], call.constant(1.702))
        return call.emit("Mul", call["x"], call.emit("Sigmoid", scaled))
    return call.emit("Gelu", call["x"], approximate="none" if mode == "EXACT" else "tanh")


@lowers("leaky_relu")
def leaky_relu(call: Call) -> str:
    return call.emit("LeakyRelu", call["x"], alpha=call.number("alpha"))


@lowers("elu")
def elu(call: Call) -> str:
    return call.emit("Elu", call["x"], alpha=call.number("alpha"))


@lowers("thresholded_relu")
def thresholded_relu(call: Call) -> str:
    """x where x >= alpha, else 0; ONNX's own has x > alpha."""
    kept = call.emit("GreaterOrEqual", call["x"], call.constant(call.number("alpha")))
    return call.emit("Where", kept, call["x"], call.constant(0))


@lowers("clamped_relu")
def clamped_relu(call: Call) -> str:
    """min(beta, x) for x >= 0, min(beta, alpha x) below."""
    leaky = call.emit("LeakyRelu", call["x"], alpha=call.number("alpha"))
    return call.emit("Min", leaky, call.constant(call.number("beta")))


@lowers("linear_activation")
def linear_activation(call: Call) -> str:
    """alpha x + beta."""
    scaled = call.emit("Mul", call["x"], call.constant(call.number("alpha")))
    return call.emit("Add", scaled, call.constant(call.number("beta")))


@lowers("scaled_tanh")
def scaled_tanh(call: Call) -> str:
    """alpha tanh(beta x)."""
    inner = call.emit("Mul", call["x"], call.constant(call.number("beta")))
    return call.emit("Mul", call.emit("Tanh", inner), call.constant(call.number("alpha")))


@lowers("prelu")
def prelu(call: Call) -> str:
    return call.emit("PRelu", call["x"], _per_channel(call, "alpha"))


@lowers("softplus_parametric")
def softplus_parametric(call: Call) -> str:
    """alpha_i log(1 + exp(beta_i x_i)) for each channel i."""
    inner = call.emit("Mul", call["x"], _per_channel(call, "beta"))
    return call.emit("Mul", call.emit("Softplus", inner), _per_channel(call, "alpha"))


@lowers("softmax")
def softmax(call: Call) -> str:
    return call.emit("Softmax", call["x"], axis=call.integer("axis", -1))


def _per_channel(call: Call, parameter: str) -> str:
    """The (C,) constant as (C, 1, ...), to meet (n, C, ...)."""
    values = call.array(parameter)
    return call.constant(values.reshape(math.prod(values.shape), *[1] * (len(call.shape()) - 2)))
