"""An ONNX model as plain data: its nodes, attributes and tensors.

onnx/onnx.proto, of which the fields that are read are declared here. Tensors that lie in files
beside the model are read when they are needed, and only from its own folder.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant
from mobilenet.sources import protobuf
from mobilenet.sources.graph_writer import NOT_READ
from mobilenet.sources.protobuf import text
from mobilenet.sources.stored import Allowance, check_shape, shaped

_MESSAGES: dict[str, protobuf.Fields] = {
    "ModelProto": {
        "ir_version": (1, "int64"), "graph": (7, "GraphProto"), "opset_import": (8, "*Opset"),
    },
    "Opset": {"domain": (1, "bytes"), "version": (2, "int64")},
    "GraphProto": {
        "node": (1, "*NodeProto"), "initializer": (5, "*TensorProto"),
        "input": (11, "*ValueInfo"), "output": (12, "*ValueInfo"),
    },
    "NodeProto": {
        "input": (1, "*bytes"), "output": (2, "*bytes"), "name": (3, "bytes"),
        "op_type": (4, "bytes"), "attribute": (5, "*Attribute"), "domain": (7, "bytes"),
    },
    "Attribute": {
        "name": (1, "bytes"), "f": (2, "float"), "i": (3, "int64"), "s": (4, "bytes"),
        "t": (5, "TensorProto"), "floats": (7, "*float"), "ints": (8, "*int64"),
        "type": (20, "int32"), "ref_attr_name": (21, "bytes"),
    },
    "TensorProto": {
        "dims": (1, "*int64"), "data_type": (2, "int32"), "float_data": (4, "*bytes"),
        "int32_data": (5, "*int32"), "int64_data": (7, "*int64"), "name": (8, "bytes"),
        "raw_data": (9, "bytes"), "double_data": (10, "*bytes"),
        "external_data": (13, "*Entry"), "data_location": (14, "int32"),
    },
    "Entry": {"key": (1, "bytes"), "value": (2, "bytes")},
    "ValueInfo": {"name": (1, "bytes"), "type": (2, "TypeProto")},
    "TypeProto": {"tensor_type": (1, "TensorType")},
    "TensorType": {"elem_type": (1, "int32"), "shape": (2, "Shape")},
    "Shape": {"dim": (1, "*Dim")},
    "Dim": {"dim_value": (1, "int64"), "dim_param": (2, "bytes")},
}  # fmt: skip
FLOAT, UINT8, INT32, INT64, FLOAT16, DOUBLE = 1, 2, 6, 7, 10, 11  # TensorProto.DataType
_DTYPES = {FLOAT: "<f4", UINT8: "u1", INT32: "<i4", INT64: "<i8", FLOAT16: "<f2", DOUBLE: "<f8"}
FLOATS = (FLOAT, FLOAT16, DOUBLE)
INTEGERS = (INT32, INT64)
_EXTERNAL = 1  # TensorProto.DataLocation
_FIELD_OF_TYPE = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints"}  # AttributeType


def parse(data: bytes, name: str) -> Any:
    """The `ModelProto` in a file. Raises `CheckpointError` for one that is damaged."""
    return protobuf.parse("onnx", _MESSAGES, data, name)


def attributes(node: Any, title: str) -> dict[str, Any]:
    """A node's attributes: numbers, text, tuples of numbers, or a `TensorProto`."""
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        name, field = text(attribute.name), _FIELD_OF_TYPE.get(attribute.type, "")
        if not field or attribute.ref_attr_name or name in values:
            raise CheckpointError(
                f"{title} has attribute {name} of type {attribute.type}, not read here", NOT_READ
            )
        value = getattr(attribute, field)
        if field == "s":
            value = text(value)
        values[name] = tuple(value) if field in ("floats", "ints") else value
    return values


def constant_of(tensor: Any, name: str, folder: Path, allowance: Allowance) -> FileConstant:
    """A tensor's numbers; `folder` is the model's own.

    Raises `CheckpointError` for one that is too large, of a type that is not read here, or kept
    outside of the folder.
    """
    what, shape = f"tensor {name}", tuple(tensor.dims)
    if tensor.data_type not in _DTYPES:
        raise CheckpointError(f"{what} is of type {tensor.data_type}, not read here", NOT_READ)
    allowance.spend(what, shape)
    dtype = np.dtype(_DTYPES[tensor.data_type])
    if tensor.data_location == _EXTERNAL:
        place = _External(tensor, what, folder)
        return _numbers(shape, lambda: shaped(place.read(shape, dtype), dtype.str, shape, what))
    data = tensor.raw_data or _listed(tensor)
    stored = shaped(data, dtype.str, shape, what)
    return _numbers(shape, lambda: stored)


def _numbers(shape: tuple[int, ...], read: Any) -> FileConstant:
    def load() -> NDArray[np.float32] | NDArray[np.int64]:
        stored: NDArray[Any] = read()
        if stored.dtype.kind == "f":
            return stored.astype(np.float32)
        return stored.astype(np.int64)

    return FileConstant(shape, load)


def _listed(tensor: Any) -> bytes:
    """Numbers that are fields of their own, one by one."""
    match tensor.data_type:
        case 1:
            return b"".join(tensor.float_data)
        case 11:
            return b"".join(tensor.double_data)
        case 7:
            return np.array(tensor.int64_data, "<i8").tobytes()
        case 10:  # their bits
            return np.array(tensor.int32_data).astype("<u2").tobytes()
        case kind:
            return np.array(tensor.int32_data).astype(_DTYPES[kind]).tobytes()


class _External:
    """Where a tensor lies beside the model."""

    def __init__(self, tensor: Any, what: str, folder: Path) -> None:
        entries = {text(entry.key): text(entry.value) for entry in tensor.external_data}
        self._what = what
        location = entries.get("location", "")
        self._path = (folder / location).resolve()
        if not location or not self._path.is_relative_to(folder.resolve()):
            raise CheckpointError(
                f"{what} lies in {location or 'no file'}, outside of the model's folder",
                "do not trust this model",
            )
        numbers = [entries.get(key, "0") for key in ("offset", "length")]
        if not self._path.is_file() or not all(number.isdecimal() for number in numbers):
            raise CheckpointError(
                f"{what} lies in {location}, which is not there", "is the folder complete?"
            )
        self._offset, self._length = map(int, numbers)

    def read(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
        """The bytes of the tensor."""
        check_shape(self._what, shape)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if self._length not in (0, size):
            raise CheckpointError(
                f"{self._what} has {self._length:,} bytes for shape {shape}",
                "is the folder complete?",
            )
        with self._path.open("rb") as file:
            file.seek(self._offset)
            return file.read(size)
