"""Affine quantization of activations, in float32: exact, and the same on every processor.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS17/quantization_ops.py`.
"""

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape


def _input_shape(call: Call) -> list[Shape]:
    return [call.shape("input")]


@lowers("quantize", shape=_input_shape)
def quantize(call: Lowering) -> str:
    """input tensor<[*d], SrcT>, scale SrcT, zero_point DstT -> tensor<[*d], DstT>:
    clip(round(input / scale) + zero_point), half to even."""
    dtype = call.text("output_dtype", "int8")
    low, high = (0, 255) if dtype == "uint8" else (-128, 127)
    rounded = call.emit("Round", call.emit("Div", call["input"], _broadcast(call, "scale")))
    if call.has("zero_point"):
        rounded = call.emit("Add", rounded, _broadcast(call, "zero_point"))
    clipped = call.emit("Clip", rounded, call.constant(low), call.constant(high))
    return call.cast(clipped, dtype)


@lowers("dequantize", shape=_input_shape)
def dequantize(call: Lowering) -> str:
    """input tensor<[*d], SrcT>, scale DstT, zero_point SrcT -> tensor<[*d], DstT>:
    scale (input - zero_point)."""
    x = call.cast(call["input"], "float32")
    if call.has("zero_point"):
        x = call.emit("Sub", x, _broadcast(call, "zero_point"))
    return call.emit("Mul", x, _broadcast(call, "scale"))


def _broadcast(call: Lowering, parameter: str) -> str:
    """A scalar, or a vector along `axis`, as it meets the input; float32."""
    values = call.array(parameter)
    if values.ndim == 0:
        return call.constant(values)
    shape = [1] * call.rank("input")
    shape[call.integer("axis")] = values.size
    return call.constant(values.astype(np.float32).reshape(shape))
