"""Layers that scale: BatchNormalization, Rescaling and Normalization.

keras/src/layers/normalization/batch_normalization.py, keras/src/layers/preprocessing/
rescaling.py and normalization.py.
"""

from typing import Literal

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from mobilenet.sources.keras.graph_draft import KerasValue, number_array, plain_numbers
from mobilenet.sources.keras.layer_call import FREE, CommonSettings, LayerCall, broadcast, shown
from mobilenet.sources.keras.model_tree import NOTHING

LEAST_DEVIATION = 1e-7  # keras.backend.epsilon(), below which nothing is divided by


class BatchNormSettings(CommonSettings):
    """Of BatchNormalization."""

    axis: int | list[int] = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    momentum: Raw = NOTHING
    synchronized: Raw = NOTHING
    renorm: Literal[False] = False
    renorm_clipping: Raw = NOTHING
    renorm_momentum: Raw = NOTHING
    fused: Raw = NOTHING
    virtual_batch_size: None = None
    adjustment: None = None
    beta_initializer: Raw = NOTHING
    gamma_initializer: Raw = NOTHING
    moving_mean_initializer: Raw = NOTHING
    moving_variance_initializer: Raw = NOTHING
    beta_regularizer: Raw = NOTHING
    gamma_regularizer: Raw = NOTHING
    beta_constraint: Raw = NOTHING
    gamma_constraint: Raw = NOTHING


class RescalingSettings(CommonSettings, kw_only=True):
    """Of Rescaling."""

    scale: Raw
    offset: Raw = Raw(b"0.0")


class NormalizationSettings(CommonSettings):
    """Of Normalization."""

    axis: int | list[int] | None = -1
    mean: Raw = NOTHING
    variance: Raw = NOTHING
    invert: Literal[False] = False


def batch_normalization(layer: LayerCall) -> KerasValue:
    """BatchNormalization over channels; gamma is 1 and beta 0 where there is none."""
    settings = layer.settings(BatchNormSettings)
    value = layer.input
    channels = _channels(layer, value, settings.axis)
    if len(value.shape) not in {1, 3} or not settings.epsilon > 0:
        raise layer.refusal(
            f"is called with shape {shown(value.shape)}, its epsilon is {settings.epsilon}"
        )
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    vector = (channels,)
    inputs = [
        layer.weight("gamma", vector) if settings.scale else layer.numbers("gamma", ones),
        layer.weight("beta", vector) if settings.center else layer.numbers("beta", zeros),
        layer.weight("moving_mean", vector),
        layer.weight("moving_variance", vector),
    ]
    return layer.add(
        "BatchNormalization", [value.name, *inputs], value.shape, epsilon=settings.epsilon
    )


def rescaling(layer: LayerCall) -> KerasValue:
    """Rescaling: x * scale + offset, of one number or one per channel."""
    settings = layer.settings(RescalingSettings)
    scaled = _combined(layer, "Mul", layer.input, _numbers(layer, settings.scale))
    return _combined(layer, "Add", scaled, _numbers(layer, settings.offset))


def normalization(layer: LayerCall) -> KerasValue:
    """Normalization: (x - mean) / deviation, given by the settings or adapted to pictures."""
    settings = layer.settings(NormalizationSettings)
    value = layer.input
    if NOTHING not in (settings.mean, settings.variance):
        mean, variance = (_numbers(layer, raw) for raw in (settings.mean, settings.variance))
        if mean.size * variance.size > 1:
            _channels(layer, value, settings.axis)
        subtracted = _combined(layer, "Sub", value, mean)
        return _combined(layer, "Div", subtracted, _deviation(variance))
    if settings.mean != settings.variance:
        raise layer.refusal("has only one of mean and variance")
    rank, vector = len(value.shape), (_channels(layer, value, settings.axis),)
    means = layer.weight("mean", vector, lambda array: broadcast(array, rank))
    deviations = layer.weight("variance", vector, lambda array: broadcast(_deviation(array), rank))
    subtracted = layer.add("Sub", [value.name, means], value.shape)
    return layer.add("Div", [subtracted.name, deviations], value.shape)


def _numbers(layer: LayerCall, raw: Raw) -> NDArray[np.float32]:
    numbers: object = msgspec.json.decode(raw)
    return number_array(plain_numbers(numbers), layer.title)


def _combined(
    layer: LayerCall, op: str, value: KerasValue, array: NDArray[np.float32]
) -> KerasValue:
    constant = constant_beside(layer, op, value, array)
    return layer.add(op, [value.name, constant], value.shape)


def constant_beside(
    layer: LayerCall, word: str, value: KerasValue, array: NDArray[np.float32]
) -> str:
    """Numbers as a constant to combine with a value.

    Raises `CheckpointError` for more than one for each channel.
    """
    if array.size not in {1, value.channels} or array.shape[-1:] not in {(), (array.size,)}:
        raise layer.refusal(
            f"computes with numbers of shape {shown(array.shape)}, one for each channel is read"
        )
    if array.ndim > len(value.shape) + 1:
        raise layer.refusal(f"computes with numbers of shape {shown(array.shape)}")
    return layer.numbers(word.lower(), np.ascontiguousarray(broadcast(array, len(value.shape))))


def _deviation(variance: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(invalid="ignore"):  # of a negative variance: not a number, as in Keras
        deviation: NDArray[np.float32] = np.maximum(np.sqrt(variance), np.float32(LEAST_DEVIATION))
    return deviation


def _channels(layer: LayerCall, value: KerasValue, axis: int | list[int] | None) -> int:
    """Size of the last axis, which `axis` must name."""
    axes = axis if isinstance(axis, list) else [axis]
    if axes not in ([-1], [len(value.shape)]):
        raise layer.refusal(f"has axis {axis}, channels are the last of {shown(value.shape)}")
    if value.channels is None:
        raise layer.refusal(f"is called with shape {shown(value.shape)}", FREE)
    return value.channels
