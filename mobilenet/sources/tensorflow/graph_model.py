"""TensorFlow.js graph models: a GraphDef as JSON, its constants in shards beside it.

tfjs-converter/python/tensorflowjs/converters/tf_saved_model_conversion_v2.py writes the messages
as protobuf's JSON does: whole numbers as texts, bytes in base64, types by name.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from mobilenet.common.decoding import MAX_JSON_BYTES, decode_json, decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.sources.stored import MAX_NAME
from mobilenet.sources.tensorflow.operations import (
    TfGraph,
    TfOperation,
    checked,
    operand,
)
from mobilenet.sources.tensorflow.tensor_values import TYPES
from mobilenet.sources.tfjs_shards import ShardGroup, constants

FORMAT = "graph-model"


class JsonNode(msgspec.Struct):
    """A layer; an attribute is one field of an `AttrValue`."""

    name: str
    op: str
    input: list[str] = []
    attr: dict[str, dict[str, Any]] = {}


class JsonGraph(msgspec.Struct):
    """A `GraphDef`."""

    node: list[JsonNode]


class JsonTensor(msgspec.Struct):
    """What a signature says of an output."""

    name: str


class JsonSignature(msgspec.Struct):
    """What goes in, which the graph knows, and what comes out."""

    outputs: dict[str, JsonTensor] = {}


class JsonMetadata(msgspec.Struct):
    """Where early versions kept the signature."""

    signature: JsonSignature | None = None


class GraphModel(msgspec.Struct, rename="camel"):
    """A `model.json`."""

    model_topology: JsonGraph
    weights_manifest: list[ShardGroup]
    format: str = FORMAT
    signature: JsonSignature | None = None
    user_defined_metadata: JsonMetadata | None = None


def read_graph_model(path: Path) -> TfGraph:
    """The graph in a `model.json`, with the shards beside it. Raises `CheckpointError`."""
    if (size := path.stat().st_size) > MAX_JSON_BYTES:
        raise CheckpointError(f"{path.name} has {size:,} bytes", "is it a network?")
    model = decode_json(path.read_bytes(), GraphModel, path.name, "is it a graph model?")
    if model.format != FORMAT:
        raise CheckpointError(
            f"{path.name} is a {one_line(model.format, 40)}, not a {FORMAT}", "give another file"
        )
    operations = checked(_operation(node, path.name) for node in model.model_topology.node)
    metadata = model.user_defined_metadata or JsonMetadata()
    signature = model.signature or metadata.signature or JsonSignature()
    outputs = tuple(operand(output.name) for output in signature.outputs.values())
    held = constants(model.weights_manifest, path.parent)
    return TfGraph("TensorFlow.js graph model", operations, outputs, held)


def _operation(node: JsonNode, name: str) -> TfOperation:
    inputs = tuple(operand(read) for read in node.input if not read.startswith("^"))
    with decoding(f"layer {one_line(node.name, MAX_NAME)} of {name}"):
        attributes = {key: _value(stored) for key, stored in node.attr.items()}
    return TfOperation(node.name, node.op, inputs, attributes)


def _value(attribute: Mapping[str, Any]) -> Any:
    """An attribute as plain data. Raises `ValueError`, or what its decoder raises."""
    ((kind, stored),) = attribute.items()
    if kind == "list":
        return tuple(_DECODERS[of](item) for of, items in stored.items() for item in items)
    return _DECODERS[kind](stored)


def _shape(shape: Mapping[str, Any]) -> tuple[int, ...] | None:
    if shape.get("unknownRank"):
        return None
    return tuple(int(side.get("size", 0)) for side in shape.get("dim", ()))


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "s": partial(b64decode, validate=True), "i": int, "f": float, "b": bool,
    "type": TYPES.__getitem__, "shape": _shape, "tensor": str,  # its numbers are in the shards
}  # fmt: skip
