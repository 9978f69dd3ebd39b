"""Integers that a `.tflite` computes from shapes, and that are known before it runs."""

from collections.abc import Callable

import numpy as np

from mobilenet.sources.tflite.tflite_layer import Integers, TfliteLayer


def _shape(layer: TfliteLayer) -> Integers:
    layer.options.take("OutType", 0)
    tensor = layer.tensor(0)
    if any(tensor.open_sides[1:]):
        raise layer.writer.refused("asks for a size that the file leaves open")
    return np.array((1, *tensor.shape[1:]), np.int64)  # of one picture


def _strided_slice(layer: TfliteLayer) -> Integers:
    for mask in ("EllipsisMask", "NewAxisMask"):
        layer.options.require(mask, 0, 0)
    layer.options.require("Offset", False, False)
    masks = [layer.options.take(f"{side}Mask", 0) for side in ("Begin", "End", "ShrinkAxis")]
    values, *limits = (layer.integers(place).ravel() for place in range(4))
    if any(limit.size != 1 for limit in limits) or max(masks) > 1 or not limits[2][0]:
        raise layer.writer.refused("cuts a shape along more than one axis")
    begin, end, step = (int(limit[0]) for limit in limits)
    if masks[2]:
        if not -values.size <= begin < values.size:
            raise layer.writer.refused(f"takes number {begin} of {values.size}")
        return np.array(values[begin])
    return values.ravel()[None if masks[0] else begin : None if masks[1] else end : step]


def _pack(layer: TfliteLayer) -> Integers:
    layer.options.take("ValuesCount", 0)
    layer.options.require("Axis", 0, 0)
    return _joined(layer)


def _concatenate(layer: TfliteLayer) -> Integers:
    layer.options.require("Axis", 0, 0, -1)
    layer.options.require("FusedActivationFunction", 0, 0)
    return _joined(layer)


def _joined(layer: TfliteLayer) -> Integers:
    parts = [layer.integers(place).ravel() for place in range(len(layer.operator.inputs))]
    return np.concatenate(parts)


INTEGERS: dict[str, Callable[[TfliteLayer], Integers]] = {
    "SHAPE": _shape,
    "STRIDED_SLICE": _strided_slice,
    "PACK": _pack,
    "CONCATENATION": _concatenate,
}
