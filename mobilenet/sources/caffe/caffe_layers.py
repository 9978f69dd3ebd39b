"""Layers of Caffe, one by one. BVLC/caffe, src/caffe/layers, says what each computes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from mobilenet.graph import Attribute, FileConstant
from mobilenet.sources.caffe.caffe_layer import CaffeLayer, Value, reshaped
from mobilenet.sources.graph_writer import plain, transposed

WITHOUT_EFFECT = {
    "engine", "weight_filler", "bias_filler", "filler", "moving_average_fraction",
    "dropout_ratio", "stable_prod_grad", "force_nd_im2col",
}  # fmt: skip


def _sides(layer: CaffeLayer, name: str, default: int, both: str = "") -> tuple[int, int]:
    """A setting of height and width, given as one number, two, or by name."""
    given = layer.options.take(both or name, ())
    numbers = given if isinstance(given, tuple) else (given,)
    by_name = [layer.options.take(f"{name}_{side}", None) for side in "hw"]
    if any(number is not None for number in by_name):
        if numbers or None in by_name:
            raise layer.options.refused(f"{name}_h, {name}_w", by_name)
        numbers = tuple(by_name)
    if len(numbers) > 2:
        raise layer.options.refused(name, numbers)
    numbers = numbers or (default,)
    return numbers[0], numbers[-1]


def _convolution(layer: CaffeLayer, depthwise: bool = False) -> Value:
    kernel, outputs = layer.blob(0), layer.options.take("num_output", 0)
    layer.options.require("axis", 1, 1)
    size = _sides(layer, "kernel", 0, "kernel_size")
    if len(kernel.shape) != 4 or kernel.shape[2:] != size or kernel.shape[0] != outputs:
        raise layer.writer.refused(
            f"has a kernel of shape {kernel.shape} for {outputs} outputs of {size}",
            "do the prototxt and the caffemodel belong together?",
        )
    group = layer.options.take("group", outputs if depthwise else 1)
    if depthwise and (group != outputs or kernel.shape[1] != 1):
        raise layer.options.refused("group", group)
    bias = layer.biased("kernel", layer.options.take("bias_term", True))
    value = layer.writer.node(
        "Conv",
        layer.only.name,
        layer.writer.constant(kernel, "kernel"),
        *bias,
        kernel_shape=size,
        group=group,
        **_window(layer, _sides(layer, "dilation", 1)),
    )
    return Value(value, 4)


def _window(layer: CaffeLayer, dilations: tuple[int, int] = (1, 1)) -> dict[str, Attribute]:
    strides, pads = _sides(layer, "stride", 1), _sides(layer, "pad", 0)
    if min(*strides, *dilations) < 1:
        raise layer.writer.refused(f"has strides {strides} and dilations {dilations}")
    window: dict[str, Attribute] = {"strides": strides}
    if dilations != (1, 1):
        window["dilations"] = dilations
    return window | {"pads": (*pads, *pads)} if any(pads) else window


def _pool(layer: CaffeLayer) -> Value:
    kind = layer.options.require("pool", "MAX", "MAX", "AVE")
    window = _window(layer)
    if layer.options.take("global_pooling", False):
        if window != {"strides": (1, 1)}:
            raise layer.options.refused("strides and pads of all", window)
        return layer.node("GlobalMaxPool" if kind == "MAX" else "GlobalAveragePool")
    size = _sides(layer, "kernel", 0, "kernel_size")
    if min(size) < 1:
        raise layer.writer.refused(f"has a window of {size}")
    rounding = layer.options.require("round_mode", "CEIL", "CEIL", "FLOOR")
    if rounding == "CEIL" and window["strides"] != (1, 1):
        window["ceil_mode"] = 1
    if kind == "AVE" and "pads" in window:
        window["count_include_pad"] = 1
    return layer.node("MaxPool" if kind == "MAX" else "AveragePool", kernel_shape=size, **window)


def _dense(layer: CaffeLayer) -> Value:
    layer.options.require("axis", 1, 1)
    kernel, outputs = layer.blob(0), layer.options.take("num_output", 0)
    kernel = reshaped(kernel, kernel.shape[-2:])
    turn = (0, 1) if layer.options.take("transpose", False) else (1, 0)
    kernel = transposed(kernel, turn)
    if kernel.shape[1:] != (outputs,) or np.prod(layer.blob(0).shape) != np.prod(kernel.shape):
        raise layer.writer.refused(f"has a matrix of shape {kernel.shape} for {outputs} outputs")
    bias = layer.biased("matrix", layer.options.take("bias_term", True))
    value = layer.only.name
    if layer.only.rank != 2:
        value = layer.writer.node("Flatten", value, axis=1)
    value = layer.writer.node("MatMul", value, layer.writer.constant(kernel, "matrix"))
    return Value(layer.writer.node("Add", value, *bias) if bias else value, 2)


def _batch_norm(layer: CaffeLayer) -> Value:
    layer.options.require("use_global_stats", True, True)
    epsilon = layer.options.take("eps", 1e-5)
    mean, variance, factor = map(layer.vector, range(3))
    if factor.shape != (1,) or mean.shape != variance.shape or len(layer.blobs) != 3:
        raise layer.writer.refused(f"has factors of shape {factor.shape} for {mean.shape} means")
    sums = [_divided(part, factor) for part in (mean, variance)]
    neutral = [plain(np.full(mean.shape, value, np.float32)) for value in (1, 0)]
    names = [
        layer.writer.constant(part, word)
        for part, word in zip(
            (*neutral, *sums), ("scale", "bias", "mean", "variance"), strict=True
        )
    ]
    value = layer.writer.node("BatchNormalization", layer.only.name, *names, epsilon=epsilon)
    return Value(value, layer.only.rank)


def _divided(sums: FileConstant, factor: FileConstant) -> FileConstant:
    """Caffe stores sums, and what to divide them by; batch_norm_layer.cpp has 0 for 0."""

    def load() -> Any:
        divisor = float(factor.load()[0])
        return (sums.load() * np.float32(1 / divisor if divisor else 0)).astype(np.float32)

    return FileConstant(sums.shape, load)


def scale_of(layer: CaffeLayer) -> tuple[FileConstant, FileConstant | None]:
    """What a Scale layer multiplies the channels by, and adds."""
    layer.options.require("axis", 1, 1)
    layer.options.require("num_axes", 1, 1)
    has_bias = layer.options.take("bias_term", False)
    layer.biased("scale", has_bias)
    return layer.vector(0), layer.vector(1) if has_bias else None


def _scale(layer: CaffeLayer) -> Value:
    value = layer.only
    for op, part in zip(("Mul", "Add"), scale_of(layer), strict=True):
        if part is not None:
            channels = reshaped(part, (*part.shape, *[1] * (value.rank - 2)))
            name = layer.writer.constant(channels, op)
            value = Value(layer.writer.node(op, value.name, name), value.rank)
    return value


def _relu(layer: CaffeLayer) -> Value:
    layer.options.require("negative_slope", 0.0, 0.0)
    return layer.node("Relu")


def _relu6(layer: CaffeLayer) -> Value:
    return Value(layer.writer.clipped(layer.only.name, 0, 6), layer.only.rank)


def _softmax(layer: CaffeLayer) -> Value:
    return layer.node("Softmax", axis=layer.options.require("axis", 1, 1))


def _dropout(layer: CaffeLayer) -> Value:
    layer.options.require("scale_train", True, True)
    return layer.node("Identity")


def _flatten(layer: CaffeLayer) -> Value:
    layer.options.require("axis", 1, 1)
    layer.options.require("end_axis", -1, -1)
    return Value(layer.writer.node("Flatten", layer.only.name, axis=1), 2)


def _reshape(layer: CaffeLayer) -> Value:
    layer.options.require("axis", 0, 0)
    layer.options.require("num_axes", -1, -1)
    shape = layer.options.take("shape", None)
    sides = list(shape.dim) if shape is not None else []
    if not sides or min(sides) < -1:
        raise layer.options.refused("a shape of", sides)
    value = layer.writer.node("Reshape", layer.only.name, layer.writer.integers(sides))
    return Value(value, len(sides))


def _combine(layer: CaffeLayer) -> Value:
    operation = layer.options.require("operation", "SUM", "SUM", "PROD")
    coefficients = layer.options.take("coeff", ())
    if any(number != 1 for number in coefficients) or len(layer.inputs) < 2:
        raise layer.options.refused("coeff", coefficients)
    value, *rest = layer.inputs
    for other in rest:
        op = "Add" if operation == "SUM" else "Mul"
        value = Value(layer.writer.node(op, value.name, other.name), value.rank)
    return value


def _concatenate(layer: CaffeLayer) -> Value:
    axis = layer.options.take("axis", layer.options.take("concat_dim", 1))
    names = [value.name for value in layer.inputs]
    return Value(layer.writer.node("Concat", *names, axis=axis), layer.inputs[0].rank)


LAYERS: Mapping[str, Callable[[CaffeLayer], Value]] = {
    "Convolution": _convolution,
    "DepthwiseConvolution": partial(_convolution, depthwise=True),
    "ConvolutionDepthwise": partial(_convolution, depthwise=True),
    "Pooling": _pool,
    "InnerProduct": _dense,
    "BatchNorm": _batch_norm,
    "Scale": _scale,
    "ReLU": _relu,
    "ReLU6": _relu6,
    "Sigmoid": lambda layer: layer.node("Sigmoid"),
    "Softmax": _softmax,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Eltwise": _combine,
    "Concat": _concatenate,
}
PARAMETERS = {
    "Convolution": "convolution_param", "DepthwiseConvolution": "convolution_param",
    "ConvolutionDepthwise": "convolution_param", "Pooling": "pooling_param",
    "InnerProduct": "inner_product_param", "BatchNorm": "batch_norm_param",
    "Scale": "scale_param", "ReLU": "relu_param", "ReLU6": "relu_param",
    "Sigmoid": "sigmoid_param", "Softmax": "softmax_param", "Dropout": "dropout_param",
    "Flatten": "flatten_param", "Reshape": "reshape_param", "Eltwise": "eltwise_param",
    "Concat": "concat_param",
}  # fmt: skip
