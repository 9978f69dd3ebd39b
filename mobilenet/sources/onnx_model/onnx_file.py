"""The graph in an ONNX model, node by node: torch.onnx, tf2onnx and Keras' exporter write them."""

from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant, FileGraph, GraphInput
from mobilenet.sources.graph_writer import AS_THEY_ARE, NOT_READ, GraphWriter, plain
from mobilenet.sources.layer_options import LayerOptions
from mobilenet.sources.onnx_model import onnx_messages
from mobilenet.sources.onnx_model.computed_integers import INTEGERS_OF
from mobilenet.sources.onnx_model.known_shapes import KnownShapes
from mobilenet.sources.onnx_model.onnx_layer import OnnxKnown, OnnxLayer
from mobilenet.sources.onnx_model.onnx_messages import FLOATS, UINT8
from mobilenet.sources.onnx_model.onnx_nodes import NEUTRAL, NODES, WITHOUT_EFFECT
from mobilenet.sources.protobuf import exact, text
from mobilenet.sources.stored import OTHER_NETWORK, Allowance

OPSETS = range(9, 22)
_COPIES = ("Identity", "Cast", "Dropout")  # of a constant: the constant itself


def graph_of(path: Path) -> FileGraph:
    """The graph in an ONNX model. Raises `CheckpointError` naming the node or tensor.

    Channels may be first or last in its input; the graph's own are first.
    """
    data = path.read_bytes()
    model = onnx_messages.parse(data, path.name)
    opset, writer = _opset(model, path.name), GraphWriter()
    tensors = {exact(tensor.name): tensor for tensor in model.graph.initializer}
    source = _source(model, tensors, path.name)
    read = partial(onnx_messages.constant_of, folder=path.parent, allowance=Allowance())

    @cache
    def initialiser(name: str) -> FileConstant | None:
        return read(tensors[name], name) if name in tensors else None

    known = OnnxKnown(
        opset,
        KnownShapes(data, path.name, exact(source.name)),
        initialiser,
        read,
        {tensor: tensors[tensor].data_type for tensor in tensors},
    )
    picture = _picture(source, known, writer)
    for node in _needed(model.graph):
        _translate(node, known, writer)
    outputs = [exact(output.name) for output in model.graph.output]
    for output in outputs:
        if output not in known.values:
            raise CheckpointError(f"output {output} is computed by no node", OTHER_NETWORK)
    return FileGraph(
        "ONNX model",
        picture,
        tuple(writer.nodes),
        writer.constants,
        tuple(known.values[output] for output in outputs),
        {"normalization": AS_THEY_ARE} if source.type.tensor_type.elem_type == UINT8 else {},
    )


def _opset(model: Any, name: str) -> int:
    versions = [entry.version for entry in model.opset_import if _is_plain(entry.domain)]
    if len(versions) != 1 or versions[0] not in OPSETS:
        raise CheckpointError(
            f"{name} is of opset {', '.join(map(str, versions)) or 'none'}",
            f"opsets {OPSETS[0]} to {OPSETS[-1]} are read: export it again",
        )
    return int(versions[0])


def _is_plain(domain: bytes) -> bool:
    return domain in (b"", b"ai.onnx")


def _source(model: Any, tensors: dict[str, Any], name: str) -> Any:
    sources = [source for source in model.graph.input if exact(source.name) not in tensors]
    if len(sources) != 1:
        raise CheckpointError(f"{name} has {len(sources)} inputs, not 1", OTHER_NETWORK)
    return sources[0]


def _picture(source: Any, known: OnnxKnown, writer: GraphWriter) -> GraphInput:
    """The input; behind one with its channels last, a Transpose makes them so."""
    kind, name = source.type.tensor_type, exact(source.name)
    sides = [dim.dim_value if dim.dim_value > 0 else None for dim in kind.shape.dim]
    if kind.elem_type not in (*FLOATS, UINT8):
        raise CheckpointError(f"input {name} is of type {kind.elem_type}", NOT_READ)
    if len(sides) != 4 or sides[0] not in (1, None) or 3 not in (sides[1], sides[3]):
        shown = ", ".join("?" if side is None else str(side) for side in sides[:5])
        raise CheckpointError(
            f"input {name} has shape ({shown}), not (1, 3, height, width)", OTHER_NETWORK
        )
    is_first = sides[1] == 3
    height, width = sides[2:4] if is_first else sides[1:3]
    picture = GraphInput(writer.name(name), height, width)
    known.values[name] = picture.name
    if not is_first:
        layer = writer.layer(name, "channels last")
        known.values[name] = layer.node("Transpose", picture.name, perm=(0, 2, 3, 1))
    return picture


def _needed(graph: Any) -> list[Any]:
    """The nodes that lead to the outputs, in the file's order."""
    wanted, needed = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            needed.append(node)
            wanted |= set(node.input)
    used = wanted | {output.name for output in graph.output}
    for node in needed:
        if any(output and output in used for output in node.output[1:]):
            raise CheckpointError(
                f"layer {text(node.name)} ({text(node.op_type)}) has a second result that is used",
                NOT_READ,
            )
    return needed[::-1]


def _translate(node: Any, known: OnnxKnown, writer: GraphWriter) -> None:
    output, op = exact(node.output[0]), text(node.op_type)
    target = writer.layer(text(node.name) or output, op)
    if not _is_plain(node.domain):
        raise target.refused(f"is of the domain {text(node.domain)}, which is not read here")
    if output in known.values or output in known.constants or output in known.integers:
        raise target.refused("computes what is already there", "is the file complete?")
    options = LayerOptions(target.title, onnx_messages.attributes(node, target.title))
    layer = OnnxLayer(known, tuple(map(exact, node.input)), target, options)
    if op == "Constant":
        known.constants[output] = _constant(layer, output)
    elif op in INTEGERS_OF and _is_known(layer, op):
        known.integers[output] = INTEGERS_OF[op](layer)
    elif op in _COPIES and layer.if_constant(0) is not None:
        known.constants[output] = layer.constant(0)
        layer.options.take("to", 0)
    elif op in NODES:
        known.values[output] = NODES[op](layer)
    else:
        raise target.refused("is not read here")
    for name, neutral in NEUTRAL.items():
        options.require(name, neutral[0], *neutral)
    options.refuse_rest(WITHOUT_EFFECT)


def _is_known(layer: OnnxLayer, op: str) -> bool:
    """Whether the node computes from nothing but integers that are known."""
    if op == "Shape":
        return True
    return all(
        layer.if_integers(place) is not None
        for place in range(len(layer.inputs))
        if layer.has(place)
    )


def _constant(layer: OnnxLayer, name: str) -> FileConstant:
    for field, dtype in (
        ("value_float", np.float32), ("value_floats", np.float32),
        ("value_int", np.int64), ("value_ints", np.int64),
    ):  # fmt: skip
        if (value := layer.options.take(field, None)) is not None:
            return plain(np.array(value, dtype))
    if (tensor := layer.options.take("value", None)) is None:
        raise layer.writer.refused("holds no numbers")
    return layer.known.read(tensor, name)
