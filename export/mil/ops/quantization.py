"""Affine quantization of activations, in float32: exact, and the same on every processor."""

import numpy as np

from export.mil.ops.graph import ONNX_TYPES
from export.mil.ops.operation import Call, lowers


@lowers("quantize")
def quantize(call: Call) -> str:
    """clip(round(input / scale) + zero_point), half to even."""
    dtype = call.text("output_dtype", "int8")
    low, high = (0, 255) if dtype == "uint8" else (-128, 127)
    rounded = call.emit("Round", call.emit("Div", call["input"], _broadcast(call, "scale")))
    if call.op.inputs.get("zero_point"):
        rounded = call.emit("Add", rounded, _broadcast(call, "zero_point"))
    clipped = call.emit("Clip", rounded, call.constant(low), call.constant(high))
    return call.emit("Cast", clipped, to=ONNX_TYPES[dtype])


@lowers("dequantize")
def dequantize(call: Call) -> str:
    """scale (input - zero_point)."""
    x = call.emit("Cast", call["input"], to=ONNX_TYPES["float32"])
    if call.op.inputs.get("zero_point"):
        x = call.emit("Sub", x, _broadcast(call, "zero_point"))
    return call.emit("Mul", x, _broadcast(call, "scale"))


def _broadcast(call: Call, parameter: str) -> str:
    """A scalar, or a vector along `axis`, as it meets the input; float32."""
    values = call.array(parameter)
    if values.ndim == 0:
        return call.constant(values)
    shape = [1] * len(call.shape("input"))
    shape[call.integer("axis")] = values.size
    return call.constant(values.astype(np.float32).reshape(shape))
