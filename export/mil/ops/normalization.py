"""Normalizations over channels, over axes, and over neighbours."""

import numpy as np

from export.mil.ops.operation import Call, lowers


@lowers("batch_norm")
def batch_norm(call: Call) -> str:
    """tensor<[n, C, *D], T>; mean, variance, gamma and beta are const tensor<[C], T>."""
    channels = call.shape()[1]
    return call.emit(
        "BatchNormalization", call["x"],
        call.get("gamma") or call.constant(np.ones(channels)),
        call.get("beta") or call.constant(np.zeros(channels)),
        call["mean"], call["variance"], epsilon=call.number("epsilon", 1e-5),
    )  # fmt: skip


@lowers("instance_norm")
def instance_norm(call: Call) -> str:
    channels = call.shape()[1]
    return call.emit(
        "InstanceNormalization", call["x"],
        call.get("gamma") or call.constant(np.ones(channels)),
        call.get("beta") or call.constant(np.zeros(channels)),
        epsilon=call.number("epsilon", 1e-5),
    )  # fmt: skip


@lowers("layer_norm")
def layer_norm(call: Call) -> str:
    """Over `axes`; gamma and beta have the shape of these axes."""
    shape = call.shape()
    axes = sorted(axis % len(shape) for axis in call.ints("axes", range(len(shape))))
    normalized = [shape[axis] for axis in axes]
    options = {"axis": axes[0], "epsilon": call.number("epsilon", 1e-5)}
    gamma = call.get("gamma") or call.constant(np.ones(normalized))
    if axes == list(range(axes[0], len(shape))):
        return call.emit("LayerNormalization", call["x"], gamma, call.get("beta"), **options)
    # ONNX normalizes trailing axes alone: ConvNeXt over channels goes there and back
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    order = kept + axes
    moved = call.emit("Transpose", call["x"], perm=order)
    options["axis"] = len(kept)
    normal = call.emit("LayerNormalization", moved, gamma, call.get("beta"), **options)
    return call.emit("Transpose", normal, perm=np.argsort(order).tolist())


@lowers("l2_norm")
def l2_norm(call: Call) -> str:
    """x / sqrt(sum of squares + epsilon), over the last three axes."""
    axes = call.constant([-3, -2, -1], np.int64)
    squares = call.emit("ReduceSumSquare", call["x"], axes, keepdims=1)
    shifted = call.emit("Add", squares, call.constant(call.number("epsilon", 1e-6)))
    return call.emit("Div", call["x"], call.emit("Sqrt", shifted))


@lowers("local_response_norm")
def local_response_norm(call: Call) -> str:
    return call.emit(
        "LRN", call["x"], size=call.integer("size"), alpha=call.number("alpha", 1e-4),
        beta=call.number("beta", 0.75), bias=call.number("k", 1.0),
    )  # fmt: skip
