"""Constants of a `.tflite` as the numbers they stand for.

Quantised numbers are scale x (q - zero point), per tensor or per channel; floats of 16 bits are
widened.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant
from mobilenet.sources.stored import Allowance, shaped
from mobilenet.sources.tflite.flatbuffer import TfliteTensor

FLOAT32, FLOAT16, INT32, UINT8, INT64, INT8 = 0, 1, 2, 3, 4, 9  # schema.fbs, TensorType
_DTYPES = {FLOAT32: "<f4", FLOAT16: "<f2", INT32: "<i4", UINT8: "u1", INT64: "<i8", INT8: "i1"}
MAX_QUANTISED = 1 << 25  # numbers of a tensor: each takes eight bytes while it becomes a float


def as_stored(tensor: TfliteTensor) -> NDArray[Any]:
    """A constant as it is stored. Raises `CheckpointError` for types that are not read here."""
    if tensor.oddity or tensor.dtype not in _DTYPES:
        how = tensor.oddity or f"of type {tensor.dtype}"
        raise CheckpointError(f"tensor {tensor.name} is {how}, not read here",
                              "float32, float16, int8 and uint8 are")  # fmt: skip
    return shaped(tensor.data, _DTYPES[tensor.dtype], tensor.shape, f"tensor {tensor.name}")


def quantization(tensor: TfliteTensor) -> tuple[NDArray[Any], NDArray[Any]]:
    """(scales, zero points). Raises `CheckpointError` for integers without a scale."""
    if not tensor.scale.size:
        raise CheckpointError(
            f"tensor {tensor.name} holds integers without a scale", "is the file complete?"
        )
    return tensor.scale, tensor.zero if tensor.zero.size else np.zeros(1, np.int64)


def dequantised(tensor: TfliteTensor, allowance: Allowance) -> FileConstant:
    """The floats that a constant stands for.

    Raises `CheckpointError` when it is too large, or its bytes and scales do not fit its shape.
    """
    allowance.spend(f"tensor {tensor.name}", tensor.shape)
    stored = as_stored(tensor)
    if stored.dtype.kind == "f":
        return FileConstant(stored.shape, lambda: stored.astype(np.float32))
    scale, zero = quantization(tensor)
    axis = tensor.axis
    if (
        not 0 <= axis < max(stored.ndim, 1)
        or scale.size not in (1, *stored.shape[axis : axis + 1])
        or zero.size not in (1, scale.size)
        or stored.size > MAX_QUANTISED
    ):
        raise CheckpointError(
            f"tensor {tensor.name} has {scale.size} scales along axis {axis} for {stored.shape}",
            "is the file complete?",
        )
    sides = [-1 if side == axis else 1 for side in range(stored.ndim)]
    scale, zero = scale.reshape(sides), zero.reshape(sides)
    return FileConstant(stored.shape, lambda: _real(stored, scale, zero))


def _real(stored: NDArray[Any], scale: NDArray[Any], zero: NDArray[Any]) -> NDArray[np.float32]:
    real = stored.astype(np.float64)
    real -= zero
    real *= scale
    return real.astype(np.float32)
