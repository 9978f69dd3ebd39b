"""What is known of a graph before it runs: its constants, and what is made of constants alone."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.coreai.messages import PACKED_BITS, ArrayType, GraphOperation, dtype_named
from export.mil.program import Constant, TensorType, Value
from export.mil.read import constexpr
from export.mil.read.blobs import decode
from export.package.asset_files import AGAIN
from mobilenet.common.errors import PackageError, UnsupportedError

MAX_ELEMENTS = 1 << 27  # of a constant: a few bytes of a file may declare any number
Array = NDArray[Any]
Move = Callable[..., Array]


def ints(values: Array) -> list[int]:
    """A list of axes or sizes, or a single one."""
    return [int(value) for value in values.reshape(-1)]


def _slice(x: Array, begin: Array, end: Array, step: Array) -> Array:
    bounds = zip(ints(begin), ints(end), ints(step), strict=True)
    return x[tuple(slice(*each) for each in bounds)]


# By Core AI's kind: what moves elements and computes nothing
MOVES: dict[str, Move] = {
    "concat": lambda axis, *values: np.concatenate(values, int(axis.reshape(()))),
    "reshape": lambda x, shape: x.reshape(ints(shape)),
    "reverse": lambda x, axes: np.flip(x, ints(axes)),
    "slice": _slice,
    "transpose": lambda x, axes: x.transpose(ints(axes)),
}


MAKERS: dict[str, Move] = {**MOVES, "cast": lambda x: x}
# MIL's form of a compressed constant, and its names for the operands
COMPRESSED = {
    "blockwise_shift_scale": (
        "constexpr_blockwise_shift_scale", ("data", "scale", "offset", "bias"),
    ),
    "lut_to_dense": ("constexpr_lut_to_dense", ("indices", "lut", "vector_axis")),
}  # fmt: skip


def constant(operation: GraphOperation) -> Constant:
    """A constant of the graph, as it is stored."""
    (kind,), stored = operation.types, operation.constant
    name = operation.resource or f"constant_{operation.results[0]}"
    if not isinstance(kind, ArrayType):
        raise UnsupportedError(f"{name} is a {kind}", "constant arrays can be read")
    stored_kind = TensorType(name, kind.dtype, kind.shape)

    def load() -> Value:
        if math.prod(kind.shape) > MAX_ELEMENTS:
            raise PackageError(
                f"{name} is declared with {math.prod(kind.shape)} elements",
                f"at most {MAX_ELEMENTS} are read",
            )
        if stored is None:
            raise UnsupportedError(
                f"{name}, {kind.dtype} {kind.shape}, cannot be read",
                "is the asset whole, and its constants of types that numpy knows?",
            )
        values = stored.values()
        return decode(values, stored_kind) if stored.dtype in PACKED_BITS else values

    return Constant(stored_kind, load)


def made(operation: GraphOperation, operands: Sequence[Constant]) -> Constant | None:
    """What `operation` makes of constants; None where it is not known to be a constant."""
    kind = operation.types[0]
    if not isinstance(kind, ArrayType) or not 0 <= math.prod(kind.shape) <= MAX_ELEMENTS:
        return None
    if operation.kind not in MAKERS.keys() | COMPRESSED.keys():
        return None
    try:
        if operation.kind in COMPRESSED:
            return decompressed(operation.kind, kind, operands)
        values = MAKERS[operation.kind](*(np.asarray(operand.load()) for operand in operands))
    except UnsupportedError:
        return None
    except (ValueError, IndexError, TypeError, ArithmeticError) as error:
        raise PackageError(
            f"a {operation.kind} of constants makes no sense: {error}", AGAIN
        ) from error
    if -1 not in kind.shape and values.shape != kind.shape:
        raise PackageError(
            f"a {operation.kind} of constants gives {values.shape}, declared {kind.shape}",
            AGAIN,
        )
    values = values.astype(dtype_named(kind.dtype), copy=False)
    origin = max(operands, key=lambda operand: operand.type.elements)
    return remade(origin, operation.kind, values)


def remade(origin: Constant, form: str, values: Array) -> Constant:
    """`values`, made from `origin` by `form`, under its name; its stored bytes are `origin`'s."""
    return Constant(
        TensorType(origin.type.name, values.dtype.name, values.shape),
        lambda: values,
        form,
        {"data": origin},
    )


def decompressed(operation: str, kind: ArrayType, operands: Sequence[Constant]) -> Constant | None:
    """A dense constant, under the name of what is stored of it; None for what MIL cannot say."""
    form, parameters = COMPRESSED[operation]
    parts = dict(zip(parameters, operands, strict=True))
    output = TensorType(operands[0].type.name, kind.dtype, kind.shape)
    if operands[1].type.dtype != kind.dtype:
        return None
    for added in ("offset", "bias"):
        if added in parts and not np.any(np.asarray(parts[added].load())):
            del parts[added]
    return Constant(output, constexpr.loader(form, parts, output, output), form, parts)


def foldable(operands: Iterable[object]) -> bool:
    """Whether there are operands, and all are constants."""
    listed = list(operands)
    return bool(listed) and all(isinstance(operand, Constant) for operand in listed)
