"""Integers that an ONNX model computes from shapes, and that are known before it runs."""

from collections.abc import Callable

import numpy as np

from mobilenet.sources.onnx_model.onnx_layer import Integers, OnnxLayer

MAX_RANK = 1  # shapes are lists


def _shape(layer: OnnxLayer) -> Integers:
    shape = layer.shape(0)
    start, end = layer.options.take("start", 0), layer.options.take("end", len(shape))
    return np.array(shape[start:end], np.int64)


def _gather(layer: OnnxLayer) -> Integers:
    layer.options.require("axis", 0, 0)
    values, indices = layer.integers(0).ravel(), layer.integers(1)
    if indices.size and not (-values.size <= indices.min() and indices.max() < values.size):
        raise layer.writer.refused(f"takes {indices.tolist()} of {values.size}")
    return np.asarray(values[indices])


def _slice(layer: OnnxLayer) -> Integers:
    starts, ends, axes = (
        layer.listed(place, name, 10) for place, name in ((1, "starts"), (2, "ends"), (3, "axes"))
    )
    steps = layer.integers(4).ravel().tolist() if layer.has(4) else [1]
    if not starts or not ends or len(starts) != 1 or axes not in (None, [0]) or steps != [1]:
        raise layer.writer.refused(f"cuts a shape from {starts} to {ends}")
    return layer.integers(0).ravel()[starts[0] : ends[0]]


def _concatenate(layer: OnnxLayer) -> Integers:
    layer.options.require("axis", 0, 0, -1)
    parts = [layer.integers(place).ravel() for place in range(len(layer.inputs))]
    return np.concatenate(parts)


def _unsqueeze(layer: OnnxLayer) -> Integers:
    layer.listed(1, "axes", 13)
    return layer.integers(0).reshape(-1)


def _squeeze(layer: OnnxLayer) -> Integers:
    layer.listed(1, "axes", 13)
    return layer.integers(0).reshape(())


def _cast(layer: OnnxLayer) -> Integers:
    layer.options.require("to", 0, 6, 7)
    return layer.integers(0)


INTEGERS_OF: dict[str, Callable[[OnnxLayer], Integers]] = {
    "Shape": _shape,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concatenate,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Cast": _cast,
    "Add": lambda layer: layer.integers(0) + layer.integers(1),
    "Sub": lambda layer: layer.integers(0) - layer.integers(1),
    "Mul": lambda layer: layer.integers(0) * layer.integers(1),
}
