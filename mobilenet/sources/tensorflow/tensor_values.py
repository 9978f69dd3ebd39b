"""A `TensorProto` as a constant: tensorflow/core/framework/tensor.proto."""

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant
from mobilenet.sources.stored import Allowance, shaped
from mobilenet.sources.tensorflow.operations import (
    BOOL,
    FLOAT,
    INT32,
    INT64,
    QUINT8,
    STRING,
    UINT8,
    TfOperation,
    shape_of,
)  # fmt: skip

WHOLE_TYPES = {INT32: "int_val", INT64: "int64_val", BOOL: "bool_val", UINT8: "int_val",
               QUINT8: "int_val"}  # fmt: skip
_STORED = {FLOAT: "<f4", INT32: "<i4", INT64: "<i8", BOOL: "u1", UINT8: "u1",
           QUINT8: "u1"}  # fmt: skip
MAX_STRINGS = 10_000
TYPES = {
    "DT_FLOAT": FLOAT, "DT_DOUBLE": 2, "DT_INT32": INT32, "DT_UINT8": UINT8, "DT_INT16": 5,
    "DT_INT8": 6, "DT_STRING": STRING, "DT_COMPLEX64": 8, "DT_INT64": INT64, "DT_BOOL": BOOL,
    "DT_QINT8": 11, "DT_QUINT8": QUINT8, "DT_QINT32": 13, "DT_BFLOAT16": 14, "DT_QINT16": 15,
    "DT_QUINT16": 16, "DT_UINT16": 17, "DT_COMPLEX128": 18, "DT_HALF": 19, "DT_RESOURCE": 20,
    "DT_VARIANT": 21, "DT_UINT32": 22, "DT_UINT64": 23,
}  # fmt: skip
_NAMES = {number: name for name, number in TYPES.items()}


def constant_of(op: TfOperation, allowance: Allowance) -> tuple[FileConstant, bool]:
    """What a Const holds, and whether it is whole numbers. Raises `CheckpointError`."""
    tensor = _tensor(op)
    dtype, shape = tensor.dtype, shape_of(tensor.tensor_shape)
    if dtype not in _STORED or shape is None:
        raise op.refused(f"holds {type_name(dtype)}", "save the network in float32")
    allowance.spend(op.title, shape)
    return FileConstant(shape, partial(_array, tensor, shape, op.title)), dtype != FLOAT


def strings_of(op: TfOperation) -> list[str]:
    """The texts that a Const holds. Raises `CheckpointError`."""
    texts = _tensor(op).string_val
    if len(texts) > MAX_STRINGS:
        raise op.refused(f"holds {len(texts):,} texts")
    return [text.decode("utf-8", "backslashreplace") for text in texts]


def type_name(dtype: int) -> str:
    """As types.proto calls it: "DT_HALF"."""
    return _NAMES.get(dtype, f"type {dtype}")


def stored_array(
    data: bytes | memoryview, dtype: int, shape: tuple[int, ...], what: str
) -> NDArray[np.float32] | NDArray[np.int64]:
    """Bytes of a tensor, in little-endian order. Raises `CheckpointError`."""
    if dtype not in _STORED:
        raise CheckpointError(f"{what} holds {type_name(dtype)}", "save the network in float32")
    array = shaped(data, _STORED[dtype], shape, what)
    return array.astype(np.float32) if dtype == FLOAT else array.astype(np.int64)


def _tensor(op: TfOperation) -> Any:
    tensor = op.attributes.get("value")
    if not hasattr(tensor, "tensor_shape"):
        raise op.refused("has no value", "is the file complete?")
    return tensor


def _array(
    tensor: Any, shape: tuple[int, ...], what: str
) -> NDArray[np.float32] | NDArray[np.int64]:
    if tensor.tensor_content or not math.prod(shape):
        return stored_array(tensor.tensor_content, tensor.dtype, shape, what)
    values = getattr(tensor, WHOLE_TYPES.get(tensor.dtype, "float_val"))
    if len(values) > math.prod(shape):
        raise CheckpointError(f"{what} holds {len(values)} numbers for shape {shape}",
                              "is the file complete?")  # fmt: skip
    if tensor.dtype == FLOAT:
        return _filled(np.array(values, np.float32), shape)
    return _filled(np.array(values, np.int64), shape)


def _filled(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """TensorFlow leaves equal numbers at the end out: the last one, or 0, stands for them."""
    array = np.full(math.prod(shape), values[-1] if len(values) else 0, values.dtype)
    array[: len(values)] = values
    return array.reshape(shape)
