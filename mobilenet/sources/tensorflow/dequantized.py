"""Weights of eight bits, as TensorFlow's own tools stored them for phones: `quantize_weights`.

tensorflow/core/ops/array_ops.cc (Dequantize), tensorflow/core/kernels/quantization_utils.h.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from mobilenet.graph import FileConstant
from mobilenet.sources.tensorflow.elementwise_operators import Values
from mobilenet.sources.tensorflow.operations import QUINT8, TfOperation
from mobilenet.sources.tensorflow.operator_translation import TfValue, Translation

STEPS = 255


def dequantize(t: Translation, op: TfOperation, inputs: Values) -> TfValue:  # noqa: ARG001
    """A constant again, of the range that two others give. Raises `CheckpointError`."""
    op.must_be("T", QUINT8)
    op.must_be("narrow_range", False, False)
    op.must_be("axis", -1, -1)
    mode = op.text("mode", "MIN_COMBINED")
    levels, least, most = (value.constant for value in inputs)
    if levels is None or least is None or most is None or not inputs[0].is_whole:
        raise op.refused("reads what is no constant")
    if mode not in {"MIN_FIRST", "MIN_COMBINED"} or (least.shape, most.shape) != ((), ()):
        raise op.refused(f"has mode {mode}, and ranges of {least.shape} and {most.shape}")
    load = partial(_floats, levels, least, most, mode == "MIN_FIRST")
    return TfValue(op.name, inputs[0].shape, False, FileConstant(levels.shape, load))


def _floats(
    levels: FileConstant, least: FileConstant, most: FileConstant, is_rounded: bool
) -> NDArray[np.float32]:
    """In MIN_FIRST, 0 is a level: the range is moved to whole steps."""
    start, end = float(least.load().item()), float(most.load().item())
    step = (end - start) / STEPS
    start = round(start / step) * step if is_rounded and step else start
    return (levels.load() * step + start).astype(np.float32)
