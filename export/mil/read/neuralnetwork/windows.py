"""Layers with a kernel, and resampling: convolutions, pooling, products with a matrix."""

from export.mil.read.neuralnetwork.layer_weights import weight
from export.mil.read.neuralnetwork.translation import LayerRule, LayerTranslation
from export.mil.read.plain_values import PlainValue
from export.mil.read.specification import Message


def _convolution(layer: LayerTranslation) -> None:
    p = layer.params
    kernel = [int(k) for k in p.kernelSize] or [3, 3]
    groups, strides = max(int(p.nGroups), 1), [int(s) for s in p.stride] or [1, 1]
    out, per_group = int(p.outputChannels), int(p.kernelChannels)
    shape = (per_group, out // groups, *kernel) if p.isDeconvolution else (out, per_group, *kernel)
    axis = 1 if p.isDeconvolution else 0
    inputs: dict[str, PlainValue] = {
        "weight": layer.inputs[1] if len(layer.inputs) > 1
        else weight(p.weights, f"{layer.name}.weight", shape, axis),
        "strides": strides, "dilations": [int(d) for d in p.dilationFactor] or [1, 1],
        "groups": groups, **_padding(p),
    }  # fmt: skip
    if p.hasBias:
        inputs["bias"] = weight(p.bias, f"{layer.name}.bias", (out,))
    if not p.isDeconvolution:
        layer.last("conv", x=layer.inputs[0], **inputs)
        return
    if p.outputShape:
        batch = (layer.shape() or (1,))[0]
        inputs["output_shape"] = [batch, out, *(int(size) for size in p.outputShape)]
    layer.last("conv_transpose", x=layer.inputs[0], **inputs)


def _padding(params: Message) -> dict[str, PlainValue]:
    """`pad_type` and `pad` of a sliding window."""
    if params.HasField("same"):
        top_left = params.same.asymmetryMode == 1
        return {"pad_type": "same_lower" if top_left else "same"}
    pads = borders(params.valid.paddingAmounts)
    return {"pad_type": "custom", "pad": pads} if any(pads) else {"pad_type": "valid"}


def _pooling(layer: LayerTranslation) -> None:
    p, kind = layer.params, {0: "max", 1: "avg", 2: "l2"}[layer.params.type]
    if p.globalPooling:
        reduction = {"max": "reduce_max", "avg": "reduce_mean", "l2": "reduce_l2_norm"}[kind]
        layer.last(reduction, x=layer.inputs[0], axes=[-2, -1], keep_dims=True)
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
    layer.last(f"{kind}_pool", x=layer.inputs[0], **inputs)


def _inner_product(layer: LayerTranslation) -> None:
    p, x = layer.params, layer.inputs[0]
    out, into = int(p.outputChannels), int(p.inputChannels)
    bias = {"bias": weight(p.bias, f"{layer.name}.bias", (out,))} if p.hasBias else {}
    shape = (out, into, 1, 1) if layer.rank5 else (out, into)  # (B, C, 1, 1) there
    kernel = weight(p.weights, f"{layer.name}.weight", shape)
    layer.last("conv" if layer.rank5 else "linear", x=x, weight=kernel, **bias)


def _matmul(layer: LayerTranslation) -> None:
    p = layer.params
    if len(layer.inputs) == 2:
        x, y = layer.inputs
        layer.last("matmul", x=x, y=y, transpose_x=p.transposeA, transpose_y=p.transposeB)
        return
    into, out = int(p.weightMatrixFirstDimension), int(p.weightMatrixSecondDimension)
    bias = {"bias": weight(p.bias, f"{layer.name}.bias", (out,))} if p.hasBias else {}
    kernel = weight(p.weights, f"{layer.name}.weight", (out, into))  # stored transposed
    layer.last("linear", x=layer.inputs[0], weight=kernel, **bias)


def _upsample(layer: LayerTranslation) -> None:
    p = layer.params
    factors = list(p.fractionalScalingFactor) or list(p.scalingFactor) or [1, 1]
    sides = dict(zip(("scale_factor_height", "scale_factor_width"), factors, strict=True))
    if p.mode == 0:
        layer.last("upsample_nearest_neighbor", x=layer.inputs[0], **sides)
        return
    if p.linearUpsampleMode:
        aligned = p.linearUpsampleMode == 1
        layer.last("upsample_bilinear", x=layer.inputs[0], align_corners=aligned, **sides)
        return
    shape = layer.shape()
    if shape is None:
        layer.last("upsample_bilinear_default", x=layer.inputs[0], **sides)
        return
    height, width = shape[-2:]
    layer.last(  # DEFAULT of before iOS 14: NeuralNetwork.proto, LinearUpsampleMode
        "resize_bilinear", x=layer.inputs[0], target_size_height=int(height * factors[0]),
        target_size_width=int(width * factors[1]), sampling_mode="DEFAULT",
    )  # fmt: skip


def _resize(layer: LayerTranslation) -> None:
    height, width = (int(size) for size in layer.params.targetSize)
    mode = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS")
    layer.last(
        "resize_bilinear", x=layer.inputs[0], target_size_height=height,
        target_size_width=width, sampling_mode=mode[layer.params.mode.samplingMethod],
    )  # fmt: skip


def borders(amounts: Message) -> list[int]:
    """Start and end of each axis: [top, bottom, left, right]."""
    edges = [(int(b.startEdgeSize), int(b.endEdgeSize)) for b in amounts.borderAmounts]
    return [size for edge in edges for size in edge]


RULES: dict[str, LayerRule] = {
    "batchedMatmul": _matmul,
    "convolution": _convolution,
    "innerProduct": _inner_product,
    "pooling": _pooling,
    "resizeBilinear": _resize,
    "upsample": _upsample,
}
