"""Layer by layer, what was read of a weight file, and what the file calls it."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mobilenet.checkpoint import Checkpoint
from mobilenet.graph import Node
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.rows import Pads
from mobilenet.reading import Reading

WEIGHTED = ("Conv", "MatMul", "Gemm")
NO_PADS: Pads = (0, 0, 0, 0)


class ReadLayer(NamedTuple):
    """A convolution or a matrix, and its value for one picture."""

    name: str
    file_name: str  # of the same in the file's graph; "" without one
    kernel: tuple[int, ...]  # (out, in / groups, height, width), or (out, in)
    stride: int
    pads: Pads  # top, bottom, left, right
    dilation: int
    activation: str
    value: tuple[int, ...]  # (channels, height, width), or (units,)


def read_layers(checkpoint: Checkpoint) -> tuple[ReadLayer, ...]:
    """The rows of the network, then the matrices of its head."""
    rows, readout = checkpoint.config.rows(), checkpoint.config.readout
    names = _file_names(checkpoint.reading, list(checkpoint.layers))
    convolutions = [
        ReadLayer(
            row.name, names.get(row.name, ""), row.kernel_shape, row.stride, row.pads,
            row.dilation, row.activation or "linear", (row.out_channels, *row.out_size),
        )
        for row in rows
    ]  # fmt: skip
    matrices = [
        ReadLayer(
            layer.name, names.get(layer.name, ""), layer.kernel_shape, 1, NO_PADS, 1,
            readout.scores if layer.name == LOGITS else layer.activation or "linear",
            (layer.outputs,),
        )
        for layer in readout.dense
    ]  # fmt: skip
    return (*convolutions, *matrices)


def _file_names(reading: Reading | None, layers: list[str]) -> dict[str, str]:
    """The file's names of the operations that layers are, each the nearest before their value."""
    if reading is None or reading.graph is None:
        return {}
    makers = {node.output: node for node in reading.graph.nodes}
    names: dict[str, str] = {}
    for layer in layers:
        for node in _before(reading.values.get(layer, ""), makers):
            if node.op in WEIGHTED and node.name not in names.values():
                names[layer] = node.name
                break
    return names


def _before(value: str, makers: Mapping[str, Node]) -> Iterator[Node]:
    """What leads to a value, the nearest first."""
    names = [value]
    for name in names:
        if node := makers.get(name):
            yield node
            names += [each for each in node.inputs if each not in names]
