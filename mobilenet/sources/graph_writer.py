"""Where a translator writes: nodes and constants, under names that occur once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.graph import Attribute, FileConstant, Node
from mobilenet.sources.stored import MAX_NAME

MAX_NODES = 20_000  # of a graph; DeepLab has 200
AS_THEY_ARE = '{"mean": [0, 0, 0], "std": [1, 1, 1]}'  # "normalization" of an input of pixels
NOT_READ = "export the network from Python: export(model, ...)"


def plain(array: NDArray[Any]) -> FileConstant:
    """A small array that a translator made, or read to decide by."""
    if array.dtype.kind == "f":
        floats = array.astype(np.float32)
        return FileConstant(array.shape, lambda: floats)
    integers = array.astype(np.int64)
    return FileConstant(array.shape, lambda: integers)


def transposed(constant: FileConstant, axes: Sequence[int]) -> FileConstant:
    """A constant with its axes in another order."""
    shape = tuple(constant.shape[axis] for axis in axes)
    return FileConstant(shape, lambda: constant.load().transpose(axes).copy())


def with_axes(constant: FileConstant, rank: int) -> FileConstant:
    """A constant with axes of 1 in front, as broadcasting has them."""
    shape = (1,) * (rank - len(constant.shape)) + tuple(constant.shape)
    return FileConstant(shape, lambda: constant.load().reshape(shape))


class GraphWriter:
    """The graph so far."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, FileConstant] = {}
        self._names: dict[str, int] = {}

    def name(self, wish: str) -> str:
        """`wish`, made harmless to print and numbered if it is taken."""
        line = one_line(wish, MAX_NAME) or "unnamed"
        name = line
        while name in self._names:
            self._names[line] += 1
            name = f"{line}:{self._names[line]}"
        self._names[name] = 0
        return name

    def constant(self, wish: str, constant: FileConstant) -> str:
        """Keep a constant; its name."""
        name = self.name(wish)
        self.constants[name] = constant
        return name

    def layer(self, name: str, kind: str) -> "LayerWriter":
        """Where the nodes of a layer of the file are written."""
        return LayerWriter(self, one_line(name, MAX_NAME), one_line(kind, MAX_NAME))


class LayerWriter(NamedTuple):
    """One layer of the file, which may take several nodes."""

    graph: GraphWriter
    name: str
    kind: str

    @property
    def title(self) -> str:
        """For messages: "layer conv1 (Conv2D)"."""
        return f"layer {self.name} ({self.kind})"

    def node(self, op: str, *inputs: str, **attributes: Attribute) -> str:
        """Write a node; the name of its value. Raises `CheckpointError` beyond `MAX_NODES`."""
        if len(self.graph.nodes) >= MAX_NODES:
            raise CheckpointError(f"the graph has over {MAX_NODES:,} nodes", NOT_READ)
        output = self.graph.name(self.name)
        self.graph.nodes.append(Node(op, inputs, output, attributes, self.name, self.kind))
        return output

    def constant(self, constant: FileConstant, part: str) -> str:
        """Keep a constant of the layer; its name."""
        return self.graph.constant(f"{self.name}/{part}", constant)

    def number(self, value: float) -> str:
        """Keep a float; its name."""
        return self.constant(plain(np.array(value, np.float32)), "number")

    def integers(self, values: Sequence[int]) -> str:
        """Keep a list of integers; its name."""
        return self.constant(plain(np.array(values, np.int64)), "integers")

    def clipped(self, value: str, low: float, high: float) -> str:
        """`value` between two bounds."""
        return self.node("Clip", value, self.number(low), self.number(high))

    def refused(self, problem: str, hint: str = NOT_READ) -> CheckpointError:
        """An error about the layer, to be raised."""
        return CheckpointError(f"{self.title} {problem}", hint)
