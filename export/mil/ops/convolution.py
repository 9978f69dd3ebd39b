"""Convolutions and products of matrices."""

from collections.abc import Sequence

import numpy as np

from export.mil.ops.operation import Call, lowers


def padding(
    call: Call, size: Sequence[int], kernel: Sequence[int], strides: Sequence[int],
    dilations: Sequence[int],
) -> list[int]:  # fmt: skip
    """ONNX's pads, all begins before all ends, for MIL's `pad_type` and `pad`.

    "same" is TensorFlow's: the output has ceil(size / stride) elements, and of an odd total the
    larger half comes after (for "same_lower": before).
    """
    kind = call.text("pad_type", "valid").lower()
    if kind == "valid":
        return [0] * 2 * len(kernel)
    if kind == "custom":
        pads = call.ints("pad")
        return pads[0::2] + pads[1::2]
    if kind not in ("same", "same_lower"):
        raise call.unsupported(f"pad_type {kind!r}")
    totals = [
        max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
        for n, k, s, d in zip(size, kernel, strides, dilations, strict=True)
    ]
    smaller = [total // 2 for total in totals]
    larger = [total - half for total, half in zip(totals, smaller, strict=True)]
    return smaller + larger if kind == "same" else larger + smaller


@lowers("conv")
def conv(call: Call) -> str:
    """tensor<[n, C, *D], T>, weight tensor<[C_out, C / groups, *K], T>."""
    kernel = call.shape("weight")[2:]
    strides, dilations = (
        call.ints("strides", [1] * len(kernel)),
        call.ints("dilations", [1] * len(kernel)),
    )
    automatic = call.text("pad_type", "valid").lower().startswith("same")
    size = call.shape("x")[2:] if automatic else ()
    return call.emit(
        "Conv", call["x"], call["weight"], call.get("bias"),
        kernel_shape=kernel, strides=strides, dilations=dilations,
        group=call.integer("groups", 1), pads=padding(call, size, kernel, strides, dilations),
    )  # fmt: skip


@lowers("conv_transpose")
def conv_transpose(call: Call) -> str:
    """tensor<[n, C, *D], T>, weight tensor<[C, C_out / groups, *K], T>."""
    kernel = call.shape("weight")[2:]
    ones = [1] * len(kernel)
    kind = call.text("pad_type", "valid").lower()
    if kind not in ("valid", "custom"):
        raise call.unsupported(f"pad_type {kind!r}")
    options = {}
    if call.op.inputs.get("output_shape"):
        options["output_shape"] = call.ints("output_shape")[2:]
    else:
        options["pads"] = padding(call, (), kernel, ones, ones)
    return call.emit(
        "ConvTranspose", call["x"], call["weight"], call.get("bias"),
        kernel_shape=kernel, strides=call.ints("strides", ones),
        dilations=call.ints("dilations", ones), group=call.integer("groups", 1), **options,
    )  # fmt: skip


@lowers("linear")
def linear(call: Call) -> str:
    """x weight^T + bias: tensor<[*D, D_in], T>, weight tensor<[D_out, D_in], T>."""
    if len(call.tensor_type().shape) == 2:
        return call.emit("Gemm", call["x"], call["weight"], call.get("bias"), transB=1)
    transposed = call.emit("Transpose", call["weight"], perm=[1, 0])
    product = call.emit("MatMul", call["x"], transposed)
    bias = call.get("bias")
    return product if bias is None else call.emit("Add", product, bias)


@lowers("matmul")
def matmul(call: Call) -> str:
    """Product of the last two dimensions, broadcast over the others."""
    operands = []
    for name in ("x", "y"):
        operand = call[name]
        if call.flag(f"transpose_{name}", False):
            axes = np.arange(len(call.shape(name)))
            axes[-2:] = axes[-2:][::-1]
            operand = call.emit("Transpose", operand, perm=axes.tolist())
        operands.append(operand)
    return call.emit("MatMul", *operands)


@lowers("einsum")
def einsum(call: Call) -> str:
    return call.emit("Einsum", *call.many("values"), equation=call.text("equation", ""))
