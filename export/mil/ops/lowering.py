"""An operation while it is lowered to ONNX. Loads no onnx: the graph is handed in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from export.mil.ops.call import Call
from export.mil.program import Argument, Block, TensorType

MAX_ORIGIN = 60  # characters of an operation's name in that of a node which tells more

Subgraph = Any  # an onnx.GraphProto
Attribute = int | float | str | Sequence[int] | Subgraph

# ONNX's type of a value by MIL's: `TensorProto.DataType` in onnx.proto. Half precision is
# computed in float32, since the CPU has no half precision convolutions; what is lost by storing
# halves is lost by the graph, which rounds where it is asked to.
ONNX_TYPES: dict[str, int] = {
    "float16": 1, "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6,
    "int64": 7, "bool": 9, "uint32": 12,
}  # fmt: skip

NUMPY_TYPES: dict[int, type[np.generic]] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64,
    9: np.bool_, 12: np.uint32,
}  # fmt: skip
FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max  # a slice without bounds in ONNX
MAX_ELEMENTS = 1 << 27  # of a value whose size only the run tells: half a gigabyte


class Graph(Protocol):
    """What lowerings write into: see `export.mil.onnx_graph`."""

    def value(self, argument: Argument) -> str:
        """Name in the graph of a value of MIL."""
        ...

    def type(self, argument: Argument) -> TensorType:
        """MIL's type of an argument."""
        ...

    def bind(self, value: TensorType, name: str) -> None:
        """Let `name` in the graph stand for a value of MIL from now on."""
        ...

    def constant(self, value: NDArray[Any]) -> str:
        """Name of an initializer with this value."""
        ...

    def add(
        self,
        kind: str,
        origin: str,
        inputs: Sequence[str | None],
        outputs: int,
        attributes: Mapping[str, Attribute],
    ) -> tuple[str, ...]:
        """Add a node made for the MIL operation `origin`; returns the names of its outputs."""
        ...

    def subgraph(
        self, origin: str, inputs: Sequence[str], build: Callable[[list[str]], Sequence[str]]
    ) -> Subgraph:
        """What `build` adds, as a graph that a node holds.

        `inputs` are ONNX's types of its inputs, as of one number; "" where it infers them.
        `build` is given their names, and returns those of the outputs.
        """
        ...

    def block(self, block: Block, inputs: Sequence[str]) -> list[str]:
        """Add the operations of a block, whose inputs are these; returns what it gives."""
        ...


@dataclass(frozen=True)
class Lowering(Call):
    """A call, and the nodes that are made for it."""

    graph: Graph

    def __getitem__(self, parameter: str) -> str:
        """Name in the graph of the one value given as `parameter`."""
        return self.graph.value(self.argument(parameter))

    def get(self, parameter: str) -> str | None:
        """The same; None when nothing was given."""
        return self[parameter] if self.has(parameter) else None

    def many(self, parameter: str) -> list[str]:
        """Names of all values given as `parameter`."""
        return [self.graph.value(argument) for argument in self.op.inputs.get(parameter, ())]

    def tensor_type(self, parameter: str = "x") -> TensorType:
        """MIL's type of the value given as `parameter`; its sizes may be open."""
        return self.graph.type(self.argument(parameter))

    def constant(self, value: ArrayLike, dtype: type[np.generic] = np.float32) -> str:
        """A value of the lowering's own."""
        return self.graph.constant(np.asarray(value, dtype))

    def int64(self, value: ArrayLike) -> str:
        """The same as int64: sizes, axes and bounds are, in ONNX."""
        return self.constant(value, np.int64)

    def constant_like(self, value: ArrayLike, parameter: str = "x") -> str:
        """A value of the lowering's own, of the type in which `parameter` is computed."""
        dtype = NUMPY_TYPES[ONNX_TYPES[self.tensor_type(parameter).dtype]]
        return self.graph.constant(np.asarray(value).astype(dtype))

    def emit(self, kind: str, *inputs: str | None, **attributes: Attribute) -> str:
        """Add a node of one output, and return its name. An input of None is left out."""
        return self.emit_many(kind, 1, *inputs, **attributes)[0]

    def emit_many(
        self, kind: str, outputs: int, *inputs: str | None, **attributes: Attribute
    ) -> tuple[str, ...]:
        """Add a node, and return the names of its outputs."""
        return self.graph.add(kind, self.op.name, inputs, outputs, attributes)

    def cast(self, value: str, dtype: str) -> str:
        """Add a cast to MIL's type `dtype`, and return the name of what it gives."""
        return self.emit("Cast", value, to=ONNX_TYPES[dtype])

    def integers(self, parameter: str) -> str:
        """Name of the value given as `parameter`, as int64."""
        if self.is_constant(parameter):
            return self.int64(self.array(parameter))
        return self.cast(self[parameter], "int64")

    def bounded(self, sizes: str) -> str:
        """`sizes`, int64, of a value that is to be made; the run ends here if it is too large."""
        elements = self.emit("ReduceProd", self.cast(sizes, "float32"), keepdims=0)
        beyond = self.emit("Greater", elements, self.constant(MAX_ELEMENTS))
        zero = self.zero_unless(beyond, f"of more than {MAX_ELEMENTS:,} elements")
        return self.emit("Add", sizes, zero)

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """Add a reshape, and return the name of what it gives."""
        return self.emit("Reshape", value, self.int64(shape))

    def zero_unless(self, fails: str, reason: str) -> str:
        """Zeros, int64, of the shape of `fails`; where that is true, the run ends in an error.

        There is no second element: ONNX Runtime refuses to take it, and names the node, which
        tells the operation and `reason`.
        """
        index = self.cast(fails, "int64")
        origin = f"{self.op.name[:MAX_ORIGIN]} {reason}"
        zeros = [self.int64([0]), index]
        return self.graph.add("Gather", origin, zeros, 1, {"axis": 0})[0]
