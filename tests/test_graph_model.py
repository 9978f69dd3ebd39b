"""TensorFlow.js graph models: JSON, shards, fused operations; what is unknown is refused."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.tensorflow.tensorflow_files import graph_of
from run_graph import run

RNG = np.random.default_rng(0)
X = RNG.standard_normal((1, 3, 8, 8), np.float32)
LEVELS = RNG.integers(0, 256, (3, 3, 3, 1), np.uint8)
SCALE, LEAST = 0.01, -1.2
BIAS = RNG.standard_normal(3).astype(np.float32)


def text(value: str) -> str:
    return b64encode(value.encode()).decode()


def texts(*values: str) -> dict[str, Any]:
    return {"list": {"s": [text(value) for value in values]}}


def node(name: str, op: str, *inputs: str, **attr: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": list(inputs), "attr": attr, "device": "/device:CPU:0"}


def const(name: str, kind: str = "DT_FLOAT") -> dict[str, Any]:
    tensor = {"tensor": {"dtype": kind, "tensorShape": {}}}
    return node(name, "Const", dtype={"type": kind}, value=tensor)


def depthwise(**attr: Any) -> dict[str, Any]:
    usual = {
        "T": {"type": "DT_FLOAT"}, "strides": {"list": {"i": ["1", "2", "2", "1"]}},
        "padding": {"s": text("SAME")}, "data_format": {"s": text("NHWC")},
        "fused_ops": texts("BiasAdd", "LeakyRelu"), "leakyrelu_alpha": {"f": 0.25},
        "num_args": {"i": "1"}, "explicit_paddings": {"list": {}},
    }  # fmt: skip
    return node("unit", "FusedDepthwiseConv2dNative", "x", "kernel", "bias", **usual | attr)


def write(folder: Path, *nodes: dict[str, Any], **top: Any) -> Path:
    """A model of a fused convolution, a mean, and `nodes`."""
    sides = [{"size": side} for side in ("-1", "8", "8", "3")]
    picture = node("x", "Placeholder", dtype={"type": "DT_FLOAT"}, shape={"shape": {"dim": sides}})
    graph = [
        picture, const("kernel"), const("bias"), const("axes", "DT_INT32"), *nodes,
        node("mean", "Mean", "unit", "axes", keep_dims={"b": False}, Tidx={"type": "DT_INT32"}),
        node("scores", "Softmax", "mean"), node("Identity", "Identity", "scores", "^mean"),
    ]  # fmt: skip
    levels = {"dtype": "uint8", "scale": SCALE, "min": LEAST, "original_dtype": "float32"}
    weights = [
        {
            "name": "kernel",
            "shape": [3, 3, 3, 1],
            "dtype": "float32",
            "quantization": levels,
        },
        {"name": "bias", "shape": [3], "dtype": "float32"},
        {"name": "axes", "shape": [2], "dtype": "int32"},
    ]
    data = LEVELS.tobytes() + BIAS.tobytes() + np.int32([1, 2]).tobytes()
    (folder / "a.bin").write_bytes(data[:30])
    (folder / "b.bin").write_bytes(data[30:])
    model = {
        "format": "graph-model", "modelTopology": {"node": graph, "versions": {}, "library": {}},
        "signature": {"inputs": {}, "outputs": {"y": {"name": "Identity:0"}}},
        "weightsManifest": [{"paths": ["a.bin", "b.bin"], "weights": weights}],
    }  # fmt: skip
    path = folder / "model.json"
    path.write_text(json.dumps(model | top))
    return path


def expected() -> np.ndarray:
    kernel = torch.from_numpy((LEVELS * SCALE + LEAST).astype(np.float32).transpose(2, 3, 0, 1))
    x = F.pad(torch.from_numpy(X), (0, 1, 0, 1))
    y = F.conv2d(x, kernel.contiguous(), torch.from_numpy(BIAS), stride=2, groups=3)
    return F.leaky_relu(y, 0.25).mean((2, 3)).softmax(1).numpy()


def test_fused_and_quantised(tmp_path: Path) -> None:
    graph = graph_of(write(tmp_path, depthwise()))
    assert graph.format == "TensorFlow.js graph model"
    assert graph.outputs == ("Identity",)
    np.testing.assert_allclose(run(graph, {"x": X})["Identity"], expected(), rtol=1e-5)
    kinds = [node.kind for node in graph.nodes]
    assert kinds[:3] == ["DepthwiseConv2dNative", "BiasAdd", "LeakyRelu"]


def test_early_versions_say_less(tmp_path: Path) -> None:
    signature = {"outputs": {"y": {"name": "scores"}}}
    path = write(
        tmp_path, depthwise(), signature=None, userDefinedMetadata={"signature": signature}
    )
    assert graph_of(path).outputs == ("scores",)
    assert graph_of(write(tmp_path, depthwise(), signature=None)).outputs == ("Identity",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fused_ops": texts("BiasAdd", "Frobnicate")}, r"unit \(Frobnicate\) is no operator"),
        ({"fused_ops": texts("Relu")}, "has 1 inputs too many"),
        ({"filter_format": {"s": text("OIHW")}}, "has filter_format OIHW"),
        ({"shift": {"i": "1"}}, "has the attribute shift"),
        ({"padding": {"s": "*"}}, r"layer unit of model\.json cannot be read"),
        ({"strides": {"list": {"complex": [1]}}}, r"layer unit of model\.json cannot be read"),
        ({"T": {"type": "DT_HALF"}}, "computes in DT_HALF"),
    ],
)
def test_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        graph_of(write(tmp_path, depthwise(**changes)))


def test_other_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.json is a layers-model, not a graph-model"):
        graph_of(write(tmp_path, depthwise(), format="layers-model"))
    with pytest.raises(CheckpointError, match=r"model\.json cannot be read"):
        graph_of(write(tmp_path, depthwise(), modelTopology=[]))
    with pytest.raises(CheckpointError, match=r"layer lost \(Const\) has no value"):
        graph_of(write(tmp_path, depthwise(), const("lost"), node("unit2", "Add", "unit", "lost"),
                       signature={"outputs": {"y": {"name": "unit2"}}}))  # fmt: skip
