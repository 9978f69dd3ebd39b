"""A model as data, in the vocabulary of MIL, Core ML's intermediate language.

Readers make these values, everything else takes them: the ONNX writer, the cost table, the
inspector, the diff. Nothing here knows protobuf or a framework. A constant is read when it is
asked for: a program with a gigabyte of weights costs a few kilobytes until then.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from export.mil import allowed_shapes
from export.mil.description import ModelDescription
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError, UnsupportedError

Shape = allowed_shapes.Shape
Value = NDArray[Any] | str | tuple[str, ...]

# How a program is computed off a device: without rounding, or each result as it is declared
Precision = Literal["float32", "declared"]

# In ONNX, behind the name of an output that is called like an input, and of a state afterwards.
RETURNED, KEPT = "/returned", "/kept"

# Bits an element takes in a file, by MIL's name of its type. A bool takes a byte.
BITS = {
    "bool": 8, "float16": 16, "float32": 32, "float64": 64, "bfloat16": 16,
    "float8e4m3fn": 8, "float8e5m2": 8,
    "int4": 4, "int8": 8, "int16": 16, "int32": 32, "int64": 64,
    "uint1": 1, "uint2": 2, "uint3": 3, "uint4": 4, "uint6": 6,
    "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64,
}  # fmt: skip


def is_fixed(shape: Shape) -> bool:
    """Whether every size is known before the model runs."""
    return min(shape, default=0) >= 0


@dataclass(frozen=True)
class TensorType:
    """A named value: `dtype` as MIL says it ("float16", "int4", "string", or "dictionary")."""

    name: str
    dtype: str
    shape: Shape

    @property
    def elements(self) -> int:
        """How many numbers it holds, where every size is fixed."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Constant:
    """A value that is known before the program runs: stored, or made from stored ones."""

    type: TensorType
    read: Callable[[], Value]  # the dense value; maps the file, or decompresses, at each call
    form: str = "const"  # or the operation it is decompressed by, "constexpr_..."
    operands: Mapping[str, "Constant"] = field(default_factory=dict)  # of a constexpr
    location: tuple[str, int] | None = None  # file and offset; functions may share them
    nesting: int = 0  # decompressions between this and what is stored

    def load(self) -> Value:
        """The dense value. Raises `PackageError` for what is damaged."""
        hint = "the package is damaged: make it again"
        with decoding(repr(self.type.name), hint, PackageError), np.errstate(all="ignore"):
            return self.read()

    def stored(self) -> Iterator["Constant"]:
        """What this is made from in the package: itself, or the leaves of its operands."""
        if self.form == "const":
            yield self
        for operand in self.operands.values():
            yield from operand.stored()

    @property
    def size_bytes(self) -> int:
        """Bytes in the package, all operands included."""
        return sum(
            -(-leaf.type.elements * BITS.get(leaf.type.dtype, 0) // 8) for leaf in self.stored()
        )


Argument = str | Constant  # the name of a value, or a value written in place


@dataclass(frozen=True)
class Block:
    """Operations inside of one that says whether they run, or how often (`cond`, `while_loop`).

    They also take values from around them.
    """

    inputs: tuple[TensorType, ...]
    ops: tuple["Op", ...]
    outputs: tuple[str, ...]

    def values(self) -> Iterator[TensorType]:
        """All that is computed here, inputs first."""
        yield from self.inputs
        for op in self.ops:
            yield from op.values()


@dataclass(frozen=True)
class Op:
    """One operation. Its inputs are lists because some take many values (`concat`)."""

    type: str
    name: str
    inputs: Mapping[str, tuple[Argument, ...]]
    outputs: tuple[TensorType, ...]
    blocks: tuple[Block, ...] = ()

    def arguments(self) -> Iterator[Argument]:
        """All that it and its blocks are given, also what is computed in these."""
        for arguments in self.inputs.values():
            yield from arguments
        for block in self.blocks:
            for op in block.ops:
                yield from op.arguments()
            yield from block.outputs

    def within(self) -> Iterator["Op"]:
        """Itself, and all operations in its blocks."""
        yield self
        for block in self.blocks:
            for op in block.ops:
                yield from op.within()

    def values(self) -> Iterator[TensorType]:
        """Its outputs, and all that is computed in its blocks."""
        yield from self.outputs
        for block in self.blocks:
            yield from block.values()


@dataclass(frozen=True)
class Function:
    """Operations in the order they run; constants are not among them."""

    name: str
    description: ModelDescription
    inputs: tuple[TensorType, ...]
    ops: tuple[Op, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Constant]
    opset: str = ""  # "CoreML6", ...
    remake: Callable[[ModelDescription], "Function"] | None = None
    """Of a flexible function without types of its own: the same with other sizes of inputs."""
    states: tuple[TensorType, ...] = ()  # kept from one run to the next
    numbers: Mapping[str, int] = field(default_factory=dict)
    """Of values that Core AI's own graph has as well: what it counts them by."""

    def constant(self, name: str) -> Value | None:
        """The dense value called `name`; None when it is computed at run time."""
        constant = self.constants.get(name)
        return None if constant is None else constant.load()

    def known(self, argument: Argument) -> Constant | None:
        """The constant that `argument` is or names; None when it is computed at run time."""
        return argument if isinstance(argument, Constant) else self.constants.get(argument)

    def argument(self, op: Op, name: str) -> Constant | None:
        """The constant given to `op` as `name`; None when it is absent or computed."""
        arguments = op.inputs.get(name, ())
        return self.known(arguments[0]) if len(arguments) == 1 else None

    def array(self, op: Op, name: str) -> NDArray[Any] | None:
        """The dense array given to `op` as `name`, such as the `weight` of a `conv`."""
        constant = self.argument(op, name)
        value = None if constant is None else constant.load()
        return value if isinstance(value, np.ndarray) else None

    def types(self) -> dict[str, TensorType]:
        """Types of all values that a run begins with or computes; not of those within blocks."""
        computed = (output for op in self.ops for output in op.outputs)
        return {value.name: value for value in (*self.inputs, *self.states, *computed)}

    def all_types(self) -> dict[str, TensorType]:
        """The same with those inside of blocks."""
        entering = (*self.inputs, *self.states)
        return {value.name: value for value in Block(entering, self.ops, ()).values()}

    def all_ops(self) -> Iterator[Op]:
        """The operations with those inside of blocks."""
        for op in self.ops:
            yield from op.within()


@dataclass(frozen=True)
class Program:
    """A model: one function, or several that share their weights."""

    kind: Literal["mlprogram", "neuralnetwork", "coreai"]
    specification_version: int
    functions: Mapping[str, Function]
    default: str  # name of the function that runs unless another is asked for
    short_description: str = ""
    author: str = ""
    license: str = ""
    version: str = ""

    def function(self, name: str | None = None) -> Function:
        """The function called `name`, or the default one; `UnsupportedError` without such."""
        chosen = self.default if name is None else name
        if chosen not in self.functions:
            raise UnsupportedError(
                f"the model has no function {chosen!r}", f"it has {', '.join(self.functions)}"
            )
        return self.functions[chosen]

    @property
    def is_flexible(self) -> bool:
        """Whether an input of a function may have several sizes."""
        return any(function.description.is_flexible for function in self.functions.values())

    def programs(self) -> "Iterator[Program]":
        """Itself, as a pipeline has those within it."""
        yield self

    @property
    def description(self) -> ModelDescription:
        """Inputs, outputs and labels of the default function."""
        return self.function().description
