"""Caffe models: shicai/MobileNet-Caffe, the one that most early Core ML conversions started from.

BVLC/caffe, src/caffe/proto/caffe.proto. Layers come in order, so convolutions are told from each
other by their place; a convolution's batch norm is the BatchNorm and Scale layers behind it.
Padding is symmetric, the activation ReLU (not ReLU6), the input BGR with means and a scale.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet.checkpoint import Array, BatchNorm, Checkpoint, Layer, Provenance
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import labels_for
from mobilenet.networks.rows import Activation, Padding
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import CAFFE
from mobilenet.sources import protobuf
from mobilenet.sources.assemble import assemble
from mobilenet.sources.stored import OTHER_NETWORK, shaped

_MESSAGES: dict[str, protobuf.Fields] = {
    "NetParameter": {"name": (1, "bytes"), "layer": (100, "*LayerParameter")},
    "LayerParameter": {
        "name": (1, "bytes"), "type": (2, "bytes"), "blobs": (7, "*Blob"),
        "convolution": (106, "Convolution"), "norm": (139, "Norm"),
    },
    "Convolution": {"pad": (3, "*uint32")},
    "Norm": {"eps": (3, "float")},
    "Blob": {
        "shape": (7, "Shape"), "data": (5, "*bytes"),
        "num": (1, "int32"), "channels": (2, "int32"),
        "height": (3, "int32"), "width": (4, "int32"),
    },
    "Shape": {"dim": (1, "*int64")},
}  # fmt: skip
_DEFAULT_EPSILON = 1e-5  # caffe.proto, BatchNormParameter
_ACTIVATIONS: dict[str, Activation] = {"ReLU": "relu", "ReLU6": "relu6"}
_KERNELS = {"Convolution", "DepthwiseConvolution", "ConvolutionDepthwise", "InnerProduct"}
_NORMS = {"BatchNorm", "Scale"}
_WITHOUT_NUMBERS = {
    "Input", "Data", "ImageData", "Split", "Pooling", "Dropout", "Flatten", "Reshape", "Softmax",
    "SoftmaxWithLoss", "Accuracy",
}  # fmt: skip
Group = dict[str, Any]  # a kernel's layer as "kernel", and the BatchNorm and Scale behind it


def read(path: Path) -> Checkpoint:
    """The network in a `.caffemodel`. Raises `CheckpointError` naming the layer."""
    net = protobuf.parse("caffe", _MESSAGES, path.read_bytes(), path.name)
    types = {protobuf.text(layer.type) for layer in net.layer}
    groups = _groups(net.layer)
    if not groups:
        raise CheckpointError(f"{path.name} holds no convolution", "is it a Caffe model?")
    *convolutions, logits = (_layer(group) for group in groups)
    config, layers = assemble(
        convolutions,
        logits,
        MobileNetConfig(
            width_rule="keras",  # plain rounding: prototxt files state their channels
            padding=_padding(groups[:-1]),
            bn_epsilon=_epsilon(groups),
            activation=next((_ACTIVATIONS[t] for t in sorted(types & set(_ACTIVATIONS))), "relu"),
        ),
    )
    provenance = Provenance(f"Caffe model {protobuf.text(net.name)}", trained=True)
    labels = labels_for(config.classes)
    return Checkpoint(config, layers, provenance, CAFFE, labels=labels)


def _groups(layers: Iterable[Any]) -> list[Group]:
    groups: list[Group] = []
    for layer in layers:
        kind = protobuf.text(layer.type)
        if kind in _KERNELS:
            groups.append({"kernel": layer})
        elif kind in _NORMS and groups and kind not in groups[-1]:
            groups[-1][kind] = layer
        elif kind not in _WITHOUT_NUMBERS | set(_ACTIVATIONS):
            raise CheckpointError(
                f"layer {_name(layer)} ({kind or 'no type'}) has no place in a MobileNet v1",
                "is it another network?",
            )
    return groups


def _layer(group: Group) -> Layer:
    conv = group["kernel"]
    kernel = _blob(conv, 0)
    if kernel.ndim != (2 if conv.type == b"InnerProduct" else 4):
        raise CheckpointError(
            f"layer {_name(conv)} has a kernel of shape {kernel.shape}", OTHER_NETWORK
        )
    bias = _blob(conv, 1).ravel() if len(conv.blobs) > 1 else None
    if not _NORMS & set(group):
        return Layer(kernel, bias)
    if missing := _NORMS - set(group):
        raise CheckpointError(
            f"layer {_name(conv)} is followed by no {missing.pop()}", "is the file complete?"
        )
    mean, variance, factor = (_blob(group["BatchNorm"], index).ravel() for index in range(3))
    gamma, beta = (_blob(group["Scale"], index).ravel() for index in range(2))
    if factor.size != 1:
        raise CheckpointError(
            f"layer {_name(group['BatchNorm'])} has {factor.size} factors, not 1", OTHER_NETWORK
        )
    share = 1 / factor.item() if factor.item() else 0.0  # batch_norm_layer.cpp: sums, not means
    mean = mean * np.float32(share)
    if bias is not None and bias.shape == mean.shape:
        mean = mean - bias
    return Layer(kernel, norm=BatchNorm(gamma, beta, mean, variance * np.float32(share)))


def _blob(layer: Any, index: int) -> Array:
    if index >= len(layer.blobs):
        raise CheckpointError(f"layer {_name(layer)} has no blob {index}", "is the file complete?")
    blob = layer.blobs[index]
    old = (blob.num, blob.channels, blob.height, blob.width)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else old
    data = b"".join(blob.data)
    return shaped(data, "<f4", shape, f"blob {index} of layer {_name(layer)}").astype(np.float32)


def _padding(groups: list[Group]) -> Padding:
    for conv in (group["kernel"] for group in groups):
        if _blob(conv, 0).shape[-1] > 1 and set(conv.convolution.pad) != {1}:
            raise CheckpointError(
                f"layer {_name(conv)} pads by {list(conv.convolution.pad)[:4]}, not by 1",
                "is it a MobileNet v1?",
            )
    return "symmetric"


def _epsilon(groups: list[Group]) -> float:
    norms = (group["BatchNorm"].norm for group in groups if "BatchNorm" in group)
    epsilons = {norm.eps if norm.HasField("eps") else _DEFAULT_EPSILON for norm in norms}
    if len(epsilons) > 1:
        raise CheckpointError(
            f"the batch norms have {len(epsilons)} different epsilons", "all must be the same"
        )
    return float(str(np.float32(epsilons.pop() if epsilons else _DEFAULT_EPSILON)))


def _name(layer: Any) -> str:
    return protobuf.text(layer.name)
