"""A frozen graph as TF-Slim's releases are, node by node, by hand.

research/slim/nets/mobilenet_v1.py: batch norms as plain operators (or fused), the classifier as a
convolution behind the pool, and the softmax between two reshapes.
"""

import tarfile
from pathlib import Path

import numpy as np

from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.networks.v1 import MobileNetConfig
from tensorflow_graphs import FLOAT, Type, const, conv, node, picture
from weight_files import STRIDES, blocks, random_checkpoint

ROOT = "MobilenetV1"
ENDS = f"{ROOT}/Predictions/Reshape"  # the logits, flat
T = Type(FLOAT)


def slim_release(folder: Path) -> bytes:
    """A .tgz of alpha 0.25 at 128 pixels as TF-Slim releases it, written in `folder`."""
    name = "mobilenet_v1_0.25_128_frozen.pb"
    slim(random_checkpoint(MobileNetConfig(0.25, 128, classes=1001)), folder / name)
    with tarfile.open(folder / "release.tgz", "w:gz") as archive:
        archive.add(folder / name, f"./{name}")
    return (folder / "release.tgz").read_bytes()


def slim(checkpoint: Checkpoint, path: Path, *, fused: bool = False, tail: bytes = b"") -> Path:
    """The graph; `fused` with FusedBatchNorm nodes, and `tail` in place of the last softmax."""
    side, epsilon = checkpoint.config.resolution, checkpoint.config.bn_epsilon
    graph = [picture("input", 1, side, side, 3)]
    value = "input"

    def unit(name: str, layer: Layer, stride: int, depthwise: bool = False) -> None:
        nonlocal value
        scope = f"{ROOT}/{name}"
        axes = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
        weights = f"{scope}/{'depthwise_' if depthwise else ''}weights"
        graph.append(const(weights, layer.kernel.transpose(axes)))
        settings = {"strides": (1, stride, stride, 1)}
        kind = "DepthwiseConv2dNative" if depthwise else "Conv2D"
        usual = {"padding": "SAME", "T": T}
        graph.append(node(f"{scope}/convolution", kind, value, weights, **usual | settings))
        graph.extend(_norm(scope, layer, epsilon, fused))
        end = "FusedBatchNorm" if fused else "batchnorm/add_1"
        graph.append(node(f"{scope}/Relu6", "Relu6", f"{scope}/BatchNorm/{end}", T=T))
        value = f"{scope}/Relu6"

    unit("Conv2d_0", checkpoint.layers["conv0"], 2)
    places = [name for name in checkpoint.layers if name.endswith("depthwise")]
    for (number, depthwise, pointwise), place in zip(blocks(checkpoint), places, strict=True):
        stride = STRIDES[int(place.removeprefix("conv").split("_")[0])]
        unit(f"Conv2d_{number}_depthwise", depthwise, stride, depthwise=True)
        unit(f"Conv2d_{number}_pointwise", pointwise, 1)
    head = _head(checkpoint, value)
    graph.extend(head[:-3] if tail else head)  # what a retrained graph does not need is not in it
    path.write_bytes(b"".join(graph) + tail)
    return path


def _norm(scope: str, layer: Layer, epsilon: float, fused: bool) -> list[bytes]:
    norm, name = layer.norm, f"{scope}/BatchNorm"
    assert norm is not None
    vectors = {
        "gamma": norm.gamma, "beta": norm.beta,
        "moving_mean": norm.mean, "moving_variance": norm.variance,
    }  # fmt: skip
    nodes = [const(f"{name}/{key}", vector) for key, vector in vectors.items()]
    if fused:
        inputs = [f"{scope}/convolution", *(f"{name}/{key}" for key in vectors)]
        settings = {"epsilon": epsilon, "is_training": False, "T": T}
        return [*nodes, node(f"{name}/FusedBatchNorm", "FusedBatchNorm", *inputs, **settings)]
    inner = f"{name}/batchnorm"

    def operate(end: str, op: str, *inputs: str) -> None:
        nodes.append(node(f"{inner}/{end}", op, *inputs, T=T))

    nodes.append(const(f"{inner}/add/y", epsilon))
    operate("add", "Add", f"{name}/moving_variance", f"{inner}/add/y")
    operate("Rsqrt", "Rsqrt", f"{inner}/add")
    operate("mul", "Mul", f"{inner}/Rsqrt", f"{name}/gamma")
    operate("mul_1", "Mul", f"{scope}/convolution", f"{inner}/mul")
    operate("mul_2", "Mul", f"{name}/moving_mean", f"{inner}/mul")
    operate("sub", "Sub", f"{name}/beta", f"{inner}/mul_2")
    operate("add_1", "Add", f"{inner}/mul_1", f"{inner}/sub")
    return nodes


def _head(checkpoint: Checkpoint, value: str) -> list[bytes]:
    head, side = checkpoint.layers["logits"], checkpoint.config.readout.size.height
    assert head.bias is not None
    logits, pool = f"{ROOT}/Logits", f"{ROOT}/Logits/AvgPool_1a/AvgPool"
    last, predictions = f"{logits}/Conv2d_1c_1x1", f"{ROOT}/Predictions"
    window = {"ksize": (1, side, side, 1), "strides": (1, 2, 2, 1), "padding": "VALID", "T": T}
    reshape = {"T": T, "Tshape": Type(3)}
    flat = np.array([-1, len(head.bias)], np.int32)
    return [
        node(pool, "AvgPool", value, **window),
        const(f"{last}/weights", head.kernel.T[None, None]),
        const(f"{last}/biases", head.bias),
        conv(f"{last}/convolution", pool, f"{last}/weights"),
        node(f"{last}/BiasAdd", "BiasAdd", f"{last}/convolution", f"{last}/biases", T=T),
        node(
            f"{logits}/SpatialSqueeze", "Squeeze", f"{last}/BiasAdd", squeeze_dims=(1, 2), T=T
        ),
        const(f"{predictions}/Reshape/shape", flat),
        node(ENDS, "Reshape", f"{logits}/SpatialSqueeze", f"{ENDS}/shape", **reshape),
        node(f"{predictions}/Softmax", "Softmax", ENDS, T=T),
        const(f"{predictions}/Shape", flat),
        node(
            f"{predictions}/Reshape_1", "Reshape", f"{predictions}/Softmax",
            f"{predictions}/Shape", **reshape,
        ),
    ]  # fmt: skip
