"""Convolutions. Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/conv.py`."""

import math

from export.mil.ops.call import Call
from export.mil.ops.lowering import Attribute, Lowering
from export.mil.ops.operation import lowers
from export.mil.ops.sliding_window import declared_pads, onnx_pads, output_sizes, pad_type, steps
from export.mil.program import Shape


def _conv_shape(call: Call) -> list[Shape]:
    batch, _, *sizes = call.shape("x")
    channels, _, *kernel = call.shape("weight")
    return [(batch, channels, *output_sizes(call, sizes, kernel))]


def _conv_macs(call: Call) -> int:
    return math.prod(call.output_shape()) * math.prod(call.shape("weight")[1:])


@lowers("conv", shape=_conv_shape, macs=_conv_macs)
def conv(call: Lowering) -> str:
    """x tensor<[n, C_in, *d_in], T>, weight tensor<[C_out, C_in / groups, *K], T>,
    bias tensor<[C_out], T> -> tensor<[n, C_out, *d_out], T>."""
    kernel = call.shape("weight")[2:]
    strides, dilations = steps(call, len(kernel))
    sizes = call.shape("x")[2:] if pad_type(call).startswith("same") else ()
    return call.emit(
        "Conv", call["x"], call["weight"], call.get("bias"),
        kernel_shape=kernel, strides=strides, dilations=dilations,
        group=call.integer("groups", 1), pads=onnx_pads(call, sizes, kernel),
    )  # fmt: skip


def _conv_transpose_shape(call: Call) -> list[Shape]:
    if call.has("output_shape"):
        return [tuple(call.ints("output_shape"))]
    batch, _, *sizes = call.shape("x")
    _, channels, *kernel = call.shape("weight")
    strides, dilations = steps(call, len(sizes))
    pads, same = declared_pads(call, len(sizes)), pad_type(call).startswith("same")
    grown = [
        size * strides[axis] if same else
        (size - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1
        - pads[2 * axis] - pads[2 * axis + 1]
        for axis, size in enumerate(sizes)
    ]  # fmt: skip
    return [(batch, channels * call.integer("groups", 1), *grown)]


def _conv_transpose_macs(call: Call) -> int:
    return math.prod(call.shape("x")) * math.prod(call.shape("weight")[1:])


@lowers("conv_transpose", shape=_conv_transpose_shape, macs=_conv_transpose_macs)
def conv_transpose(call: Lowering) -> str:
    """x tensor<[n, C_in, *D_in], T>, weight tensor<[C_in, C_out / groups, *K], T>,
    bias tensor<[C_out], T> -> tensor<[n, C_out, *D_out], T>."""
    kernel = call.shape("weight")[2:]
    if pad_type(call).startswith("same"):
        raise call.unsupported(f"pad_type {pad_type(call)!r}")
    strides, dilations = steps(call, len(kernel))
    extent: dict[str, Attribute] = (
        {"output_shape": call.ints("output_shape")[2:]}
        if call.has("output_shape")
        else {"pads": onnx_pads(call, (), kernel)}
    )
    return call.emit(
        "ConvTranspose", call["x"], call["weight"], call.get("bias"), kernel_shape=kernel,
        strides=strides, dilations=dilations, group=call.integer("groups", 1), **extent,
    )  # fmt: skip
