"""Operators that slide a window, and dense ones."""

from functools import partial

from mobilenet.graph import Attribute, FileConstant
from mobilenet.sources.tflite.tflite_layer import TfliteLayer, Translators

_SAME, _VALID = 0, 1  # schema.fbs, Padding


def _convolution(layer: TfliteLayer, depthwise: bool = False) -> str:
    kernel = layer.constant(1, (3, 0, 1, 2) if depthwise else (0, 3, 1, 2))  # from OHWI, and 1HWC
    channels = layer.tensor(0).shape[-1] if len(layer.tensor(0).shape) == 4 else 0
    if depthwise:
        multiplier = layer.options.take("DepthMultiplier", 1)
        if kernel.shape[0] != channels or kernel.shape[1] != 1:
            raise layer.options.refused("a channel multiplier of", multiplier)
    group, rest = divmod(channels, kernel.shape[1])
    if not group or rest:
        raise layer.writer.refused(
            f"has a kernel of shape {kernel.shape} over {channels} channels"
        )
    return layer.activated(
        layer.writer.node(
            "Conv",
            layer.value(0),
            layer.writer.constant(kernel, "kernel"),
            *([layer.writer.constant(layer.constant(2), "bias")] if layer.has(2) else []),
            kernel_shape=kernel.shape[2:],
            group=group,
            **_window(layer, kernel.shape[2:]),
        )
    )


def _window(layer: TfliteLayer, kernel: tuple[int, ...]) -> dict[str, Attribute]:
    """Strides, dilations and padding."""
    take, sides = layer.options.take, "HW"
    strides = tuple(take(f"Stride{side}", 0) for side in sides)
    dilations = tuple(take(f"Dilation{side}Factor", 1) for side in sides)
    if min(strides + dilations) < 1:
        raise layer.writer.refused(f"has strides {strides} and dilations {dilations}")
    window: dict[str, Attribute] = {"strides": strides}
    if dilations != (1, 1):
        window["dilations"] = dilations
    if layer.options.require("Padding", _SAME, _SAME, _VALID) == _VALID:
        return window
    if dilations == (1, 1):
        return window | {"auto_pad": "SAME_UPPER"}
    if strides != (1, 1):
        raise layer.options.refused("strides and dilations", (strides, dilations))
    # at stride 1 SAME is these numbers whatever the size, and ONNX Runtime takes no dilated rule
    totals = [step * (side - 1) for step, side in zip(dilations, kernel, strict=True)]
    before = [total // 2 for total in totals]
    after = [total - first for total, first in zip(totals, before, strict=True)]
    return window | {"pads": (*before, *after)}


def _pool(layer: TfliteLayer, op: str) -> str:
    kernel = tuple(layer.options.take(f"Filter{side}", 0) for side in ("Height", "Width"))
    if min(kernel) < 1:
        raise layer.writer.refused(f"has a window of {kernel}")
    value = layer.writer.node(op, layer.value(), kernel_shape=kernel, **_window(layer, kernel))
    return layer.activated(value)


def _dense(layer: TfliteLayer) -> str:
    layer.options.require("WeightsFormat", 0, 0)
    kernel, rank = layer.constant(1, (1, 0)), len(layer.tensor(0).shape)
    keeps = layer.options.take("KeepNumDims", False)
    value = layer.channels_last(layer.value(), rank)
    if rank != 2 and not keeps:
        value = layer.writer.node("Reshape", value, layer.writer.integers((-1, kernel.shape[0])))
    value = layer.writer.node("MatMul", value, layer.writer.constant(kernel, "kernel"))
    if layer.has(2):
        value = layer.writer.node("Add", value, _bias(layer, layer.constant(2)))
    return layer.activated(layer.channels_first(value, rank if keeps else 2))


def _bias(layer: TfliteLayer, bias: FileConstant) -> str:
    if len(bias.shape) != 1:
        raise layer.writer.refused(f"has a bias of shape {bias.shape}")
    return layer.writer.constant(bias, "bias")


WINDOWS: Translators = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": partial(_convolution, depthwise=True),
    "AVERAGE_POOL_2D": partial(_pool, op="AveragePool"),
    "MAX_POOL_2D": partial(_pool, op="MaxPool"),
    "FULLY_CONNECTED": _dense,
}
