"""The walk reads off a graph what the graph computes: layers, head, and what becomes of pixels."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from export.verify.file_answers import run
from file_graphs import GraphMaker, graph_of
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.graph import FileGraph
from mobilenet.networks.classifier import Hidden
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.preprocess import CAFFE, INCEPTION
from mobilenet.sources.walk.graph_checkpoint import Defaults, read
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained

DEFAULTS = Defaults("a made file")
SIZE = (64, 96)
Part = Callable[[GraphMaker], object]


@pytest.fixture(scope="module")
def alive() -> Checkpoint:
    return untrained(MobileNetConfig(0.25, *SIZE[:1], input_width=SIZE[1], classes=5), seed=3)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    rng = np.random.default_rng(5)
    small = Image.fromarray(rng.integers(0, 256, (8, 12, 3), np.uint8))
    return small.resize((SIZE[1], SIZE[0]), Image.Resampling.BICUBIC)


def answers(graph: FileGraph, checkpoint: Checkpoint, picture: Image.Image) -> list[np.ndarray]:
    """What the graph gives, and what is read of it, for one picture."""
    reading = checkpoint.reading
    (outputs,) = run(graph, [reading.feed.apply(picture)], graph.outputs)
    module = from_checkpoint(checkpoint)
    ours = module(torch.from_numpy(checkpoint.normalization.apply(picture))).numpy()
    return [outputs[graph.outputs[-1]].ravel(), ours.ravel()]


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max())
    return powers / powers.sum()


@pytest.mark.parametrize("plain_norm", [False, True], ids=["one node", "plain operators"])
@pytest.mark.parametrize(
    "config",
    [
        MobileNetConfig(0.25, 64, classes=7),
        MobileNetConfig(0.5, 64, input_width=96, classes=7, activation="relu", bn_epsilon=1e-5),
        MobileNetConfig(0.3, 64, padding="keras", width_rule="keras", classes=7),
        MobileNetConfig(0.25, 65, padding="symmetric", shallow=True),
        MobileNetConfig(0.25, 64, last_channels=100, classes=3),
        MobileNetConfig(0.25, 64, classes=7, hidden=(Hidden(6, "tanh"), Hidden(4))),
        MobileNetV2Config(0.35, 64, classes=7),
    ],
    ids=lambda config: config.title,
)
def test_what_is_written_is_read_number_by_number(
    config: MobileNetConfig, plain_norm: bool, numbers: Callable[..., Checkpoint]
) -> None:
    checkpoint = numbers(config)
    defaults = DEFAULTS._replace(width_rule=config.width_rule)
    result = read(graph_of(checkpoint, plain_norm=plain_norm), defaults)
    assert result.config == config
    for name, layer in checkpoint.layers.items():
        own = result.layers[name]
        np.testing.assert_array_equal(own.kernel, layer.kernel)
        if layer.norm is None:
            np.testing.assert_array_equal(own.bias, layer.bias)
            continue
        for vector, values in vars(layer.norm).items():
            np.testing.assert_array_equal(getattr(own.norm, vector), values)


@pytest.fixture(scope="module")
def numbers() -> Callable[..., Checkpoint]:
    from weight_files import random_checkpoint

    def make(config: MobileNetConfig) -> Checkpoint:
        plain = random_checkpoint(replace(config, hidden=()))
        rng = np.random.default_rng(1)
        dense = {
            layer.name: Layer(
                rng.standard_normal(layer.kernel_shape, np.float32),
                rng.standard_normal(layer.outputs, np.float32),
            )
            for layer in config.readout.dense
        }
        return replace(plain, config=config, layers=plain.layers | dense)

    return make


def on_pixels(*steps: tuple[str, object]) -> Part:
    def before(maker: GraphMaker) -> None:
        for op, constant in steps:
            maker.add(op, np.asarray(constant, np.float32))

    return before


def flip(maker: GraphMaker) -> None:
    maker.add("Gather", np.array([2, 1, 0]), axis=1)


def flip_by_slice(maker: GraphMaker) -> None:
    back = [np.array([number]) for number in (-1, -(2**31), 1, -1)]
    maker.add("Slice", *back)


def flipped_between(maker: GraphMaker) -> None:
    maker.add("Sub", np.array([[[103.0]], [[116.0]], [[123.0]]]))
    flip(maker)
    maker.add("Mul", np.array([[[0.01]], [[0.02]], [[0.03]]]))


def channels_last(maker: GraphMaker) -> None:
    maker.add("Transpose", perm=(0, 2, 3, 1))
    maker.add("Div", np.array([50.0, 60.0, 70.0]))
    maker.add("Transpose", perm=(0, 3, 1, 2))


def normalization(maker: GraphMaker) -> None:
    vectors = (np.full(3, each, np.float32) for each in (2.0, 0.5, 120.0, 3600.0))
    maker.add("BatchNormalization", *vectors, epsilon=1e-3)


@pytest.mark.parametrize(
    ("before", "order"),
    [
        (on_pixels(("Mul", 1 / 255)), "RGB"),
        (on_pixels(("Div", 127.5), ("Sub", 1.0)), "RGB"),
        (on_pixels(("Sub", np.reshape([103, 116, 123], (1, 3, 1, 1))), ("Mul", 0.017)), "RGB"),
        (flipped_between, "BGR"),
        (channels_last, "RGB"),
        (normalization, "RGB"),
    ],
    ids=["rescaling", "-1 to 1", "means", "flip between", "channels last", "batch norm"],
)  # fmt: skip
def test_preprocessing_inside_is_all_there_is(
    alive: Checkpoint, picture: Image.Image, before: Part, order: str
) -> None:
    graph = graph_of(alive, before)
    checkpoint = read(graph, DEFAULTS)
    assert checkpoint.reading.feed.scale == (1.0,) * 3
    assert not checkpoint.reading.assumed
    assert checkpoint.normalization.order == order
    theirs, ours = answers(graph, checkpoint, picture)
    np.testing.assert_allclose(softmax(ours), theirs, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("before", [flip, flip_by_slice])
def test_a_flip_alone_says_nothing_of_the_scaling(
    alive: Checkpoint, picture: Image.Image, before: Part
) -> None:
    graph = graph_of(alive, before)
    checkpoint = read(graph, DEFAULTS)
    assert checkpoint.reading.feed == INCEPTION
    assert checkpoint.normalization == replace(INCEPTION, order="BGR")
    assert "preprocessing" in checkpoint.reading.assumed[0]
    theirs, ours = answers(graph, checkpoint, picture)
    np.testing.assert_allclose(softmax(ours), theirs, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("usual", [INCEPTION, CAFFE], ids=["RGB", "BGR"])
def test_preprocessing_is_assumed_where_nothing_is_said(
    alive: Checkpoint, picture: Image.Image, usual: object
) -> None:
    graph = graph_of(alive)
    checkpoint = read(graph, DEFAULTS._replace(normalization=usual))
    assert checkpoint.normalization == checkpoint.reading.feed == usual
    assert "preprocessing" in checkpoint.reading.assumed[0]
    theirs, ours = answers(graph, checkpoint, picture)
    np.testing.assert_allclose(softmax(ours), theirs, rtol=2e-4, atol=1e-6)


def test_what_is_said_beside_the_graph_comes_before_what_is_inside(
    alive: Checkpoint, picture: Image.Image
) -> None:
    said = json.dumps({"mean": [100, 110, 120], "std": [50]})
    graph = graph_of(alive, on_pixels(("Mul", 2.0), ("Add", 0.5)), normalization=said)
    checkpoint = read(graph, DEFAULTS)
    assert checkpoint.normalization.scale == pytest.approx((0.04,) * 3)
    assert checkpoint.normalization.bias == pytest.approx((-3.5, -3.9, -4.3))
    theirs, ours = answers(graph, checkpoint, picture)
    np.testing.assert_allclose(softmax(ours), theirs, rtol=2e-4, atol=1e-6)
