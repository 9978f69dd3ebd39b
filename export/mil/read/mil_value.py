"""Types and values of an ML Program's protobuf: written in place, or in the weight file.

Format: coremltools, `mlmodel/format/MIL.proto`.
"""

import math
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from export.mil.program import Constant, TensorType, Value
from export.mil.read import specification
from export.mil.read.blobs import NUMPY, BlobFile, decode, stored_size
from export.mil.read.specification import Message
from export.package.model_files import REMAKE, ModelFiles
from mobilenet.common.errors import PackageError

MAX_RANK = 32  # numpy's; Core ML itself has 5


@dataclass(frozen=True)
class BlobFiles:
    """The weight files that a program's values point into, each opened once."""

    files: ModelFiles
    opened: dict[str, BlobFile] = field(default_factory=dict)

    def named(self, name: str) -> BlobFile:
        """The file that a program calls `name`; `PackageError` where it has none."""
        if name not in self.opened:
            self.opened[name] = BlobFile(self.files.referenced(name))
        return self.opened[name]


def value_of(blobs: BlobFiles, message: Message, name: str) -> Constant:
    """A `Value` message called `name`; what is in the weight file is read when it is asked for."""
    if message.type.WhichOneof("type") == "listType":
        return _list(blobs, message, name)
    tensor = tensor_type(name, message.type)
    if message.WhichOneof("value") == "blobFileValue":
        blob = message.blobFileValue
        file = blobs.named(blob.fileName)
        offset = int(blob.offset)
        return Constant(
            tensor, lambda: file.read(tensor, offset), location=(blob.fileName, offset)
        )
    return Constant(tensor, lambda: _immediate(message.immediateValue.tensor, tensor))


def _list(blobs: BlobFiles, message: Message, name: str) -> Constant:
    values = message.immediateValue.list.values

    def load() -> Value:
        items = [value_of(blobs, value, name).load() for value in values]
        if all(isinstance(item, str) for item in items):
            return tuple(str(item) for item in items)
        return np.array(items)

    element = tensor_type(name, message.type.listType.type)
    return Constant(TensorType(name, element.dtype, (len(values), *element.shape)), load)


def _immediate(message: Message, tensor: TensorType) -> Value:
    """A value that is written in the program itself."""
    kind = message.WhichOneof("value")
    values: Any = () if kind is None else getattr(message, kind).values
    if kind == "bytes":
        expected, count = stored_size(tensor), len(values)
    else:
        expected, count = math.prod(tensor.shape), len(values)
    if count != expected:
        raise PackageError(
            f"{tensor.name!r} has {count} elements, shape {tensor.shape} takes {expected}",
            REMAKE,
        )
    if kind == "bytes":
        return decode(np.frombuffer(values, np.uint8), tensor)
    if tensor.dtype == "string":
        return str(values[0]) if tensor.shape == () else tuple(str(value) for value in values)
    if tensor.dtype not in NUMPY:
        raise PackageError(f"{tensor.name!r} is a {tensor.dtype} in text", REMAKE)
    return np.array(values, NUMPY[tensor.dtype]).reshape(tensor.shape)


def tensor_type(name: str, message: Message) -> TensorType:
    """A `ValueType` message as the type of the value called `name`.

    A list of tensors of one shape is a tensor of one axis more, whose length is open: lists grow.
    A state is what it holds.
    """
    kind = message.WhichOneof("type")
    if kind == "stateType":
        return tensor_type(name, message.stateType.wrappedType)
    if kind == "listType":
        element = tensor_type(name, message.listType.type)
        return replace(element, shape=(-1, *element.shape))
    if kind != "tensorType":
        return TensorType(name, str(kind).removesuffix("Type"), ())
    shape = tuple(
        int(size.constant.size) if size.WhichOneof("dimension") == "constant" else -1
        for size in message.tensorType.dimensions
    )
    if len(shape) > MAX_RANK:
        raise PackageError(f"{name!r} has {len(shape)} axes", f"at most {MAX_RANK} are possible")
    code = message.tensorType.dataType
    return TensorType(name, _dtypes().get(code, f"type {code}"), shape)


@cache
def _dtypes() -> dict[int, str]:
    return {code: name.lower() for name, code in specification.proto("MIL_pb2").DataType.items()}
