"""Normalizations over channels, over axes, and over neighbours.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/normalization.py`.
"""

import math

import numpy as np

from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers, same_shape


@lowers("batch_norm", shape=same_shape)
def batch_norm(call: Lowering) -> str:
    """x tensor<[n, C, *D], T>, mean, variance, gamma and beta tensor<[C], T>
    -> tensor<[n, C, *D], T>: gamma (x - mean) / sqrt(variance + epsilon) + beta."""
    channels = call.shape("mean")[0]
    return call.emit(
        "BatchNormalization", call["x"],
        call.get("gamma") or call.constant(np.ones(channels)),
        call.get("beta") or call.constant(np.zeros(channels)),
        call["mean"], call["variance"], epsilon=call.number("epsilon", 1e-5),
    )  # fmt: skip


@lowers("instance_norm", shape=same_shape)
def instance_norm(call: Lowering) -> str:
    """x tensor<[n, C, *D], T>, gamma and beta tensor<[C], T> -> tensor<[n, C, *D], T>: each
    channel by its own mean and variance."""
    channels = call.tensor_type().shape[1]
    return call.emit(
        "InstanceNormalization", call["x"],
        call.get("gamma") or call.constant(np.ones(channels)),
        call.get("beta") or call.constant(np.zeros(channels)),
        epsilon=call.number("epsilon", 1e-5),
    )  # fmt: skip


@lowers("layer_norm", shape=same_shape)
def layer_norm(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: over `axes`, whose shape gamma and beta have."""
    rank = call.rank()
    axes = sorted(axis % rank for axis in call.ints("axes", range(rank)))
    options = {"axis": axes[0], "epsilon": call.number("epsilon", 1e-5)}
    gamma = call.get("gamma") or call.constant(np.ones([call.shape()[axis] for axis in axes]))
    if axes == list(range(axes[0], rank)):
        return call.emit("LayerNormalization", call["x"], gamma, call.get("beta"), **options)
    # ONNX normalizes trailing axes alone: ConvNeXt over channels goes there and back
    kept = [axis for axis in range(rank) if axis not in axes]
    order = kept + axes
    moved = call.emit("Transpose", call["x"], perm=order)
    options["axis"] = len(kept)
    normal = call.emit("LayerNormalization", moved, gamma, call.get("beta"), **options)
    return call.emit("Transpose", normal, perm=np.argsort(order).tolist())


@lowers("l2_norm", shape=same_shape)
def l2_norm(call: Lowering) -> str:
    """x tensor<[*B, *D], T> -> tensor<[*B, *D], T>: x / sqrt(sum of squares + epsilon), over the
    last three axes."""
    axes = call.int64([-3, -2, -1])
    squares = call.emit("ReduceSumSquare", call["x"], axes, keepdims=1)
    shifted = call.emit("Add", squares, call.constant(call.number("epsilon", 1e-6)))
    return call.emit("Div", call["x"], call.emit("Sqrt", shifted))


@lowers("local_response_norm", shape=same_shape)
def local_response_norm(call: Lowering) -> str:
    """x tensor<[n, C, *D], T> -> tensor<[n, C, *D], T>: x / (k + alpha / size sum of squares over
    `size` channels) ** beta; of an even `size` more of them come before."""
    size, (batch, channels, *rest) = call.integer("size"), call.shape()
    alpha, beta = call.number("alpha", 1e-4), call.number("beta", 0.75)
    if size % 2 and len(rest) == 2:
        return call.emit(
            "LRN", call["x"], size=size, alpha=alpha, beta=beta, bias=call.number("k", 1.0)
        )
    squares = call.emit("Mul", call["x"], call["x"])
    mean = call.emit(
        "AveragePool", call.reshape(squares, [batch, 1, channels, math.prod(rest)]),
        kernel_shape=[size, 1], pads=[size // 2, 0, (size - 1) // 2, 0], count_include_pad=1,
    )  # fmt: skip
    scaled = call.emit("Mul", call.reshape(mean, call.shape()), call.constant(alpha))
    base = call.emit("Add", scaled, call.constant(call.number("k", 1.0)))
    return call.emit("Div", call["x"], call.emit("Pow", base, call.constant(beta)))
