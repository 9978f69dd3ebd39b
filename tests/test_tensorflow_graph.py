"""Which part of a TensorFlow graph is read, and what is refused, by the name of its layer."""

from pathlib import Path

import numpy as np
import pytest

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.tensorflow.tensorflow_files import frozen_graph, graph_of
from run_graph import run
from tensorflow_graphs import (
    BOOL,
    EYE,
    FLOAT,
    STRING,
    UINT8,
    Type,
    const,
    conv,
    node,
    picture,
    whole,
)

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (1, 3, 8, 8)).astype(np.float32)
KERNEL = RNG.standard_normal((3, 3, 3, 4), np.float32)
NORM = [const(name, RNG.uniform(0.5, 1, 3)) for name in "gbmv"]

REFUSED = {
    "layer y (Frobnicate) is no operator that is read here": [node("y", "Frobnicate", "map")],
    "layer y (Relu) has the attribute shift": [node("y", "Relu", "map", shift=1)],
    "layer y (Relu) computes in DT_HALF": [node("y", "Relu", "map", T=Type(19))],
    "layer s (Sub) computes in DT_UINT8": [
        node("s", "Sub", "map", "map", T=Type(UINT8)), node("y", "Relu", "s")],
    "layer y (Relu) has 2 inputs, not 1": [node("y", "Relu", "map", "map")],
    "layer y (FusedBatchNorm) has is_training True": [
        *NORM, node("y", "FusedBatchNorm", "map", *"gbmv")],
    "layer y (FusedBatchNormV2) has is_training 0": [
        *NORM, node("y", "FusedBatchNormV2", "map", *"gbmv", is_training=0)],
    "layer y (FusedBatchNormV3) has is_training True": [
        *NORM, node("y", "FusedBatchNormV3", "map", *"gbmv")],
    "layer y (Conv2D) has data_format NCHW": [
        const("k", KERNEL), conv("y", "map", "k", data_format="NCHW")],
    "layer y (Conv2D) has padding REFLECT": [
        const("k", KERNEL), conv("y", "map", "k", padding="REFLECT")],
    "layer y (Conv2D) has strides [2, 1, 1, 1]": [
        const("k", KERNEL), conv("y", "map", "k", strides=(2, 1, 1, 1))],
    "layer y (Conv2D) has a kernel of (3, 3, 1, 4)": [
        const("k", KERNEL[:, :, :1]), conv("y", "map", "k")],
    "layer y (AvgPool) has no strides": [node("y", "AvgPool", "map", ksize=(1, 2, 2, 1))],
    "layer y (DepthwiseConv2dNative) has a channel multiplier of 4": [
        const("k", KERNEL), node("y", "DepthwiseConv2dNative", "map", "k",
                                 strides=(1, 1, 1, 1), padding="SAME")],
    "layer y (Reshape) gives (1, 8, 8, 3) the shape": [
        const("to", [1, 5]), node("y", "Reshape", "map", "to")],
    "layer y (Cast) turns DT_FLOAT into DT_UINT8": [
        node("y", "Cast", "map", SrcT=Type(FLOAT), DstT=Type(UINT8))],
    "layer y (Add) reads away": [node("y", "Add", "map", "away")],
    "layer b (VariableV2) holds no number": [
        node("b", "VariableV2", dtype=Type(FLOAT)), node("y", "BiasAdd", "map", "b")],
    "runs in a circle": [node("a", "Add", "map", "y"), node("y", "Relu", "a"),
                         node("z", "Relu", "y")],
    "reads 2 inputs (layer input (Placeholder), layer other (Placeholder))": [
        picture("other"), node("y", "Add", "map", "other")],
    "a layer is called y:sizes": [node("y:sizes", "Relu", "map")],
    "two layers are called y": [node("y", "Relu", "map"), node("y", "Relu6", "map")],
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_refused_by_name(message: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        frozen_graph(whole(*REFUSED[message]), "graph.pb")
    assert message in raised.value.message
    assert raised.value.hint


def test_what_leads_nowhere_is_left_out() -> None:
    """Decoding of files, saving, unknown parts of training: nothing that a result reads."""
    nodes = [
        node("DecodeJPGInput", "Placeholder", dtype=Type(STRING)),
        node("decoded", "DecodeJpeg", "DecodeJPGInput"), node("y", "Relu", "map", "^init"),
        node("init", "NoOp"), node("save", "SaveV2", "y"), const("rate", 0.1),
        node("Frobnicate", "Frobnicate", "rate"),
    ]  # fmt: skip
    graph = frozen_graph(whole(*nodes[:3], *nodes[3:4], *nodes[5:]), "graph.pb")
    assert [(made.name, made.kind) for made in graph.nodes] == [("map", "Conv2D"), ("y", "Relu")]
    assert graph.nodes[1].title == "layer y (Relu)"


def of_files(decoded: str) -> bytes:
    """Decodes files and resizes their pictures, then subtracts; `decoded` is what is resized."""
    return b"".join([
        node("DecodeJpeg/contents", "Placeholder", dtype=Type(STRING)),
        node("DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents", channels=3),
        node("Cast", "Cast", "DecodeJpeg", SrcT=Type(UINT8), DstT=Type(FLOAT)),
        const("half", 0.5), node("Mul", "Mul", "Cast", "half"),
        const("0", 0), node("ExpandDims", "ExpandDims", decoded, "0"), const("size", [6, 8]),
        node("Resize", "ResizeBilinear", "ExpandDims", "size"), const("mean", 127.5),
        node("Sub", "Sub", "Resize", "mean"), EYE, conv("y", "Sub", "eye"),
    ])  # fmt: skip


def test_the_picture_of_files_enters_behind_their_resize() -> None:
    graph = frozen_graph(of_files("Cast"), "graph.pb")
    assert graph.input == ("Resize", 6, 8)
    assert graph.said == {"input": "pictures as they leave layer Resize (ResizeBilinear)"}
    result = run(graph, {"Resize": X[:, :, :6]})["y"]
    np.testing.assert_allclose(result, X[:, :, :6] - 127.5)


def test_pixels_that_change_before_their_resize_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"layer DecodeJpeg/contents .* takes DT_STRING"):
        frozen_graph(of_files("Mul"), "graph.pb")


def test_an_output_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(whole(node("logits", "Relu", "map"), node("y", "Softmax", "logits")))
    assert graph_of(path, "logits").outputs == ("logits",)
    with pytest.raises(CheckpointError, match="the graph has no nothing"):
        graph_of(path, "nothing")


def test_a_free_size_stays_free() -> None:
    graph = frozen_graph(
        b"".join([picture("input", -1, -1, -1, 3), EYE, conv("y", "input", "eye")]), "graph.pb"
    )
    assert graph.input == ("input", None, None)
    assert run(graph, {"input": X})["y"].shape == (1, 3, 8, 8)
    with pytest.raises(CheckpointError, match=r"takes a value of shape \[8, 8, 8, 3\]"):
        frozen_graph(b"".join([picture("i", 8, 8, 8, 3), EYE, conv("y", "i", "eye")]), "graph.pb")


def test_constants_are_loaded_when_they_are_asked_for() -> None:
    large = np.ones((1, 1, 3, 1 << 16), np.float32)
    graph = frozen_graph(whole(const("k", large), conv("y", "map", "k")), "graph.pb")
    assert graph.constants["k:OIHW"].shape == (1 << 16, 3, 1, 1)
    assert graph.constants["k:OIHW"].load().sum() == large.size


def branches(phase: str) -> bytes:
    """Inference adds 1, training does what is not known here; `phase` decides."""
    return whole(
        const("no", np.bool_(False)), node("phase", "PlaceholderWithDefault", "no"),
        picture("fed", dtype=BOOL), const("1", 1.0),
        node("s", "Switch", "map", phase), node("train", "Frobnicate", "s:1"),
        node("infer", "Add", "s", "1"), node("more", "Frobnicate", "train"),
        node("m", "Merge", "infer", "more"), node("y", "Relu", "m"),
    )  # fmt: skip


def test_a_constant_decides_between_training_and_inference() -> None:
    graph = frozen_graph(branches("phase"), "graph.pb")
    assert [node.kind for node in graph.nodes] == ["Conv2D", "Add", "Identity", "Relu"]
    np.testing.assert_allclose(run(graph, {"input": X})["y"], X + 1)
    with pytest.raises(CheckpointError, match="reads 2 inputs"):
        frozen_graph(branches("fed"), "graph.pb")
