"""What is no network of ours, or is not understood, is refused by name, and never ignored."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from file_graphs import GraphMaker, changed, graph_of
from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant, FileGraph
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.sources.walk.graph_checkpoint import Defaults, read
from weight_files import random_checkpoint

DEFAULTS = Defaults("a made file")
NETWORK = random_checkpoint(MobileNetConfig(0.25, 64, classes=7))
V2 = random_checkpoint(MobileNetV2Config(0.35, 64, classes=7))
CHANNELS = 256
Part = Callable[[GraphMaker], object]


def refused(graph: FileGraph) -> str:
    with pytest.raises(CheckpointError) as caught:
        read(graph, DEFAULTS)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "attributes", "words"),
    [
        ("conv2_depthwise", {"strides": (1, 1)},
         r"layer conv2_depthwise \(FileConv\) has stride 1 where MobileNet v1 at alpha .* has 2"),
        ("conv3_depthwise", {"strides": (1, 2)}, r"conv3_depthwise .* stride \(1, 2\)"),
        ("conv3_depthwise", {"dilations": (2, 2)}, "conv3_depthwise .* dilation 2"),
        ("conv3_depthwise", {"auto_pad": "VALID"}, "conv3_depthwise .* zeros"),
        ("conv3_depthwise", {"auto_pad": "SAME_LOWER"}, "conv3_depthwise .* the rule SAME_LOWER"),
        ("conv3_pointwise", {"group": 2}, r"conv3_pointwise .* kernel"),
    ],
)  # fmt: skip
def test_the_first_layer_that_differs_is_named(
    name: str, attributes: dict[str, object], words: str
) -> None:
    message = refused(changed(graph_of(NETWORK), name, **attributes))
    assert re.search(words, message), message


def without_activation(graph: FileGraph, place: int) -> FileGraph:
    clips = [node for node in graph.nodes if node.op == "Clip"]
    return with_node(graph, clips[place].name, op="Identity", inputs=clips[place].inputs[:1])


def with_node(graph: FileGraph, name: str, **fields: object) -> FileGraph:
    nodes = (node._replace(**fields) if node.name == name else node for node in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def with_constant(graph: FileGraph, name: str, number: int, values: object) -> FileGraph:
    """Another constant as operand `number` of a node."""
    array = np.asarray(values, np.float32)
    key = next(node.inputs[number] for node in graph.nodes if node.name == name)
    return replace(
        graph, constants={**graph.constants, key: FileConstant(array.shape, lambda: array)}
    )


def named(graph: FileGraph, op: str, place: int) -> str:
    return [node.name for node in graph.nodes if node.op == op][place]


def test_another_activation_is_named() -> None:
    graph = graph_of(NETWORK)
    assert "conv1_pointwise (FileConv) has activation none" in refused(
        without_activation(graph, 2)
    )
    clip = named(graph, "Clip", 2)
    assert "conv1_pointwise (FileConv) is followed by a clip at 0 and 4" in refused(
        with_constant(graph, clip, 2, 4.0)
    )
    relu = with_node(graph, clip, op="Relu", inputs=graph.nodes[8].inputs[:1])
    assert "has activation relu where" in refused(relu)
    leaky = with_node(graph, clip, op="LeakyRelu", inputs=graph.nodes[8].inputs[:1])
    assert f"layer {clip} (FileClip) has no place" in refused(leaky)


def test_another_epsilon_is_named() -> None:
    graph = graph_of(NETWORK)
    norm = named(graph, "BatchNormalization", 5)
    message = refused(changed(graph, norm, epsilon=1e-5))
    assert "conv3_depthwise" in message
    assert "epsilon 1e-05 where MobileNet v1 at alpha 0.25 has 0.001" in message


def test_the_residuals_of_v2_are_compared() -> None:
    graph = graph_of(V2)
    first = named(graph, "Add", 0)
    *_, linear = next(node.inputs for node in graph.nodes if node.name == first)[:1]
    cut = with_node(graph, first, op="Identity", inputs=(linear,))
    assert "added the value of convolution none" in refused(cut)


def side_branch(maker: GraphMaker) -> None:
    before = maker.last
    maker.add("GlobalAveragePool")
    mean = maker.last
    maker.add("GlobalAveragePool", of=before)
    maker.add("Concat", mean, axis=1)


def attention(maker: GraphMaker) -> None:
    before = maker.last
    maker.add("Sigmoid")
    maker.add("Mul", before)


def largest(maker: GraphMaker) -> None:
    maker.add("GlobalMaxPool")


def part_of_the_map(maker: GraphMaker) -> None:
    maker.add("AveragePool", kernel_shape=(1, 1))


def scaled_result(maker: GraphMaker) -> None:
    pooled_matrix(maker)
    maker.add("Softmax", axis=-1)
    maker.add("Mul", 100.0)


def cut_off_result(maker: GraphMaker) -> None:
    pooled_matrix(maker)
    maker.add("Relu")


def softmax_inside(maker: GraphMaker) -> None:
    pooled_matrix(maker)
    maker.add("Softmax", axis=-1)
    maker.add("MatMul", np.ones((4, 3)))


def softmax_elsewhere(maker: GraphMaker) -> None:
    pooled_matrix(maker)
    maker.add("Softmax", axis=0)


def convolution_behind(maker: GraphMaker) -> None:
    maker.add("Mul", 2.0)
    maker.add("Conv", np.ones((8, CHANNELS, 1, 1)))
    pooled = maker.add("GlobalAveragePool")
    assert pooled


def pooled_matrix(maker: GraphMaker) -> None:
    maker.add("GlobalAveragePool")
    maker.add("Flatten")
    maker.add("MatMul", np.ones((CHANNELS, 4)), name="scores")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (side_branch, "joins 2 branches"),
        (attention, "stands behind another activation"),
        (largest, "(FileGlobalMaxPool) has no place"),
        (part_of_the_map, "takes no mean of each channel's whole map"),
        (scaled_result, "the result is moved, scaled or padded"),
        (cut_off_result, "layer scores (FileMatMul), is followed by a clip"),
        (softmax_inside, "layer scores (FileMatMul) is followed by softmax"),
        (softmax_elsewhere, "(FileSoftmax) works along axis 0"),
        (convolution_behind, "reads a map that is scaled behind its activation"),
    ],
    ids=lambda part: part.__name__ if callable(part) else "",
)
def test_a_head_that_is_not_understood_is_refused(head: Part, words: str) -> None:
    assert words in refused(graph_of(NETWORK, head=head))


def resized(maker: GraphMaker) -> None:
    maker.add("Resize", np.ones(4))


def mean_picture(maker: GraphMaker) -> None:
    maker.add("Sub", np.arange(3 * 64 * 64).reshape(3, 64, 64))


def left_out_colour(maker: GraphMaker) -> None:
    maker.add("Gather", np.array([0, 0, 2]), axis=1)


def mixed_colours(maker: GraphMaker) -> None:
    maker.add("Gather", np.array([1, 0, 2]), axis=1)


def padded_first(maker: GraphMaker) -> None:
    maker.add("Pad", np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    maker.add("Mul", 1 / 255)


def cut_off(maker: GraphMaker) -> None:
    maker.add("Clip", 0.0, 100.0)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (resized, "resizes pictures inside the network"),
        (mean_picture, "has a number of its own for each place"),
        (left_out_colour, "does not fit a value"),
        (mixed_colours, "that was moved"),
        (padded_first, "is applied to a map with zeros around it"),
        (cut_off, "stands where no activation is"),
    ],
    ids=lambda part: part.__name__ if callable(part) else "",
)
def test_preprocessing_that_is_not_understood_is_refused(before: Part, words: str) -> None:
    assert words in refused(graph_of(NETWORK, before))


def test_two_results_are_refused_by_name() -> None:
    graph = graph_of(NETWORK)
    maker = GraphMaker([*graph.nodes], {**graph.constants}, graph.nodes[-4].output)
    maker.add("Tanh", name="other")
    both = replace(graph, nodes=tuple(maker.nodes), outputs=(graph.outputs[0], maker.last))
    assert "2 results that do not lead to each other" in refused(both)
    assert "layer other (FileTanh)" in refused(both)


def test_a_value_that_is_read_at_two_points_is_a_branch() -> None:
    graph = graph_of(V2)
    add = next(node for node in graph.nodes if node.op == "Add")
    norm = next(node for node in graph.nodes if node.output == add.inputs[1])
    early = with_node(graph, add.name, inputs=(add.inputs[0], norm.inputs[0]))
    assert "a second branch begins behind" in refused(early)


@pytest.mark.parametrize(
    ("name", "attributes"),
    [("conv0", {"storage_order": 1}), ("conv13_pointwise", {"activation": "HardSwish"})],
)
def test_an_attribute_that_is_not_known_is_refused(
    name: str, attributes: dict[str, object]
) -> None:
    message = refused(changed(graph_of(NETWORK), name, **attributes))
    assert f"layer {name} (FileConv) has {next(iter(attributes))}" in message
