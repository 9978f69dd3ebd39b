"""Whatever stands on the map is read as it is: heads of other people's making, and none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from export.verify.file_answers import run
from file_graphs import GraphMaker, graph_of
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.networks.classifier import Hidden
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.sources.walk.graph_checkpoint import Defaults, read
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained

CHANNELS, PLACES = 256, (2, 3)  # of the map
RNG = np.random.default_rng(7)
DEFAULTS = Defaults("a made file")
Part = Callable[[GraphMaker], object]


@pytest.fixture(scope="module")
def alive() -> Checkpoint:
    return untrained(MobileNetConfig(0.25, 64, input_width=96, classes=5), seed=3)


def layer(inputs: int, units: int) -> Layer:
    return Layer(
        RNG.standard_normal((units, inputs), np.float32) / np.float32(inputs**0.5),
        RNG.standard_normal(units, np.float32),
    )


def vectors(width: int) -> list[np.ndarray]:
    return [RNG.uniform(0.5, 2, width).astype(np.float32) for _ in range(4)]


def pooled(maker: GraphMaker) -> None:
    maker.add("ReduceMean", axes=(2, 3), keepdims=0)


def logits_alone(maker: GraphMaker) -> None:
    pooled(maker)
    maker.dense(layer(CHANNELS, 4), "scores")


def without_bias(maker: GraphMaker) -> None:
    pooled(maker)
    maker.add("MatMul", layer(CHANNELS, 4).kernel.T)


def sigmoid(maker: GraphMaker) -> None:
    logits_alone(maker)
    maker.add("Sigmoid")


def one_by_one(maker: GraphMaker) -> None:
    """TF-Slim's: a convolution behind the mean."""
    dense = layer(CHANNELS, 4)
    maker.add("AveragePool", kernel_shape=PLACES, strides=(2, 2))
    maker.add("Dropout")
    maker.add("Conv", dense.kernel[:, :, None, None], dense.bias, auto_pad="SAME_UPPER")
    maker.add("Squeeze", np.array([2, 3]))
    maker.add("Reshape", np.array([-1, 4]))
    maker.add("Softmax", axis=1)


def gemm(maker: GraphMaker) -> None:
    """PyTorch's."""
    dense = layer(CHANNELS, 4)
    maker.add("GlobalAveragePool")
    maker.add("Flatten", axis=1)
    maker.add("Gemm", dense.kernel, dense.bias, transB=1)


def normalized(maker: GraphMaker) -> None:
    """Batch norm on the mean, on a hidden layer before its activation, and behind it."""
    pooled(maker)
    maker.add("BatchNormalization", *vectors(CHANNELS), epsilon=1e-3)
    maker.dense(layer(CHANNELS, 6), "first")
    maker.add("BatchNormalization", *vectors(6), epsilon=1e-3)
    maker.add("Relu")
    maker.add("BatchNormalization", *vectors(6), epsilon=1e-3)
    maker.dense(layer(6, 4), "second")
    maker.add("Softmax", axis=-1)


def stacked(maker: GraphMaker) -> None:
    pooled(maker)
    for number, activation in enumerate(("Relu", None, "Sigmoid", "Tanh")):
        maker.dense(layer(CHANNELS if not number else 6, 6), f"dense{number}")
        if activation:
            maker.add(activation)
    maker.dense(layer(6, 4), "last")
    maker.add("Softmax", axis=-1)


def flat_channels_last(maker: GraphMaker) -> None:
    """Keras' Flatten: the colours of a place lie side by side."""
    maker.add("Transpose", perm=(0, 2, 3, 1))
    maker.add("Reshape", np.array([0, -1]))
    maker.add("BatchNormalization", *vectors(CHANNELS * 6), epsilon=1e-3)
    maker.dense(layer(CHANNELS * 6, 4), "last")
    maker.add("Softmax", axis=-1)


def flat(maker: GraphMaker) -> None:
    maker.add("Flatten")
    maker.dense(layer(CHANNELS * 6, 6), "first")
    maker.add("Clip", 0.0, 6.0)
    maker.dense(layer(6, 4), "last")


def scaled_map(maker: GraphMaker) -> None:
    """Batch norm behind the last activation, channels last, and the mean over what it gives."""
    maker.add("BatchNormalization", *vectors(CHANNELS), epsilon=1e-3)
    maker.add("Transpose", perm=(0, 2, 3, 1))
    maker.add("ReduceMean", axes=(1, 2), keepdims=1)
    maker.add("Reshape", np.array([1, CHANNELS]))
    maker.dense(layer(CHANNELS, 4), "last")


def features(maker: GraphMaker) -> None:
    maker.add("GlobalAveragePool")
    maker.add("Flatten")


def the_map(maker: GraphMaker) -> None:
    maker.add("Identity")


HEADS: dict[Part, dict[str, object]] = {
    logits_alone: {},
    without_bias: {},
    sigmoid: {"scores": "sigmoid"},
    one_by_one: {},
    gemm: {},
    normalized: {"hidden": (Hidden(6, "relu"),)},
    stacked: {
        "hidden": (Hidden(6, "relu"), Hidden(6), Hidden(6, "sigmoid"), Hidden(6, "tanh")),
    },
    flat_channels_last: {"pool": "flatten"},
    flat: {"pool": "flatten", "hidden": (Hidden(6, "relu6"),)},
    scaled_map: {},
    features: {"head": "features", "classes": 1000},
    the_map: {"head": "features", "classes": 1000, "until": "conv13_pointwise"},
}


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.__name__)
def test_a_head_is_read_as_it_is(alive: Checkpoint, head: Part) -> None:
    graph = graph_of(alive, head=head)
    checkpoint = read(graph, DEFAULTS)
    assert checkpoint.config == replace(alive.config, **{"classes": 4} | HEADS[head])
    assert not checkpoint.labels
    picture = Image.fromarray(RNG.integers(0, 256, (64, 96, 3), np.uint8))
    x = checkpoint.normalization.apply(picture)
    (outputs,) = run(graph, [x], graph.outputs)
    theirs = outputs[graph.outputs[-1]].ravel()
    ours = from_checkpoint(checkpoint)(torch.from_numpy(x)).numpy().ravel()
    last = graph.nodes[-1].op
    if any(node.op == "Softmax" for node in graph.nodes):
        ours = np.exp(ours) / np.exp(ours).sum()
    elif last == "Sigmoid":
        ours = 1 / (1 + np.exp(-ours))
    assert np.linalg.norm(ours - theirs) <= 1e-4 * np.linalg.norm(theirs)
    says_scores = any(node.op == "Softmax" for node in graph.nodes) or last == "Sigmoid"
    assumed = [text for text in checkpoint.reading.assumed if text.startswith("scores")]
    assert bool(assumed) == (not says_scores and checkpoint.config.head == "classifier")


def test_labels_and_licence_are_a_plain_published_heads_alone() -> None:
    from weight_files import random_checkpoint

    published = random_checkpoint(MobileNetConfig(0.25, 64))
    plain = read(graph_of(published), DEFAULTS)
    assert plain.labels[0] == "tench"
    assert plain.provenance.licence == "Apache-2.0"
    other = read(graph_of(published, head=sigmoid_of_1000), DEFAULTS)
    assert not other.labels
    assert other.provenance.licence == "unknown"


def sigmoid_of_1000(maker: GraphMaker) -> None:
    pooled(maker)
    maker.dense(layer(CHANNELS, 1000), "scores")
    maker.add("Sigmoid")


def test_labels_that_the_file_names_are_the_networks(alive: Checkpoint) -> None:
    said = read(graph_of(alive, labels='["a", "b", "a", "d", "e"]'), DEFAULTS)
    assert said.labels == ("a", "b", "a (2)", "d", "e")


def test_of_several_results_on_one_way_the_last_counts(alive: Checkpoint) -> None:
    graph = graph_of(alive)
    logits = next(node.output for node in graph.nodes if node.name == "logits")
    checkpoint = read(replace(graph, outputs=(graph.outputs[0], logits)), DEFAULTS)
    assert checkpoint.reading.values["scores"] == graph.outputs[0]


@pytest.mark.parametrize("kernel", [(7, 7), None])
def test_a_free_size_is_told_by_the_mean_or_assumed(kernel: tuple[int, int] | None) -> None:
    from weight_files import random_checkpoint

    def head(maker: GraphMaker) -> None:
        if kernel is None:
            maker.add("GlobalAveragePool")
        else:
            maker.add("AveragePool", kernel_shape=kernel)
        maker.add("Flatten")

    graph = graph_of(random_checkpoint(MobileNetConfig(0.25)), head=head)
    free = replace(graph, input=graph.input._replace(height=None, width=None))
    checkpoint = read(free, DEFAULTS)
    assert checkpoint.config.resolution == 224
    assert checkpoint.reading.assumed[0] == "input size: 224 x 224"
