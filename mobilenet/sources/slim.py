"""TF-Slim frozen graphs: the paper's authors' own releases.

tensorflow/models, research/slim/nets/mobilenet_v1.py. Weights are Const nodes under
`MobilenetV1/`; epsilon, activation, padding and size are read from the nodes that use them.
Whatever else is in the graph, a foreign head for instance, is ignored.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import labels_for
from mobilenet.networks.rows import Activation, Padding
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.sources import protobuf
from mobilenet.sources.assemble import assemble, licence_of
from mobilenet.sources.stored import HWC1, HWIO, TENSORFLOW_NORM, Stored, Tensors, shaped

# tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto
_MESSAGES: dict[str, protobuf.Fields] = {
    "GraphDef": {"node": (1, "*NodeDef")},
    "NodeDef": {"name": (1, "bytes"), "op": (2, "bytes"), "attr": (5, "*Attr")},
    "Attr": {"key": (1, "bytes"), "value": (2, "AttrValue")},
    "AttrValue": {
        "s": (2, "bytes"), "f": (4, "float"), "shape": (7, "Shape"), "tensor": (8, "Tensor"),
        "list": (1, "ListValue"),
    },
    "ListValue": {"i": (3, "*int64")},
    "Tensor": {
        "dtype": (1, "int32"), "shape": (2, "Shape"), "content": (4, "bytes"),
        "float_val": (5, "*float"),
    },
    "Shape": {"dim": (2, "*Dim")},
    "Dim": {"size": (1, "int64")},
}  # fmt: skip
_DT_FLOAT = 1
_LOGITS = "MobilenetV1/Logits/Conv2d_1c_1x1"
_POOL = "MobilenetV1/Logits/AvgPool_1a/AvgPool"
_STRIDE = 32  # of the whole network: a map of 7 x 7 before the pool means 224 pixels

Nodes = dict[str, Any]


def read(path: Path) -> Checkpoint:
    """The network in a frozen graph. Raises `CheckpointError` naming the node."""
    return from_bytes(path.read_bytes(), path.name)


def from_bytes(data: bytes, name: str) -> Checkpoint:
    """The same for a graph in memory; `name` is what errors call it."""
    graph = protobuf.parse("slim", _MESSAGES, data, name)
    nodes: Nodes = {protobuf.text(node.name): node for node in graph.node}
    if not any(node.startswith("MobilenetV1/") for node in nodes):
        raise CheckpointError(
            f"{name} has no node under MobilenetV1/", "is it a graph of TF-Slim's MobileNet v1?"
        )
    tensors = Tensors(nodes.keys(), lambda tensor: _stored(tensor, nodes[tensor]))
    config, layers = assemble(
        list(_convolutions(tensors)),
        Layer(tensors.take(f"{_LOGITS}/weights", HWIO), tensors.take(f"{_LOGITS}/biases")),
        MobileNetConfig(
            width_rule="slim",
            resolution=_resolution(nodes),
            padding=_padding(nodes),
            activation=_activation(nodes),
            bn_epsilon=_epsilon(nodes, tensors),
        ),
    )
    provenance = Provenance("TF-Slim frozen graph", True, licence_of(config.classes))
    return Checkpoint(config, layers, provenance, labels=labels_for(config.classes))


def _convolutions(tensors: Tensors) -> Iterator[Layer]:
    for (number,) in tensors.numbered(r"MobilenetV1/Conv2d_(\d{1,3})[_/]"):
        block = f"MobilenetV1/Conv2d_{number}"
        if number == 0:
            yield _layer(tensors, block, "weights", HWIO)
            continue
        yield _layer(tensors, f"{block}_depthwise", "depthwise_weights", HWC1)
        yield _layer(tensors, f"{block}_pointwise", "weights", HWIO)


def _layer(tensors: Tensors, scope: str, weights: str, axes: tuple[int, ...]) -> Layer:
    norm = f"{scope}/BatchNorm/"
    return tensors.convolution(f"{scope}/{weights}", norm, axes, TENSORFLOW_NORM)


def _stored(name: str, node: Any) -> Stored:
    tensor = _attribute(node, "value").tensor
    if node.op != b"Const" or tensor.dtype != _DT_FLOAT:
        raise CheckpointError(
            f"node {name} is no float32 constant ({protobuf.text(node.op)}, type {tensor.dtype})",
            "freeze the graph first",
        )
    shape = tuple(dim.size for dim in tensor.shape.dim)
    return Stored(shape, "float32", True, partial(_array, name, tensor, shape))


def _array(name: str, tensor: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if len(tensor.float_val) == 1 and len(shape) <= 1:  # TensorFlow stores equal values once
        return np.full(shape, tensor.float_val[0], np.float32)
    content = tensor.content or np.asarray(tensor.float_val, "<f4").tobytes()
    return shaped(content, "<f4", shape, f"node {name}")


def _attribute(node: Any, key: str) -> Any:
    values = [attr.value for attr in node.attr if attr.key == key.encode()]
    if not values:
        raise CheckpointError(
            f"node {protobuf.text(node.name)} has no attribute {key}", "is the file complete?"
        )
    return values[0]


def _of_kind(nodes: Nodes, *ops: str) -> list[Any]:
    kinds = {op.encode() for op in ops}
    return [n for name, n in nodes.items() if name.startswith("MobilenetV1/") and n.op in kinds]


def _epsilon(nodes: Nodes, tensors: Tensors) -> float:
    """What the graph adds to the variance; TF-Slim's 1e-3 in every release."""
    added = [
        float(tensors.take(name, ()))
        for name in nodes
        if name.startswith("MobilenetV1/") and name.endswith("/batchnorm/add/y")
    ]
    fused = _of_kind(nodes, "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
    epsilons = {*added, *(_attribute(node, "epsilon").f for node in fused)}
    if len(epsilons) != 1:
        raise CheckpointError(
            f"the graph's batch norms have {len(epsilons)} different epsilons",
            "all must be the same",
        )
    return float(str(np.float32(epsilons.pop())))  # 0.001, not its float32 neighbour


def _activation(nodes: Nodes) -> Activation:
    return "relu6" if _of_kind(nodes, "Relu6") or not _of_kind(nodes, "Relu") else "relu"


def _padding(nodes: Nodes) -> Padding:
    for node in _of_kind(nodes, "Conv2D", "DepthwiseConv2dNative"):
        if (padding := _attribute(node, "padding").s) != b"SAME":
            raise CheckpointError(
                f"node {protobuf.text(node.name)} has padding {protobuf.text(padding)}",
                "only graphs with SAME padding are read",
            )
    return "same"


def _resolution(nodes: Nodes) -> int:
    for node in nodes.values():
        if node.op == b"Placeholder" and any(attr.key == b"shape" for attr in node.attr):
            sides = [dim.size for dim in _attribute(node, "shape").shape.dim][1:3]
            if len(sides) == 2 and sides[0] == sides[1] > 0:
                return int(sides[0])
    if _POOL in nodes and len(kernel := _attribute(nodes[_POOL], "ksize").list.i) == 4:
        return int(kernel[1]) * _STRIDE
    return 224
