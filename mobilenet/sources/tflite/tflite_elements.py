"""Operators on numbers one by one, and over the channels."""

from functools import partial

from mobilenet.sources.tflite.dequantised import FLOAT16, FLOAT32, INT8, UINT8
from mobilenet.sources.tflite.tflite_layer import TfliteLayer, Translators

_REAL = {FLOAT32, FLOAT16, UINT8, INT8}  # types that hold real numbers, rounded or not


def _arithmetic(layer: TfliteLayer, op: str) -> str:
    return layer.activated(layer.writer.node(op, layer.operand(0), layer.operand(1)))


def _plain(layer: TfliteLayer, op: str) -> str:
    return layer.writer.node(op, layer.value())


def _relu6(layer: TfliteLayer) -> str:
    return layer.writer.clipped(layer.value(), 0, 6)


def _softmax(layer: TfliteLayer) -> str:
    value, beta = layer.value(), layer.options.take("Beta", 0.0)
    if beta != 1:
        value = layer.writer.node("Mul", value, layer.writer.number(beta))
    return layer.writer.node("Softmax", value, axis=1 if len(layer.result.shape) == 4 else -1)


def _same_number(layer: TfliteLayer) -> str:
    """From one type of real numbers to another: rounding is not modelled."""
    layer.options.take("InDataType", 0)
    layer.options.take("OutDataType", 0)
    if not {layer.tensor(0).dtype, layer.result.dtype} <= _REAL:
        raise layer.writer.refused(
            f"turns type {layer.tensor(0).dtype} into type {layer.result.dtype}"
        )
    return layer.writer.node("Identity", layer.value())


def _cast(layer: TfliteLayer) -> str:
    if layer.result.dtype not in (FLOAT32, FLOAT16):
        raise layer.writer.refused(f"cuts numbers off to type {layer.result.dtype}")
    return _same_number(layer)


def _largest(layer: TfliteLayer) -> str:
    (axis,) = layer.axes(1)
    layer.options.take("OutputType", 0)
    rank = len(layer.tensor(0).shape)
    value = layer.channels_last(layer.value(), rank)
    value = layer.writer.node("ArgMax", value, axis=axis, keepdims=0)
    return layer.channels_first(value, rank - 1)


ELEMENTS: Translators = {
    "ADD": partial(_arithmetic, op="Add"),
    "SUB": partial(_arithmetic, op="Sub"),
    "MUL": partial(_arithmetic, op="Mul"),
    "DIV": partial(_arithmetic, op="Div"),
    "RELU": partial(_plain, op="Relu"),
    "RELU6": _relu6,
    "HARD_SWISH": partial(_plain, op="HardSwish"),
    "LOGISTIC": partial(_plain, op="Sigmoid"),
    "SOFTMAX": _softmax,
    "QUANTIZE": _same_number,
    "DEQUANTIZE": _same_number,
    "CAST": _cast,
    "ARG_MAX": _largest,
}
