"""Layers with kernels: convolutions and Dense, with their bias and activation."""

from typing import Literal

from msgspec import Raw

from mobilenet.graph import Attribute
from mobilenet.sources.keras.activation_layers import Activation, activated
from mobilenet.sources.keras.graph_draft import KerasValue
from mobilenet.sources.keras.layer_call import FREE, CommonSettings, LayerCall, shown
from mobilenet.sources.keras.model_tree import NOTHING
from mobilenet.sources.stored import HWC1, HWIO

Pair = tuple[int, int] | int
ChannelsLast = Literal["channels_last"] | None  # None: Keras 2's usual, which nobody changes
Padding = Literal["same", "valid"]


class KernelSettings(CommonSettings):
    """What Conv2D, DepthwiseConv2D, SeparableConv2D and Dense have in common."""

    activation: Activation = None
    use_bias: bool = True
    kernel_initializer: Raw = NOTHING
    bias_initializer: Raw = NOTHING
    kernel_regularizer: Raw = NOTHING
    bias_regularizer: Raw = NOTHING
    kernel_constraint: Raw = NOTHING
    bias_constraint: Raw = NOTHING


class ConvolutionSettings(KernelSettings, kw_only=True):
    """Of Conv2D."""

    kernel_size: Pair
    filters: int | None = None
    strides: Pair = 1
    padding: Padding = "valid"
    data_format: ChannelsLast = None
    dilation_rate: Pair = 1
    groups: int = 1
    lora_rank: None = None
    quantization_config: None = None


class DepthwiseSettings(ConvolutionSettings):
    """Of DepthwiseConv2D and SeparableConv2D."""

    depth_multiplier: Literal[1] = 1
    rank: Literal[2] = 2
    depthwise_initializer: Raw = NOTHING
    depthwise_regularizer: Raw = NOTHING
    depthwise_constraint: Raw = NOTHING
    pointwise_initializer: Raw = NOTHING
    pointwise_regularizer: Raw = NOTHING
    pointwise_constraint: Raw = NOTHING


class DenseSettings(KernelSettings, kw_only=True):
    """Of Dense."""

    units: int
    input_dim: int | None = None
    lora_rank: None = None
    lora_alpha: None = None
    quantization_config: None = None


def pair(item: Pair) -> tuple[int, int]:
    """(height, width)."""
    return (item, item) if isinstance(item, int) else item


def windows(
    size: int | None, kernel: int, stride: int, padding: Padding, dilation: int = 1
) -> int | None:
    """How many places a window has along one side."""
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def conv2d(layer: LayerCall) -> KerasValue:
    """Conv2D."""
    settings = layer.settings(ConvolutionSettings)
    value, channels, *_ = layer.map_input
    if settings.filters is None or settings.groups < 1 or channels % settings.groups:
        raise layer.refusal(
            f"has {settings.filters} filters in {settings.groups} groups of {channels} channels"
        )
    shape = (*pair(settings.kernel_size), channels // settings.groups, settings.filters)
    kernel = layer.weight("kernel", shape, lambda array: array.transpose(HWIO))
    inputs = [kernel, *_bias(layer, settings, settings.filters)]
    result = _convolved(layer, settings, value, inputs, settings.filters, groups=settings.groups)
    return activated(layer, result, settings.activation)


def depthwise_conv2d(layer: LayerCall) -> KerasValue:
    """DepthwiseConv2D."""
    settings = layer.settings(DepthwiseSettings)
    channels = layer.map_input[1]
    result = _depthwise(layer, settings, _bias(layer, settings, channels))
    return activated(layer, result, settings.activation)


def separable_conv2d(layer: LayerCall) -> KerasValue:
    """SeparableConv2D: a depthwise convolution without bias, and one of 1x1."""
    settings = layer.settings(DepthwiseSettings)
    channels, filters = layer.map_input[1], settings.filters
    if filters is None:
        raise layer.refusal("has no filters")
    value = _depthwise(layer, settings, [])
    shape = (1, 1, channels, filters)
    kernel = layer.weight("pointwise_kernel", shape, lambda array: array.transpose(HWIO))
    one_by_one = ConvolutionSettings(kernel_size=1)
    inputs = [kernel, *_bias(layer, settings, filters)]
    result = _convolved(layer, one_by_one, value, inputs, filters)
    return activated(layer, result, settings.activation)


def dense(layer: LayerCall) -> KerasValue:
    """Dense: of a vector a product and a sum, of a map a convolution of 1x1."""
    settings = layer.settings(DenseSettings)
    value, units = layer.input, settings.units
    if value.channels is None:
        raise layer.refusal(f"is called with shape {shown(value.shape)}", FREE)
    shape = (value.channels, units)
    if value.is_map:
        kernel = layer.weight("kernel", shape, lambda array: array.T[..., None, None])
        inputs = [kernel, *_bias(layer, settings, units)]
        one_by_one = ConvolutionSettings(kernel_size=1)
        result = _convolved(layer, one_by_one, value, inputs, units)
    else:
        result_shape = (*value.shape[:-1], units)
        result = layer.add("MatMul", [value.name, layer.weight("kernel", shape)], result_shape)
        for bias in _bias(layer, settings, units):
            result = layer.add("Add", [result.name, bias], result_shape)
    return activated(layer, result, settings.activation)


def _depthwise(layer: LayerCall, settings: DepthwiseSettings, bias: list[str]) -> KerasValue:
    value, channels, *_ = layer.map_input
    if settings.groups != 1:
        raise layer.refusal(f"has {settings.groups} groups")
    shape = (*pair(settings.kernel_size), channels, 1)
    kernel = layer.weight("kernel", shape, lambda array: array.transpose(HWC1))
    return _convolved(layer, settings, value, [kernel, *bias], channels, groups=channels)


def _convolved(
    layer: LayerCall,
    settings: ConvolutionSettings,
    value: KerasValue,
    inputs: list[str],
    filters: int,
    *,
    groups: int = 1,
) -> KerasValue:
    kernel, strides = pair(settings.kernel_size), pair(settings.strides)
    dilations = pair(settings.dilation_rate)
    if min(*kernel, *strides, *dilations, filters) < 1:
        raise layer.refusal(f"has kernel {kernel}, strides {strides}, dilation {dilations}")
    sides = tuple(
        windows(size, kernel[axis], strides[axis], settings.padding, dilations[axis])
        for axis, size in enumerate(value.shape[:2])
    )
    attributes: dict[str, Attribute] = {
        "kernel_shape": kernel, "strides": strides, "dilations": dilations, "group": groups,
    }  # fmt: skip
    if dilations == (1, 1) or settings.padding == "valid":
        attributes["auto_pad"] = AUTO_PAD[settings.padding]
    elif strides == (1, 1):  # then SAME is these numbers at any size; ONNX Runtime asks for them
        sums = [dilations[axis] * (kernel[axis] - 1) for axis in range(2)]
        attributes["pads"] = (*(sum_ // 2 for sum_ in sums), *(-(-sum_ // 2) for sum_ in sums))
    else:
        raise layer.refusal(f"has strides {strides} and dilation {dilations}")
    return layer.add("Conv", [value.name, *inputs], (*sides, filters), **attributes)


AUTO_PAD = {"same": "SAME_UPPER", "valid": "VALID"}


def _bias(layer: LayerCall, settings: KernelSettings, size: int) -> list[str]:
    return [layer.weight("bias", (size,))] if settings.use_bias else []
