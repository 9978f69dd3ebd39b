"""Layers that pool, pad and move numbers."""

from collections.abc import Callable
from math import prod

import numpy as np

from mobilenet.sources.keras.convolution_layers import (
    AUTO_PAD,
    ChannelsLast,
    Padding,
    Pair,
    pair,
    windows,
)
from mobilenet.sources.keras.graph_draft import (
    BACK_TO_NHWC,
    CHANNELS_FIRST,
    CHANNELS_LAST,
    NCHW_AXIS,
    KerasValue,
)
from mobilenet.sources.keras.layer_call import FREE, CommonSettings, LayerCall, Shape, shown


class PoolingSettings(CommonSettings):
    """Of AveragePooling2D and MaxPooling2D."""

    pool_size: Pair = 2
    strides: Pair | None = None
    padding: Padding = "valid"
    data_format: ChannelsLast = None


class GlobalPoolingSettings(CommonSettings):
    """Of GlobalAveragePooling2D and GlobalMaxPooling2D."""

    data_format: ChannelsLast = None
    keepdims: bool = False


class PaddingSettings(CommonSettings, kw_only=True):
    """Of ZeroPadding2D: one number, (height, width), or ((top, bottom), (left, right))."""

    padding: int | tuple[Pair, Pair]
    data_format: ChannelsLast = None


class FlattenSettings(CommonSettings):
    """Of Flatten."""

    data_format: ChannelsLast = None


class ReshapeSettings(CommonSettings, kw_only=True):
    """Of Reshape."""

    target_shape: list[int]


class PermuteSettings(CommonSettings, kw_only=True):
    """Of Permute: axes from 1 on, the batch stays."""

    dims: list[int]


def global_pooling(op: str) -> Callable[[LayerCall], KerasValue]:
    """GlobalAveragePooling2D and GlobalMaxPooling2D."""

    def translate(layer: LayerCall) -> KerasValue:
        settings = layer.settings(GlobalPoolingSettings)
        return reduced(layer, op, layer.map_input[0], settings.keepdims)

    return translate


def reduced(layer: LayerCall, op: str, value: KerasValue, keeps: bool) -> KerasValue:
    """The mean or maximum of a map's height and width."""
    shape = (1, 1, value.channels) if keeps else (value.channels,)
    return layer.add(op, [value.name], shape, axes=(2, 3), keepdims=int(keeps))


def pooling(op: str) -> Callable[[LayerCall], KerasValue]:
    """AveragePooling2D, which counts no padding, and MaxPooling2D."""

    def translate(layer: LayerCall) -> KerasValue:
        settings = layer.settings(PoolingSettings)
        value, channels, *sides = layer.map_input
        kernel = pair(settings.pool_size)
        strides = kernel if settings.strides is None else pair(settings.strides)
        if min(*kernel, *strides) < 1:
            raise layer.refusal(f"has windows of {kernel}, strides of {strides}")
        results = (
            windows(side, kernel[axis], strides[axis], settings.padding)
            for axis, side in enumerate(sides)
        )
        return layer.add(
            op, [value.name], (*results, channels),
            kernel_shape=kernel, strides=strides, auto_pad=AUTO_PAD[settings.padding],
        )  # fmt: skip

    return translate


def zero_padding(layer: LayerCall) -> KerasValue:
    """ZeroPadding2D."""
    padding = layer.settings(PaddingSettings).padding
    value, channels, height, width = layer.map_input
    vertical, horizontal = (padding, padding) if isinstance(padding, int) else padding
    (top, bottom), (left, right) = pair(vertical), pair(horizontal)
    if min(top, bottom, left, right) < 0:
        raise layer.refusal(f"has padding {padding}")
    pads = layer.numbers("pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
    shape = (
        height if height is None else height + top + bottom,
        width if width is None else width + left + right,
        channels,
    )
    return layer.add("Pad", [value.name, pads], shape, mode="constant")


def flatten(layer: LayerCall) -> KerasValue:
    """Flatten."""
    layer.settings(FlattenSettings)
    return reshaped(layer, layer.input, [-1])


def reshape(layer: LayerCall) -> KerasValue:
    """Reshape."""
    return reshaped(layer, layer.input, layer.settings(ReshapeSettings).target_shape)


def reshaped(layer: LayerCall, value: KerasValue, target: list[int]) -> KerasValue:
    """The same numbers in another shape, in the order they have with channels last."""
    count = value.elements()
    if count is None:
        raise layer.refusal(f"is called with shape {shown(value.shape)}", FREE)
    known = prod(size for size in target if size != -1)
    shape = tuple(count // known if size == -1 and known > 0 else size for size in target)
    if prod(shape) != count or target.count(-1) > 1 or not 1 <= len(shape) <= 3:
        raise layer.refusal(f"makes {shown(tuple(target))} of {shown(value.shape)}")
    if value.is_map:
        value = layer.add("Transpose", [value.name], value.shape, perm=CHANNELS_LAST)
    numbers = layer.numbers("shape", np.array([1, *target], np.int64))
    result = layer.add("Reshape", [value.name, numbers], shape)
    if result.is_map:
        result = layer.add("Transpose", [result.name], shape, perm=CHANNELS_FIRST)
    return result


def permute(layer: LayerCall) -> KerasValue:
    """Permute."""
    value, dims = layer.input, layer.settings(PermuteSettings).dims
    axes = (0, *dims)
    if sorted(axes) != list(range(len(value.shape) + 1)):
        raise layer.refusal(f"has dims {dims} for shape {shown(value.shape)}")
    shape: Shape = tuple(value.shape[axis - 1] for axis in dims)
    if value.is_map:
        axes = tuple(NCHW_AXIS[axes[BACK_TO_NHWC[axis]]] for axis in range(4))
    return layer.add("Transpose", [value.name], shape, perm=axes)


def unchanged(layer: LayerCall) -> KerasValue:
    """What does something in training alone. Its settings say nothing about an answer."""
    return layer.add("Identity", [layer.input.name], layer.input.shape)
