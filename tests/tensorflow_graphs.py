"""TensorFlow graphs by hand, field numbers as in its own .proto files."""

from typing import Any, NamedTuple

import numpy as np

from weight_files import chunk, integer, real, varint

TYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int64": 9, "bool": 10}
FLOAT, INT, UINT8, STRING, BOOL, QUINT8 = 1, 3, 4, 7, 10, 12


class Type(NamedTuple):
    """The value of an attribute such as T."""

    number: int


class Sides(NamedTuple):
    """The value of an attribute such as shape."""

    sides: tuple[int, ...]


class Function(NamedTuple):
    """The value of an attribute such as f."""

    name: str


class Levels(NamedTuple):
    """The value of a constant of eight bits."""

    array: np.ndarray


def signed(number: int) -> int:
    return number % (1 << 64)


def shape(sides: tuple[int, ...]) -> bytes:
    return b"".join(chunk(2, integer(1, signed(side))) for side in sides)


def tensor(array: np.ndarray, number: int | None = None) -> bytes:
    if array.dtype.kind in "SUO":
        texts = b"".join(chunk(8, str(text).encode()) for text in array.flat)
        return integer(1, STRING) + chunk(2, shape(array.shape)) + texts
    number = number or TYPES[array.dtype.name]
    return integer(1, number) + chunk(2, shape(array.shape)) + chunk(4, array.tobytes())


def items(of: tuple[Any, ...]) -> bytes:
    if of and isinstance(of[0], str):
        return b"".join(chunk(2, text.encode()) for text in of)
    return chunk(3, b"".join(varint(signed(number)) for number in of))


ENCODERS = {
    Type: lambda of: integer(6, of.number),
    Sides: lambda of: chunk(7, shape(of.sides)),
    Function: lambda of: chunk(10, chunk(1, of.name.encode())),
    bool: lambda of: integer(5, int(of)),
    int: lambda of: integer(3, signed(of)),
    float: lambda of: real(4, of),
    str: lambda of: chunk(2, of.encode()),
    tuple: lambda of: chunk(1, items(of)),
    Levels: lambda of: chunk(8, tensor(of.array, QUINT8)),
    np.ndarray: lambda of: chunk(8, tensor(of)),
}


def node(name: str, op: str, *inputs: str, **attributes: Any) -> bytes:
    """A NodeDef, as a field of a GraphDef."""
    body = chunk(1, name.encode()) + chunk(2, op.encode())
    body += b"".join(chunk(3, read.encode()) for read in inputs)
    for key, of in attributes.items():
        body += chunk(5, chunk(1, key.encode()) + chunk(2, ENCODERS[type(of)](of)))
    return chunk(1, body)


def const(name: str, array: Any) -> bytes:
    values = np.asarray(array)
    if values.dtype.name == "float64":
        values = values.astype(np.float32)
    elif values.dtype.name == "int64":
        values = values.astype(np.int32)
    return node(name, "Const", value=values, dtype=Type(TYPES.get(values.dtype.name, STRING)))


def picture(name: str = "input", *sides: int, dtype: int = FLOAT) -> bytes:
    return node(name, "Placeholder", dtype=Type(dtype), shape=Sides(sides or (-1, 8, 8, 3)))


def conv(name: str, *inputs: str, **attributes: Any) -> bytes:
    usual = {"strides": (1, 1, 1, 1), "padding": "SAME", "T": Type(FLOAT)}
    return node(name, "Conv2D", *inputs, **usual | attributes)


EYE = const("eye", np.eye(3)[None, None])  # a kernel that changes nothing


def whole(*nodes: bytes) -> bytes:
    """A graph in which a convolution that changes nothing stands before the nodes."""
    return b"".join([picture(), EYE, conv("map", "input", "eye"), *nodes])
