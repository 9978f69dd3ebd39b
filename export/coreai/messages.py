"""What passes between us and the process that holds Apple's library: MessagePack, length first."""

import math
from typing import Any, BinaryIO

import msgspec
import numpy as np

# Of elements that lie in the bytes of a constant without gaps, the lowest bits first
PACKED_BITS = {"int4": 4, "uint1": 1, "uint2": 2, "uint3": 3, "uint4": 4, "uint6": 6}


class Array(msgspec.Struct, frozen=True):
    """An array as bytes, in C order; of many equal numbers that take no space, one."""

    dtype: str  # numpy's name, or ml_dtypes', or one of `PACKED_BITS`
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, values: "np.ndarray[Any, np.dtype[Any]]") -> "Array":
        """Of a numpy array."""
        if values.size > 1 and not any(values.strides):  # a few bytes of a file may declare it
            return cls(values.dtype.name, values.shape, values[(0,) * values.ndim].tobytes())
        values = np.ascontiguousarray(values).reshape(values.shape)
        return cls(values.dtype.name, values.shape, values.tobytes())

    def values(self) -> "np.ndarray[Any, np.dtype[Any]]":
        """As numpy's, read only; of packed elements the bytes."""
        if self.dtype in PACKED_BITS:
            return np.frombuffer(self.data, np.uint8)
        values = np.frombuffer(self.data, dtype_named(self.dtype))
        if values.size == 1:
            return np.broadcast_to(values.reshape(()), self.shape)
        return values.reshape(self.shape)


def dtype_named(name: str) -> "np.dtype[Any]":
    """numpy's type, or one of ml_dtypes'."""
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        other: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return other


class ArrayType(msgspec.Struct, frozen=True, tag=True):
    """An array of a graph; a length that is not fixed is -1."""

    dtype: str  # as `Array.dtype`
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """What a constant of this type takes."""
        bits = PACKED_BITS.get(self.dtype) or 8 * dtype_named(self.dtype).itemsize
        return -(-math.prod(self.shape) * bits // 8)


class ImageType(msgspec.Struct, frozen=True, tag=True):
    """A picture that a graph takes."""

    pixels: str  # "32BGRA", "24RGB", ...
    width: int
    height: int


class OtherType(msgspec.Struct, frozen=True, tag=True):
    """A value of another kind, as Apple's compiler prints it."""

    text: str


ValueType = ArrayType | ImageType | OtherType


class GraphOperation(msgspec.Struct, frozen=True):
    """One operation; values are numbered within their graph, inputs first."""

    kind: str  # without the dialect: "conv2d", "decomposable.broadcasting_add", "constant"
    operands: tuple[int, ...]
    results: tuple[int, ...]
    types: tuple[ValueType, ...]
    attributes: dict[str, str]  # as Apple's compiler prints them
    constant: Array | None = None
    resource: str = ""  # the name that a constant is stored under; "" when it stands in the text
    location: str = ""  # the file that it comes from; in assets of ours, the layer


class CoreAIGraph(msgspec.Struct, frozen=True):
    """One function of an asset."""

    name: str
    inputs: dict[str, ValueType]
    outputs: dict[str, ValueType]
    operations: tuple[GraphOperation, ...]
    returned: tuple[int, ...]  # values of the outputs, in their order
    is_private: bool = False  # invoked by others alone; its outputs have no names


class ReadGraphs(msgspec.Struct, frozen=True, tag=True):
    """Asks for every graph of an asset."""

    asset: str


class LoadFunction(msgspec.Struct, frozen=True, tag=True):
    """Asks to make one function ready to run."""

    asset: str
    function: str
    unit: str = ""  # as `compute_units.COMPUTE_UNITS` has it; "" leaves it to the library
    more: dict[str, int] = {}  # values of its graph to be given as well, by a name for each


class CallFunction(msgspec.Struct, frozen=True, tag=True):
    """Asks the loaded function for its outputs."""

    inputs: dict[str, Array]


Request = ReadGraphs | LoadFunction | CallFunction


class Graphs(msgspec.Struct, frozen=True, tag=True):
    """Answers `ReadGraphs`."""

    graphs: tuple[CoreAIGraph, ...]


class FunctionLoaded(msgspec.Struct, frozen=True, tag=True):
    """Answers `LoadFunction`."""


class FunctionOutputs(msgspec.Struct, frozen=True, tag=True):
    """Answers `CallFunction`."""

    values: dict[str, Array]


class Failure(msgspec.Struct, frozen=True, tag=True):
    """Answers anything: what the library said."""

    reason: str


Answer = Graphs | FunctionLoaded | FunctionOutputs | Failure
LENGTH_BYTES = 8


def send(message: Request | Answer, pipe: BinaryIO) -> None:
    """Write one message."""
    data = msgspec.msgpack.encode(message)
    pipe.write(len(data).to_bytes(LENGTH_BYTES, "little") + data)
    pipe.flush()


def receive(pipe: BinaryIO) -> bytes | None:
    """One encoded message; None where the other side has ended."""
    head = pipe.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    length = int.from_bytes(head, "little")
    data = pipe.read(length)
    return data if len(data) == length else None
