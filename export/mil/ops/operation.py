"""The table of MIL's operations: shape, cost and lowering of each stand together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.program import Shape

ShapeRule = Callable[[Call], list[Shape]]  # of each output
MacCount = Callable[[Call], int]
Lower = Callable[[Lowering], "str | tuple[str, ...]"]  # names of the outputs in the graph


@dataclass(frozen=True)
class Operation:
    """What is known of one of MIL's operations. None is unknown: never guessed, never 0."""

    doc: str  # begins with the types of inputs and outputs, as coremltools' own does
    shape: ShapeRule | None = None
    macs: MacCount | None = None  # multiply-accumulates of one run
    lower: Lower | None = None
    refusal: str = ""  # why it is never run here, where that is known


OPERATIONS: dict[str, Operation] = {}  # by MIL's name

L = TypeVar("L", bound=Lower)


def is_lowered(kind: str) -> bool:
    """Whether the operation called so is known how to be said in ONNX."""
    return kind in OPERATIONS and OPERATIONS[kind].lower is not None


def enter(name: str, operation: Operation) -> None:
    """Add to the table. Raises `ValueError` for a name that stands there."""
    if name in OPERATIONS:
        raise ValueError(f"{name} is entered twice")
    OPERATIONS[name] = operation


def no_macs(_: Call) -> int:
    """For arithmetic on elements, comparisons, and moving data."""
    return 0


def lowers(*names: str, shape: ShapeRule, macs: MacCount = no_macs) -> Callable[[L], L]:
    """Enter a lowering, documented by its docstring, for the operations called `names`."""

    def decorate(lower: L) -> L:
        for name in names:
            enter(name, Operation(lower.__doc__ or "", shape, macs, lower))
        return lower

    return decorate


def same_shape(call: Call) -> list[Shape]:
    """That of `x`."""
    return [call.shape("x")]
