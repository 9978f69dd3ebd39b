"""Activations: layers of their own, the `activation` of others, and functions of Keras 3.

keras/src/activations/activations.py. hard_sigmoid is not read: Keras 2 and 3 mean different
functions by it.
"""

from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
from msgspec import Raw

from mobilenet.common.text import one_line
from mobilenet.sources.keras.graph_draft import KerasValue
from mobilenet.sources.keras.layer_call import CommonSettings, LayerCall
from mobilenet.sources.keras.model_tree import MAX_NAME, NOTHING


class NumpyNumber(msgspec.Struct, forbid_unknown_fields=True):
    """A number as Keras 2.2 writes one of numpy's."""

    type: Literal["ndarray"]
    value: float


Number = float | NumpyNumber


class ActivationFunction(msgspec.Struct, forbid_unknown_fields=True):
    """A function as Keras 3 writes one that it has no short name for."""

    class_name: Literal["function"]
    config: str
    module: str | None = None
    registered_name: str | None = None
    shared_object_id: Raw = NOTHING


Activation = str | ActivationFunction | None


class ActivationSettings(CommonSettings, kw_only=True):
    """Of Activation."""

    activation: Activation


class ReluSettings(CommonSettings):
    """Of ReLU."""

    max_value: Number | None = None
    negative_slope: Number | None = 0.0
    threshold: Number | None = 0.0


class SlopeSettings(CommonSettings):
    """Of LeakyReLU, whose slope Keras 2 calls alpha, and of ELU."""

    alpha: Number | None = None
    negative_slope: Number | None = None


class SoftmaxSettings(CommonSettings):
    """Of Softmax."""

    axis: int | list[int] = -1


def activation(layer: LayerCall) -> KerasValue:
    """Activation."""
    return activated(layer, layer.input, layer.settings(ActivationSettings).activation)


def relu(layer: LayerCall) -> KerasValue:
    """ReLU: up to a highest value, or with a slope below zero."""
    settings = layer.settings(ReluSettings)
    slope, threshold = _plain_number(settings.negative_slope), _plain_number(settings.threshold)
    highest = None if settings.max_value is None else _plain_number(settings.max_value)
    if threshold or (slope and highest is not None) or (highest or 0) < 0:
        raise layer.refusal(
            f"has threshold {threshold}, negative_slope {slope}, max_value {highest}"
        )
    if highest is not None:
        return clipped(layer, layer.input, highest)
    return _leaky(layer, layer.input, slope) if slope else _plain("Relu")(layer, layer.input)


def leaky_relu(layer: LayerCall) -> KerasValue:
    """LeakyReLU; 0.3 where the file does not say."""
    settings = layer.settings(SlopeSettings)
    slopes = [s for s in (settings.negative_slope, settings.alpha) if s is not None]
    return _leaky(layer, layer.input, _plain_number(slopes[0]) if slopes else 0.3)


def elu(layer: LayerCall) -> KerasValue:
    """ELU."""
    setting = layer.settings(SlopeSettings).alpha
    alpha = 1.0 if setting is None else _plain_number(setting)
    return layer.add("Elu", [layer.input.name], layer.input.shape, alpha=alpha)


def softmax(layer: LayerCall) -> KerasValue:
    """Softmax, over one axis."""
    axis = layer.settings(SoftmaxSettings).axis
    return softmax_over(layer, layer.input, axis[0] if axis == [-1] else axis)


def softmax_over(layer: LayerCall, value: KerasValue, axis: object) -> KerasValue:
    """Softmax over Keras' axis. Raises `CheckpointError` for one that is not there."""
    in_graph = value.axis(axis) if type(axis) is int else None
    if not in_graph:
        raise layer.refusal(f"has axis {one_line(str(axis), MAX_NAME)}")
    return layer.add("Softmax", [value.name], value.shape, axis=in_graph)


def clipped(layer: LayerCall, value: KerasValue, highest: float) -> KerasValue:
    """ReLU up to a highest value."""
    bounds = [layer.numbers("min", np.array(0, np.float32)),
              layer.numbers("max", np.array(highest, np.float32))]  # fmt: skip
    return layer.add("Clip", [value.name, *bounds], value.shape)


def activated(layer: LayerCall, value: KerasValue, function: Activation) -> KerasValue:
    """The function's result. Raises `CheckpointError` for one that is not known."""
    name = "linear" if function is None else function
    if isinstance(name, ActivationFunction):
        is_keras = (name.module or "builtins").startswith(("builtins", "keras", "tf_keras"))
        plain = name.registered_name in {None, "function", name.config}
        name = name.config if is_keras and plain else f"{name.registered_name}, {name.config}"
    if name not in FUNCTIONS:
        raise layer.refusal(
            f"has activation {one_line(name, MAX_NAME)}", f"read are {', '.join(FUNCTIONS)}"
        )
    return FUNCTIONS[name](layer, value)


def _plain_number(number: Number | None) -> float:
    """The number, 0 for none."""
    return number.value if isinstance(number, NumpyNumber) else float(number or 0)


def _leaky(layer: LayerCall, value: KerasValue, slope: float) -> KerasValue:
    return layer.add("LeakyRelu", [value.name], value.shape, alpha=float(slope))


def _swish(layer: LayerCall, value: KerasValue) -> KerasValue:
    gate = layer.add("Sigmoid", [value.name], value.shape)
    return layer.add("Mul", [value.name, gate.name], value.shape)


def _plain(op: str) -> Callable[[LayerCall, KerasValue], KerasValue]:
    return lambda layer, value: layer.add(op, [value.name], value.shape)


FUNCTIONS: dict[str, Callable[[LayerCall, KerasValue], KerasValue]] = {
    "linear": lambda _, value: value,
    "relu": _plain("Relu"),
    "relu6": lambda layer, value: clipped(layer, value, 6.0),
    "sigmoid": _plain("Sigmoid"),
    "softmax": lambda layer, value: softmax_over(layer, value, -1),
    "tanh": _plain("Tanh"),
    "elu": lambda layer, value: layer.add("Elu", [value.name], value.shape, alpha=1.0),
    "softplus": _plain("Softplus"),
    "swish": _swish,
    "silu": _swish,
    "hard_silu": _plain("HardSwish"),
    "hard_swish": _plain("HardSwish"),
}
