"""The graph of a Caffe model: its layers compute what Caffe's own code does."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import weight_files
from caffe_files import INPUT, answers, graph, layer
from mobilenet.common.errors import CheckpointError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.sources.caffe.caffe_graph import graph_of
from mobilenet.untrained import untrained
from weight_files import caffe_layer, chunk

RNG = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


PICTURE = normal(1, 3, 7, 10)
X = torch.from_numpy(PICTURE)
KERNEL, DEPTHWISE, BIAS, VECTOR = normal(4, 3, 3, 5), normal(3, 1, 3, 3), normal(4), normal(3)
MATRIX = normal(4, 210)


numbers = torch.from_numpy

Case = tuple[str, str, list[np.ndarray], Callable[[], torch.Tensor]]
CASES: dict[str, Case] = {
    "sides of their own": (
        "Convolution",
        "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 5 pad_h: 1 pad_w: 2 stride_h: 2 "
        "stride_w: 1 weight_filler { type: 'msra' } engine: CAFFE }",
        [KERNEL, BIAS],
        lambda: F.conv2d(X, numbers(KERNEL), numbers(BIAS), (2, 1), (1, 2)),
    ),
    "dilated, grouped": (
        "Convolution",
        "convolution_param { num_output: 3 kernel_size: 3 pad: 2 dilation: 2 group: 3 "
        "bias_term: false } param { lr_mult: 1 decay_mult: 0 }",
        [DEPTHWISE],
        lambda: F.conv2d(X, numbers(DEPTHWISE), padding=2, dilation=2, groups=3),
    ),
    "depthwise by its type": (
        "DepthwiseConvolution",
        "convolution_param { num_output: 3 kernel_size: 3 stride: 2 bias_term: false }",
        [DEPTHWISE],
        lambda: F.conv2d(X, numbers(DEPTHWISE), stride=2, groups=3),
    ),
    "average, rounded up, over borders": (
        "Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }", [],
        lambda: F.avg_pool2d(X, 3, 2, 1, ceil_mode=True),
    ),
    "largest, rounded up": (
        "Pooling", "pooling_param { kernel_size: 2 stride: 2 }", [],
        lambda: F.max_pool2d(X, 2, 2, ceil_mode=True),
    ),
    "largest, rounded down": (
        "Pooling", "pooling_param { kernel_size: 2 stride: 2 round_mode: FLOOR }", [],
        lambda: F.max_pool2d(X, 2, 2),
    ),
    "average of all": (
        "Pooling", "pooling_param { pool: AVE global_pooling: true stride: 1 }", [],
        lambda: X.mean((2, 3), keepdim=True),
    ),
    "dense": (
        "InnerProduct", "inner_product_param { num_output: 4 }", [MATRIX, BIAS],
        lambda: X.flatten(1) @ numbers(MATRIX).T + numbers(BIAS),
    ),
    "dense, transposed, of the first format": (
        "InnerProduct", "inner_product_param { num_output: 4 bias_term: false transpose: true }",
        [MATRIX.T.reshape(1, 1, 210, 4)], lambda: X.flatten(1) @ numbers(MATRIX).T,
    ),
    "scale alone": (
        "Scale", "", [VECTOR.reshape(1, 1, 1, 3)],
        lambda: X * numbers(VECTOR)[:, None, None],
    ),
    "batch norm alone": (
        "BatchNorm", "batch_norm_param { eps: 0.5 }", [VECTOR, VECTOR**2, np.float32([2])],
        lambda: F.batch_norm(X, numbers(VECTOR) / 2, numbers(VECTOR**2) / 2, eps=0.5),
    ),
    "ReLU6": ("ReLU6", "", [], lambda: F.relu6(X)),
    "sigmoid": ("Sigmoid", "", [], X.sigmoid),
    "softmax": ("Softmax", "", [], lambda: X.softmax(1)),
    "flattened": ("Flatten", "", [], lambda: X.flatten(1)),
    "reshaped": ("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }", [],
                 lambda: X.flatten(1)),
    "dropout": ("Dropout", "dropout_param { dropout_ratio: 0.4 }", [], lambda: X),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_layer(name: str, tmp_path: Path) -> None:
    kind, setting, blobs, expected = CASES[name]
    made = graph(tmp_path, layer("it", kind, "data", "it", setting), ("it", blobs))
    (value,) = answers(made, PICTURE)
    np.testing.assert_allclose(value, expected().numpy(), atol=1e-5)
    assert made.nodes[0].title == f"layer it ({kind})"


def test_branches_in_place_layers_and_two_outputs(tmp_path: Path) -> None:
    text = (
        layer("relu", "ReLU", "data", "data")
        + layer("half", "Scale", "data", "half")
        + layer("sum", "Eltwise", "data half", "sum", "eltwise_param { operation: SUM }")
        + layer("all", "Concat", "sum half", "all")
        + layer("end", "Sigmoid", "half", "end")
    )
    halves = np.full(3, 0.5, np.float32)
    made = graph(tmp_path, text, ("half", [halves]))
    x = np.maximum(PICTURE, 0)
    both, end = answers(made, PICTURE)
    np.testing.assert_allclose(both, np.concatenate([1.5 * x, 0.5 * x], 1), atol=1e-6)
    np.testing.assert_allclose(end, 1 / (1 + np.exp(-0.5 * x)), atol=1e-6)


@pytest.mark.parametrize(("top", "other", "ops"), [
    ("n", "", ["BatchNormalization"]),
    ("s", "", ["BatchNormalization"]),
    ("s", layer("r", "ReLU", "n", "r"), ["BatchNormalization", "Mul", "Add", "Relu"]),
])  # fmt: skip
def test_batch_norm_and_the_scale_behind_it_are_one(
    top: str, other: str, ops: list[str], tmp_path: Path
) -> None:
    text = layer("n", "BatchNorm", "data", "n")
    text += layer("s", "Scale", "n", top, "scale_param { bias_term: true }") + other
    norm = ("n", [VECTOR, VECTOR**2, np.float32([0])]), ("s", [VECTOR, VECTOR + 1])
    made = graph(tmp_path, text, *norm)
    assert [node.op for node in made.nodes] == ops
    plain = PICTURE / np.sqrt(1e-5)  # sums of nothing
    weight, bias = VECTOR[:, None, None], VECTOR[:, None, None] + 1
    np.testing.assert_allclose(
        answers(made, PICTURE)[0], plain * weight + bias, rtol=1e-4, atol=1e-4
    )


def test_layers_of_training_are_left_out_and_say_what_pixels_mean(tmp_path: Path) -> None:
    train = (
        'layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } '
        "transform_param { scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3 crop_size: 7 "
        'mirror: true } data_param { source: "x" batch_size: 8 backend: LMDB } }'
    )
    text = train + layer("relu", "ReLU", "data", "relu")
    text += layer("noise", "TanH", "relu", "relu", "include { phase: TRAIN }")
    text += layer("twice", "Split", "relu", "a").replace('top: "a"', 'top: "a" top: "b"')
    text += layer("loss", "SoftmaxWithLoss", "a label", "loss")
    text += layer("top1", "Accuracy", "b label", "top1", "include { phase: TEST }")
    made = graph(tmp_path, f"# no input but that\n{text}")
    assert (made.input.height, made.input.width, len(made.outputs)) == (7, 7, 1)
    said = {"mean": [1.0, 2.0, 3.0], "std": [2.0] * 3}
    assert json.loads(made.said["normalization"]) == said
    assert [node.op for node in made.nodes] == ["Relu"]


@pytest.mark.parametrize("with_text", [False, True])
def test_a_whole_network(with_text: bool, tmp_path: Path) -> None:
    config = MobileNetConfig(
        0.25, 64, classes=7, padding="symmetric", activation="relu", bn_epsilon=1e-5
    )
    original = untrained(config, seed=3)
    path = weight_files.caffe(original, tmp_path / "net.caffemodel")
    if with_text:
        (tmp_path / "net_deploy.prototxt").write_text(weight_files.prototxt(original))
    picture = normal(1, 3, 64, 64)
    expected = weight_files.plain_forward(
        original, picture, padding="symmetric", epsilon=1e-5, activation=F.relu
    )
    (value,) = answers(graph_of(path), picture)
    np.testing.assert_allclose(value.reshape(1, -1), expected, atol=1e-4)


CONV = "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 5 %s }"


@pytest.mark.parametrize(("message", "text"), [
    (r"layer it \(TanH\) is not read here", layer("it", "TanH", "data", "it")),
    ('has no field named "strange"', layer("it", "ReLU", "data", "it", "strange: 1")),
    ("negative_slope 0.1", layer("it", "ReLU", "data", "it",
                                 "relu_param { negative_slope: 0.1 }")),
    ("use_global_stats False", layer("it", "BatchNorm", "data", "it",
                                     "batch_norm_param { use_global_stats: false }")),
    ("pool STOCHASTIC", layer("it", "Pooling", "data", "it",
                              "pooling_param { pool: STOCHASTIC kernel_size: 2 }")),
    ("operation MAX", layer("it", "Eltwise", "data data", "it",
                            "eltwise_param { operation: MAX }")),
    ("has kernel_size 3", layer("it", "Pooling", "data", "it",
                                "pooling_param { global_pooling: true kernel_size: 3 }")),
    ("of all", layer("it", "Pooling", "data", "it",
                     "pooling_param { global_pooling: true pad: 1 }")),
    (r"coeff \(1.0, -1.0\)", layer("it", "Eltwise", "data data", "it",
                                   "eltwise_param { coeff: 1 coeff: -1 }")),
    ("has a relu_param, which is not its own", layer("it", "Sigmoid", "data", "it",
                                                     "relu_param { negative_slope: 0.1 }")),
    ("shares its weights", layer("it", "Sigmoid", "data", "it", 'param { name: "w" }')),
    ("axis 2", layer("it", "Softmax", "data", "it", "softmax_param { axis: 2 }")),
    ("scale_train False", layer("it", "Dropout", "data", "it",
                                "dropout_param { scale_train: false }")),
    ("reads none, which no layer computes", layer("it", "ReLU", "none", "it")),
    ("has 2 inputs, not 1", 'input: "data" input: "more"'),
    ("has 0 inputs, not 1", "# input"),
    (r"an input of shape \[1, 1, 7, 7\]",
     'input: "data" input_shape { dim: 1 dim: 1 dim: 7 dim: 7 }'),
    ("first format", 'input: "data" layers { name: "old" }'),
    ("takes its mean from m.binaryproto",
     '# no input\nlayer { name: "d" type: "Data" top: "data" '
     'transform_param { mean_file: "m.binaryproto" } }'),
    ("computes nothing from its input", 'input: "data"'),
    ("has no blob 0", layer("it", "Convolution", "data", "it", CONV % "")),
])  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(
    message: str, text: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        graph(tmp_path, text)
    assert caught.value.hint


def test_text_and_weights_must_belong_together(tmp_path: Path) -> None:
    def refused(message: str, setting: str, *blobs: np.ndarray) -> None:
        text = layer("it", "Convolution", "data", "it", CONV % setting)
        with pytest.raises(CheckpointError, match=message):
            graph(tmp_path, text, ("it", list(blobs)))

    refused(r"a kernel of shape \(3, 1, 3, 3\) for 4 outputs", "", DEPTHWISE, BIAS)
    refused("1 blobs for bias_term True", "", KERNEL)
    refused("2 blobs for bias_term False", "bias_term: false", KERNEL, BIAS)
    refused("pad_h, pad_w", "pad: 1 pad_h: 2", KERNEL, BIAS)
    refused(r"strides \(0, 0\)", "stride: 0", KERNEL, BIAS)
    path = tmp_path / "net.caffemodel"
    newer = chunk(106, chunk(77, b"new"))
    path.write_bytes(caffe_layer("it", "Convolution", "data", "it", newer, KERNEL))
    (tmp_path / "net.prototxt").unlink()
    with pytest.raises(CheckpointError, match="has 0 inputs"):
        graph_of(path)
    path.write_bytes(caffe_layer("data", "Input", "", "data") + path.read_bytes())
    with pytest.raises(CheckpointError, match="has a setting number 77"):
        graph_of(path)
    for name in ("a_deploy.prototxt", "b_deploy.prototxt"):
        (tmp_path / name).write_text(INPUT)
    with pytest.raises(
        CheckpointError, match=r"a_deploy\.prototxt and b_deploy.prototxt may both"
    ):
        graph_of(path)
