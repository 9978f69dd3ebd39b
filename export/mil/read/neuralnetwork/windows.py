"""Layers with a kernel that slides over maps: convolutions and pooling, of two axes and three."""

import math

from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.layer_weights import weight
from export.mil.read.plain_values import PlainValue
from export.mil.read.specification import Message, enum_name

AXES = ("Depth", "Height", "Width")  # how fields of layers of three axes end
EDGES = ("Front", "Back", "Top", "Bottom", "Left", "Right")
REDUCTIONS = {"max": "reduce_max", "avg": "reduce_mean", "l2": "reduce_l2_norm"}


def _convolution(layer: LayerTranslation) -> None:
    p = layer.params
    kernel = [int(k) for k in p.kernelSize] or [3, 3]
    groups, strides = max(int(p.nGroups), 1), [int(s) for s in p.stride] or [1, 1]
    dilations = [int(d) for d in p.dilationFactor] or [1, 1]
    out, per_group = int(p.outputChannels), int(p.kernelChannels)
    shape = (per_group, out // groups, *kernel) if p.isDeconvolution else (out, per_group, *kernel)
    inputs: dict[str, PlainValue] = {
        "weight": layer.inputs[1] if len(layer.inputs) > 1
        else weight(p.weights, f"{layer.name}.weight", shape, int(p.isDeconvolution)),
        "strides": strides, "groups": groups, **_padding(p),
        "dilations": dilations,
    }  # fmt: skip
    if p.hasBias:
        inputs["bias"] = weight(p.bias, f"{layer.name}.bias", (out,))
    if not p.isDeconvolution:
        layer.last_of_maps("conv", x=layer.maps(), **inputs)
        return
    sizes, shape = [int(size) for size in p.outputShape], layer.shape() or (1, 1, 1, 1)
    if p.HasField("same"):
        # dilations count here as well: coremltools' tests of its own, `test_conv.py`
        spread = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        inputs |= _same_deconvolution(spread, strides, p.same.asymmetryMode == 1)
        if sizes == [size * step for size, step in zip(shape[-2:], strides, strict=True)]:
            sizes = []  # as it is
    if sizes:
        inputs["output_shape"] = [math.prod(shape[:-3]), out, *sizes]
    layer.last_of_maps("conv_transpose", x=layer.maps(), **inputs)


def _padding(params: Message) -> dict[str, PlainValue]:
    """`pad_type` and `pad` of a sliding window."""
    if params.HasField("same"):
        top_left = params.same.asymmetryMode == 1
        return {"pad_type": "same_lower" if top_left else "same"}
    return _custom(borders(params.valid.paddingAmounts))


def _same_deconvolution(
    kernel: list[int], strides: list[int], top_left: bool
) -> dict[str, PlainValue]:
    """To `strides` times as many places: what is cut off at the edges, more where it is heavy."""
    cut = [size - step for size, step in zip(kernel, strides, strict=True)]
    if min(cut) < 0:  # places that no input reaches
        return {}
    smaller = [total // 2 for total in cut]
    edges = [(total - half, half) if top_left else (half, total - half)
             for total, half in zip(cut, smaller, strict=True)]  # fmt: skip
    return _custom([size for edge in edges for size in edge])


def _custom(pads: list[int]) -> dict[str, PlainValue]:
    return {"pad_type": "custom", "pad": pads} if any(pads) else {"pad_type": "valid"}


def _pooling(layer: LayerTranslation) -> None:
    p, kind = layer.params, {0: "max", 1: "avg", 2: "l2"}[layer.params.type]
    if p.globalPooling:
        layer.last(REDUCTIONS[kind], x=layer.inputs[0], axes=[-2, -1], keep_dims=True)
        return
    inputs: dict[str, PlainValue] = {
        "kernel_sizes": [int(k) for k in p.kernelSize] or [3, 3],
        "strides": [int(s) for s in p.stride] or [1, 1],
        **_padding(p),
    }
    if p.HasField("includeLastPixel"):  # Caffe's: places are counted upwards
        amounts = [int(size) for size in p.includeLastPixel.paddingAmounts] or [0, 0]
        pads = [size for size in amounts for _ in range(2)]
        inputs |= {"pad_type": "custom", "pad": pads, "ceil_mode": True}
    if kind == "avg":
        inputs["exclude_padding_from_average"] = bool(p.avgPoolExcludePadding)
    layer.last_of_maps(f"{kind}_pool", x=layer.maps(), **inputs)


def _convolution_3d(layer: LayerTranslation) -> None:
    """Of (batch, C, D, H, W)."""
    p = layer.params
    kernel, groups = _sizes(p, "kernel"), max(int(p.nGroups), 1)
    out, into = int(p.outputChannels), int(p.inputChannels)
    shape = (into, out // groups, *kernel) if p.isDeconvolution else (out, into // groups, *kernel)
    values = weight(p.weights, f"{layer.name}.weight", shape)
    inputs: dict[str, PlainValue] = {
        "strides": _sizes(p, "stride"), "dilations": _sizes(p, "dilation"), "groups": groups,
        **_padding_3d(p),
    }  # fmt: skip
    if p.hasBias:
        inputs["bias"] = weight(p.bias, f"{layer.name}.bias", (out,))
    if not p.isDeconvolution:
        layer.last("conv", x=layer.inputs[0], weight=values, **inputs)
        return
    if p.outputShape:
        sizes = [int(size) for size in p.outputShape][-3:]
        inputs["output_shape"] = [(layer.shape() or (1,))[0], out, *sizes]
    layer.last("conv_transpose", x=layer.inputs[0], weight=values, **inputs)


def _pooling_3d(layer: LayerTranslation) -> None:
    p, kind = layer.params, {0: "max", 1: "avg"}[layer.params.type]
    excluded = {"exclude_padding_from_average": bool(p.countExcludePadding)}
    layer.last(
        f"{kind}_pool", x=layer.inputs[0], kernel_sizes=_sizes(p, "kernel"),
        strides=_sizes(p, "stride"), **_padding_3d(p), **(excluded if kind == "avg" else {}),
    )  # fmt: skip


def _global_pooling_3d(layer: LayerTranslation) -> None:
    kind = REDUCTIONS[{0: "max", 1: "avg"}[layer.params.type]]
    layer.last(kind, x=layer.inputs[0], axes=[-3, -2, -1], keep_dims=True)


def _padding_3d(params: Message) -> dict[str, PlainValue]:
    name = enum_name(params, "paddingType")
    if name != "CUSTOM":
        return {"pad_type": name.lower()}
    return _custom([int(getattr(params, f"customPadding{edge}")) for edge in EDGES])


def _sizes(params: Message, field: str) -> list[int]:
    """One for each of three axes; 0 is "not given"."""
    return [int(getattr(params, f"{field}{axis}")) or 1 for axis in AXES]


def borders(amounts: Message) -> list[int]:
    """Start and end of each axis: [top, bottom, left, right]."""
    edges = [(int(b.startEdgeSize), int(b.endEdgeSize)) for b in amounts.borderAmounts]
    return [size for edge in edges for size in edge]


RULES: dict[str, LayerRule] = {
    "convolution": _convolution,
    "convolution3d": _convolution_3d,
    "globalPooling3d": _global_pooling_3d,
    "pooling": _pooling,
    "pooling3d": _pooling_3d,
}
