"""Operators on each number: arithmetic, activations, and what changes nothing."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mobilenet.graph import FileConstant
from mobilenet.sources.tensorflow.operations import (
    BOOL,
    FLOAT,
    INT32,
    INT64,
    UINT8,
    TfOperation,
)
from mobilenet.sources.tensorflow.operator_translation import Shape, TfValue, Translation
from mobilenet.sources.tensorflow.tensor_values import type_name

Values = tuple[TfValue, ...]
BINARY = {
    "Add": "Add", "AddV2": "Add", "Sub": "Sub", "Mul": "Mul", "RealDiv": "Div", "Div": "Div",
    "Maximum": "Max", "Minimum": "Min", "AddN": "Sum",
}  # fmt: skip
UNARY = {
    "Relu": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh", "Elu": "Elu", "Selu": "Selu",
    "Softplus": "Softplus", "Softsign": "Softsign", "Exp": "Exp", "Log": "Log", "Neg": "Neg",
    "Abs": "Abs", "Sqrt": "Sqrt", "Reciprocal": "Reciprocal", "Inv": "Reciprocal",
}  # fmt: skip


def binary(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Two values, or more; the shorter shape is repeated, as numpy does."""
    shape = broadcast(op, inputs)
    if len(shape) == 4:
        inputs = tuple(t.beside_map(op, value) for value in inputs)
    return t.node(op, BINARY[op.kind], inputs, shape)


def squared_difference(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """(a - b)²."""
    shape = broadcast(op, inputs)
    if len(shape) == 4:
        inputs = tuple(t.beside_map(op, value) for value in inputs)
    difference = t.node(op, "Sub", inputs, shape, "difference")
    return t.node(op, "Mul", [difference, difference], shape)


def bias_add(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """A number for each channel, which is the last axis."""
    op.must_be("data_format", b"NHWC", b"NHWC")
    value, bias = inputs
    if len(bias.shape) != 1 or value.shape[-1:] != bias.shape:
        raise op.refused(f"adds {bias.shape} to {value.shape}", "is the file complete?")
    if len(value.shape) == 4:
        value, bias = t.beside_map(op, value), t.beside_map(op, bias)
    return t.node(op, "Add", [value, bias], inputs[0].shape)


def unary(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """One of ONNX's own functions of a number."""
    (value,) = _computed(t, op, inputs)
    return t.node(op, UNARY[op.kind], [value], inputs[0].shape)


def relu6(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """0 to 6."""
    (value,) = _computed(t, op, inputs)
    limits = [t.array(op, "least", 0.0), t.array(op, "most", 6.0)]
    return t.node(op, "Clip", [value, *limits], inputs[0].shape)


def leaky_relu(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """With a slope below 0."""
    (value,) = _computed(t, op, inputs)
    alpha = decimal(op.attribute("alpha", float, 0.2))
    return t.node(op, "LeakyRelu", [value], inputs[0].shape, alpha=alpha)


def square(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """x · x."""
    (value,) = _computed(t, op, inputs)
    return t.node(op, "Mul", [value, value], inputs[0].shape)


def reciprocal_root(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """1 / √x, which ONNX has in two steps."""
    (value,) = _computed(t, op, inputs)
    root = t.node(op, "Sqrt", [value], inputs[0].shape, "root")
    return t.node(op, "Reciprocal", [root], inputs[0].shape)


def softmax(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Over the channels."""
    (value,) = _computed(t, op, inputs)
    axis = 1 if len(value.shape) == 4 else -1
    return t.node(op, op.kind, [value], inputs[0].shape, axis=axis)


def unchanged(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """What is the identity at inference; a constant stays one."""
    if inputs[0].constant is not None:
        return inputs[0]
    return t.node(op, "Identity", inputs[:1], inputs[0].shape)._replace(
        is_whole=inputs[0].is_whole
    )


def cast(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Pixels to float32, or constants; no computed value is rounded."""
    source, target = op.attribute("SrcT", int), op.attribute("DstT", int)
    op.must_be("Truncate", False, False)
    (value,) = inputs
    if target == FLOAT and value.constant is not None and value.is_whole:
        load = partial(_as_floats, value.constant.load)
        return TfValue(op.name, value.shape, False, FileConstant(value.constant.shape, load))
    if target == FLOAT and source in {FLOAT, UINT8}:
        return unchanged(t, op, inputs)
    if {source, target} <= {INT32, INT64, BOOL, UINT8} and value.constant is not None:
        return value
    raise op.refused(f"turns {type_name(source)} into {type_name(target)}")


def _as_floats(load: Callable[[], NDArray[np.generic]]) -> NDArray[np.float32]:
    return load().astype(np.float32)


def broadcast(op: TfOperation, inputs: Values) -> Shape:
    """The shape of values computed with one another. Raises `CheckpointError`."""
    rank = max(len(value.shape) for value in inputs)
    shapes = [(1,) * (rank - len(value.shape)) + value.shape for value in inputs]
    sides = []
    for together in zip(*shapes, strict=True):
        largest = {side for side in together if side != 1} or {1}
        if len(largest - {None}) > 1:
            raise op.refused(f"computes with shapes {' and '.join(map(str, shapes[:3]))}")
        sides.append(max(largest, key=lambda side: side or 0))
    return tuple(sides)


def decimal(number: float) -> float:
    """A float32 as it was written: 0.001, not its float32 neighbour."""
    return float(str(np.float32(number)))


def _computed(t: Translation, op: TfOperation, inputs: Values) -> Values:
    """Of four axes, channels are second from here on."""
    return tuple(t.beside_map(op, v) if len(v.shape) == 4 else v for v in inputs)
