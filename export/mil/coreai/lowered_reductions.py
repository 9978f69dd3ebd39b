"""Sums, norms, and products of matrices."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from export.mil.coreai.lowered_call import CoreAICall, writes

if TYPE_CHECKING:
    from coreai.authoring import Value

DIRECT = {
    "reduce_mean": "reduce_mean", "reduce_sum": "reduce_sum", "reduce_max": "reduce_max",
    "reduce_min": "reduce_min", "reduce_prod": "reduce_product",
}  # fmt: skip


@writes(
    *DIRECT, "reduce_l1_norm", "reduce_l2_norm", "reduce_sum_square", "reduce_log_sum",
    "reduce_log_sum_exp",
)  # fmt: skip
def _reduction(call: CoreAICall) -> "Value":
    """Core AI's reductions keep dimensions."""
    ai, x, kind = call.core_ai, call["x"], call.op.type
    rank = len(call.shape())
    axes = [axis % rank for axis in call.ints("axes", range(rank))]
    match kind:
        case "reduce_l1_norm":
            result = _reduced(call, "reduce_sum", ai.abs_(x), axes)
        case "reduce_sum_square":
            result = _reduced(call, "reduce_sum", ai.broadcasting_mul(x, x), axes)
        case "reduce_l2_norm":
            result = ai.sqrt(_reduced(call, "reduce_sum", ai.broadcasting_mul(x, x), axes))
        case "reduce_log_sum":
            result = ai.log(_reduced(call, "reduce_sum", x, axes))
        case "reduce_log_sum_exp":
            result = ai.log(_reduced(call, "reduce_sum", ai.exp(x), axes))
        case _:
            result = _reduced(call, DIRECT[kind], x, axes)
    return call.reshaped(result, call.output_shape())


@writes("reduce_argmax", "reduce_argmin")
def _extreme(call: CoreAICall) -> "Value":
    ai, x = call.core_ai, call["x"]
    if call.op.type == "reduce_argmin":
        x = ai.broadcasting_mul(x, call.like(-1))
    axis = np.int32(call.integer("axis", -1) % len(call.shape()))
    return call.reshaped(ai.cast(ai.argmax(x, axis), np.int32), call.output_shape())


@writes("batch_norm")
def _batch_norm(call: CoreAICall) -> "Value":
    """As a scale and a shift of each channel, worked out in float64."""
    parts = {
        name: call.array(name).astype(np.float64) if call.has(name) else None
        for name in ("mean", "variance", "gamma", "beta")
    }
    mean, variance = parts["mean"], parts["variance"]
    assert mean is not None, "required"
    assert variance is not None, "required"
    scale = 1 / np.sqrt(variance + call.number("epsilon", 1e-5))
    scale = scale if parts["gamma"] is None else scale * parts["gamma"]
    shift = -mean * scale if parts["beta"] is None else parts["beta"] - mean * scale
    return _scaled(call, call["x"], scale, shift, _channels(call))


@writes("instance_norm")
def _instance_norm(call: CoreAICall) -> "Value":
    axes = list(range(2, len(call.shape())))
    return _normalized(call, axes, _channels(call))


@writes("layer_norm")
def _layer_norm(call: CoreAICall) -> "Value":
    shape = call.shape()
    axes = sorted(axis % len(shape) for axis in call.ints("axes", range(len(shape))))
    return _normalized(
        call, axes, [size if axis in axes else 1 for axis, size in enumerate(shape)]
    )


@writes("l2_norm")
def _l2_norm(call: CoreAICall) -> "Value":
    ai, x = call.core_ai, call["x"]
    rank = len(call.shape())
    squares = _reduced(call, "reduce_sum", ai.broadcasting_mul(x, x), range(rank - 3, rank))
    shifted = ai.broadcasting_add(squares, call.like(call.number("epsilon", 1e-6)))
    return ai.broadcasting_mul(x, ai.rsqrt(shifted))


@writes("linear")
def _linear(call: CoreAICall) -> "Value":
    ai = call.core_ai
    weight = call.stored("weight", np.ascontiguousarray(call.array("weight").T))
    product = ai.broadcasting_batch_matmul(call["x"], weight)
    return ai.broadcasting_add(product, call["bias"]) if call.has("bias") else product


@writes("matmul")
def _matmul(call: CoreAICall) -> "Value":
    operands = []
    for name in ("x", "y"):
        operand = call[name]
        if call.flag(f"transpose_{name}", False):
            axes = np.arange(len(call.shape(name)), dtype=np.uint32)
            axes[-2:] = axes[-2:][::-1]
            operand = call.core_ai.transpose(operand, axes)
        operands.append(operand)
    return call.core_ai.broadcasting_batch_matmul(*operands)


def _reduced(call: CoreAICall, kind: str, x: "Value", axes: Sequence[int]) -> "Value":
    return getattr(call.core_ai, kind)(x, np.asarray([*axes], np.int32))


def _channels(call: CoreAICall) -> list[int]:
    shape = call.shape()
    return [1, shape[1], *[1] * (len(shape) - 2)]


def _normalized(call: CoreAICall, axes: Sequence[int], shape: Sequence[int]) -> "Value":
    """(x - mean) / sqrt(variance + epsilon) over `axes`; gamma and beta have `shape`."""
    ai = call.core_ai
    centred = ai.broadcasting_sub(call["x"], _reduced(call, "reduce_mean", call["x"], axes))
    variance = _reduced(call, "reduce_mean", ai.broadcasting_mul(centred, centred), axes)
    shifted = ai.broadcasting_add(variance, call.like(call.number("epsilon", 1e-5)))
    normal = ai.broadcasting_mul(centred, ai.rsqrt(shifted))
    gamma = call.array("gamma") if call.has("gamma") else np.ones(math.prod(shape))
    beta = call.array("beta") if call.has("beta") else np.zeros(math.prod(shape))
    return _scaled(call, normal, gamma, beta, shape)


def _scaled(
    call: CoreAICall,
    x: "Value",
    scale: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
    shift: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
    shape: Sequence[int],
) -> "Value":
    dtype = np.dtype(call.dtype())
    factor = call.stored("gamma", scale.astype(dtype).reshape(shape))
    added = call.stored("beta", shift.astype(dtype).reshape(shape))
    return call.core_ai.broadcasting_add(call.core_ai.broadcasting_mul(x, factor), added)
