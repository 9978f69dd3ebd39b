"""Graphs of weight files, made by hand from a checkpoint: the network as a file may hold it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.graph import Attribute, FileConstant, FileGraph, GraphInput, Node
from mobilenet.networks.rows import IMAGE, Row

PICTURE = "picture"


@dataclass
class GraphMaker:
    """Appends nodes; every method returns the name of the value that it makes."""

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, FileConstant] = field(default_factory=dict)
    last: str = PICTURE

    def constant(self, array: object) -> str:
        values = np.asarray(array)
        values = values.astype(np.int64 if values.dtype.kind == "i" else np.float32)
        name = f"constant{len(self.constants)}"
        self.constants[name] = FileConstant(values.shape, lambda: values)
        return name

    def add(
        self, op: str, *operands: object, name: str = "", of: str | None = None,
        **attributes: Attribute,
    ) -> str:  # fmt: skip
        """A node on the last value (or `of`); arrays become constants, strings are values."""
        names = [each if isinstance(each, str) else self.constant(each) for each in operands]
        first = self.last if of is None else of
        name = name or f"node{len(self.nodes)}"
        inputs = (first, *names) if first else tuple(names)
        self.last = f"{name}_value"
        self.nodes.append(Node(op, inputs, self.last, attributes, name, f"File{op}"))
        return self.last

    def computed(self, op: str, *operands: object) -> str:
        """A node on constants alone; the last value stays."""
        last = self.last
        self.add(op, *operands, of="")
        made, self.last = self.last, last
        return made

    def row(self, row: Row, layer: Layer, source: str, *, plain_norm: bool = False) -> str:
        """A row as most files hold it: Conv, BatchNormalization, activation, addition."""
        pads: dict[str, Attribute] = {"auto_pad": "SAME_UPPER"}
        if row.padding != "same" or row.kernel == 1 or row.dilation > 1:
            top, bottom, left, right = row.pads
            pads = {"pads": (top, left, bottom, right)}
        bias = () if layer.bias is None else (layer.bias,)
        self.add(
            "Conv", layer.kernel, *bias, of=source, name=row.name, group=row.groups,
            strides=(row.stride,) * 2, dilations=(row.dilation,) * 2, **pads,
        )  # fmt: skip
        if layer.norm is not None:
            self.norm(layer, row.epsilon, plain=plain_norm)
        if row.activation is not None:
            self.add(*(("Relu",) if row.activation == "relu" else ("Clip", 0.0, 6.0)))
        return self.last

    def norm(self, layer: Layer, epsilon: float, *, plain: bool = False) -> str:
        """Batch norm as one node, or as TensorFlow writes it in plain operators."""
        assert layer.norm is not None
        gamma, beta, mean, variance = vars(layer.norm).values()
        if not plain:
            return self.add("BatchNormalization", gamma, beta, mean, variance, epsilon=epsilon)
        per_channel = [self.constant(v) for v in (gamma, beta, mean, variance)]
        root = self.computed("Sqrt", self.computed("Add", per_channel[3], np.float32(epsilon)))
        scale = self.computed("Mul", self.computed("Reciprocal", root), per_channel[0])
        shift = self.computed("Sub", per_channel[1], self.computed("Mul", per_channel[2], scale))
        self.add("Mul", self.computed("Reshape", scale, np.array([1, -1, 1, 1])))
        return self.add("Add", self.computed("Reshape", shift, np.array([1, -1, 1, 1])))

    def rows(self, checkpoint: Checkpoint, *, plain_norm: bool = False) -> str:
        """All rows of a network, on the last value."""
        values = {IMAGE: self.last}
        for row in checkpoint.config.rows():
            values[row.name] = self.row(
                row, checkpoint.layers[row.name], values[row.reads], plain_norm=plain_norm
            )
            if row.adds is not None:
                values[row.name] = self.add("Add", values[row.adds])
        return self.last

    def dense(self, layer: Layer, name: str) -> str:
        """MatMul and Add."""
        self.add("MatMul", layer.kernel.T, name=name)
        return self.add("Add", layer.bias)

    def graph(self, size: tuple[int | None, int | None], *outputs: str, **said: str) -> FileGraph:
        """Whole: the last value is the result, unless others are named."""
        return FileGraph(
            "made file", GraphInput(PICTURE, *size), tuple(self.nodes), self.constants,
            outputs or (self.last,), said,
        )  # fmt: skip


def graph_of(
    checkpoint: Checkpoint,
    before: Callable[[GraphMaker], object] = lambda maker: None,
    head: Callable[[GraphMaker], object] | None = None,
    *,
    plain_norm: bool = False,
    **said: str,
) -> FileGraph:
    """A network's graph; `before` makes the preprocessing, `head` what stands on the map."""
    maker = GraphMaker()
    before(maker)
    maker.rows(checkpoint, plain_norm=plain_norm)
    if head is None:
        plain_head(checkpoint)(maker)
    else:
        head(maker)
    return maker.graph(tuple(checkpoint.config.size), **said)


def plain_head(checkpoint: Checkpoint) -> Callable[[GraphMaker], object]:
    """The mean, all matrices of the head, and softmax."""

    def head(maker: GraphMaker) -> None:
        maker.add("GlobalAveragePool")
        maker.add("Flatten")
        for dense in checkpoint.config.readout.dense:
            maker.dense(checkpoint.layers[dense.name], dense.name)
            if dense.activation is not None:
                maker.add({"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}[dense.activation])
        maker.add("Softmax", axis=-1)

    return head


def changed(graph: FileGraph, name: str, **attributes: Attribute) -> FileGraph:
    """With other attributes of one node: a file that holds another network."""
    return replace(
        graph,
        nodes=tuple(
            node._replace(attributes={**node.attributes, **attributes})
            if node.name == name
            else node
            for node in graph.nodes
        ),
    )
