"""Convolutions. Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/conv.py`."""

import math
from collections.abc import Sequence

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
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
    kernel, sizes = call.shape("weight")[2:], call.shape("x")[2:]
    strides, dilations = steps(call, len(kernel))
    begins, ends = _cut(call, sizes, kernel)
    return call.emit(
        "ConvTranspose", call["x"], call["weight"], call.get("bias"), kernel_shape=kernel,
        strides=strides, dilations=dilations, group=call.integer("groups", 1),
        pads=begins + [max(end, 0) for end in ends],
        output_padding=[max(-end, 0) for end in ends],
    )  # fmt: skip


def _cut(
    call: Lowering, sizes: Sequence[int], kernel: Sequence[int]
) -> tuple[list[int], list[int]]:
    """What is cut off the whole product before and after along each axis; below 0 is added.

    "same" is TensorFlow's: the gradient of the convolution whose pads `onnx_pads` gives.
    """
    strides, dilations = steps(call, len(kernel))
    outputs = _conv_transpose_shape(call)[0][2:]
    totals = [
        (size - 1) * stride + (width - 1) * dilation + 1 - output
        for size, stride, width, dilation, output in zip(
            sizes, strides, kernel, dilations, outputs, strict=True
        )
    ]
    begins = declared_pads(call, len(kernel))[::2]
    if pad_type(call).startswith("same"):
        odd = pad_type(call) == "same_lower"  # then the larger half comes before
        begins = [(max(total, 0) + odd) // 2 for total in totals]
    return begins, [total - begin for total, begin in zip(totals, begins, strict=True)]
