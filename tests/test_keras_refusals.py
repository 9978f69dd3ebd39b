"""Whatever could change what a Keras model computes, and is not understood, is refused by name."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from keras_files import functional, layer, picture, sequential, tensorflow_js, write
from mobilenet.common.errors import CheckpointError
from mobilenet.sources.keras import model_graph

KERNEL = np.zeros((1, 1, 3, 2), np.float32)
ONE_BY_ONE = {"filters": 2, "kernel_size": 1, "use_bias": False}


def graph_of(folder: Path, described: dict[str, Any], **weights: dict[str, np.ndarray]) -> None:
    model_graph.graph_of(write(folder / "model", described, weights, "keras3.h5"))


def after_picture(*layers: dict[str, Any], **options: Any) -> dict[str, Any]:
    return functional(picture(), *layers, **options)


VECTOR = np.zeros(3, np.float32)
WEIGHTS = {
    "DepthwiseConv2D": {"x": {"depthwise_kernel": KERNEL, "bias": VECTOR}},
    "Conv2D": {"x": {"kernel": KERNEL}},
    "BatchNormalization": {
        "x": dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), VECTOR)
    },
}
NODE = {"name": "n", "op": "StridedSlice", "input": ["image"], "attr": {}}
TWO_INPUTS = after_picture({**picture(), "name": "other"}, layer("Add", "sum", ["image", "other"]))
TWO_INPUTS["config"]["input_layers"] = [["image", 0, 0], ["other", 0, 0]]
SHARED = after_picture(layer("ReLU", "twice", "image"))
SHARED["config"]["layers"][1]["inbound_nodes"] *= 2
CIRCLE = after_picture(layer("ReLU", "one", "two"), layer("ReLU", "two", "one"))
MINE = after_picture({**layer("ReLU", "mine", "image"), "registered_name": "Custom>ReLU"})


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (["ReLU", {"slope_at_night": 2}], r"layer x \(ReLU\).*unknown field `slope_at_night`"),
        (["ReLU", {"threshold": 0.5}], r"layer x \(ReLU\) has threshold 0.5"),
        (["ReLU", {"dtype": "float64"}], r"layer x \(ReLU\).*float64"),
        (["Flatten", {"data_format": "channels_first"}], r"layer x \(Flatten\).*channels_first"),
        (["DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}], r"depth_multiplier"),
        (
            ["Conv2D", {**ONE_BY_ONE, "strides": 2, "dilation_rate": 2, "padding": "same"}],
            r"strides \(2, 2\)",
        ),
        (["Conv2D", {**ONE_BY_ONE, "groups": 2}], r"2 filters in 2 groups of 3 channels"),
        (["Conv2D", {**ONE_BY_ONE, "activation": "mine"}], r"activation mine"),
        (["Activation", {"activation": "hard_sigmoid"}], r"activation hard_sigmoid"),
        (["Softmax", {"axis": 0}], r"layer x \(Softmax\) has axis 0"),
        (["BatchNormalization", {"axis": [1]}], r"axis \[1\]"),
        (["BatchNormalization", {"renorm": True}], r"renorm"),
        (["Normalization", {"mean": [1, 2, 3], "variance": [1, 1, 1], "invert": True}], "invert"),
        (["Normalization", {"mean": [1, 2, 3], "variance": [1, 1, 1], "axis": 1}], "axis 1"),
        (["Rescaling", {"scale": [1, 2]}], r"numbers of shape \(2\)"),
        (["Rescaling", {"scale": "large"}], r"computes with 'large'"),
        (["Reshape", {"target_shape": [5]}], r"makes \(5\) of \(8, 8, 3\)"),
        (["Lambda", {"function": ["4wE"]}], r"layer x \(Lambda\) is not read"),
        (["Resizing", {"height": 4, "width": 4}], r"layer x \(Resizing\) is not read"),
        (["RandomCrop", {"height": 4, "width": 4}], r"layer x \(RandomCrop\) is not read"),
        (["Swin", {}], r"layer x \(Swin\) is not read"),
        (["TFOpLambda", {"function": "image.resize"}], r"computes image.resize"),
        (["TensorFlowOpLayer", {"node_def": NODE}], "StridedSlice of 1 values"),
        (["TensorFlowOpLayer", {"node_def": NODE | {"attr": {"begin_mask": {"i": "1"}}}}],
         "begin_mask"),
        (TWO_INPUTS, "2 inputs"),
        (SHARED, r"layer twice \(ReLU\) is called 2 times"),
        (CIRCLE, "circle"),
        (MINE, r"layer mine \(ReLU\) is not read"),
        (after_picture(layer("ReLU", "x", "gone")), "connected to gone"),
        (after_picture(layer("ReLU", "x", "image", keywords={"training": True})), "training"),
        (after_picture(layer("ReLU", "x", "image", keywords={"alpha": 2})), "alpha"),
        (after_picture(layer("ReLU", "x", "image"), layer("ReLU", "x", "image")), "2 layers x"),
        (functional({**picture(), "class_name": "ReLU"}), "called 0 times|is called"),
        (sequential(), "no layers"),
        (sequential(layer("ReLU", "first")), "takes shape None"),
        ({"class_name": "MyModel", "config": {}}, "of a MyModel"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(tmp_path: Path, described: Any, message: str) -> None:
    weights: dict[str, Any] = {}
    if isinstance(described, list):
        kind, settings = described
        described = after_picture(layer(kind, "x", "image", **settings))
        weights = WEIGHTS.get(kind, {})
    with pytest.raises(CheckpointError, match=message) as raised:
        graph_of(tmp_path, described, **weights)
    assert "\n" not in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "0 layers, its description 1"),
        ({"c": {"kernel": KERNEL}, "d": {"kernel": KERNEL}}, "weights of 2 layers"),
        ({"c": {"kernel": KERNEL, "bias": KERNEL[0, 0, 0]}}, "weights kernel, bias in the file"),
        ({"c": {"gamma": KERNEL}}, "weights gamma in the file, kernel in its description"),
        ({"c": {"kernel": KERNEL[..., :1]}}, r"needs a kernel of shape \(1, 1, 3, 2\)"),
    ],
)
def test_weights_must_be_those_of_the_description(
    tmp_path: Path, weights: dict[str, dict[str, np.ndarray]], message: str
) -> None:
    described = sequential(picture(), layer("Conv2D", "c", **ONE_BY_ONE))
    with pytest.raises(CheckpointError, match=message):
        graph_of(tmp_path, described, **weights)


def test_numbered_places_must_be_those_of_the_description(tmp_path: Path) -> None:
    described = sequential(picture(), layer("Conv2D", "c", **ONE_BY_ONE))
    for place, message in (("dense", "layers/dense/vars/0"), ("conv2d_1", "layers/conv2d_1")):
        path = write(tmp_path / place, described, {"c": {"kernel": KERNEL}}, "keras",
                     [f"layers/{place}"])  # fmt: skip
        with pytest.raises(CheckpointError, match=message):
            model_graph.graph_of(path)


def test_kernels_of_theano_are_turned_around_and_refused(tmp_path: Path) -> None:
    described = sequential(picture(), layer("Conv2D", "c", **ONE_BY_ONE))
    path = write(tmp_path / "m", described, {"c": {"kernel": KERNEL}}, "keras2.h5")
    with h5py.File(path, "r+") as file:
        file["model_weights"].attrs["backend"] = "theano"
    with pytest.raises(CheckpointError, match="theano"):
        model_graph.graph_of(path)


def test_weights_alone_describe_nothing(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "alone.h5", "w") as file:
        file["conv1/conv1/kernel:0"] = KERNEL
    assert model_graph.graph_if_described(tmp_path / "alone.h5") is None
    with pytest.raises(CheckpointError, match="describes no model"):
        model_graph.graph_of(tmp_path / "alone.h5")
    (tmp_path / "config.json").write_text('{"model_type": "mobilenet_v1"}')
    assert model_graph.graph_if_described(tmp_path) is None


def test_order_says_nothing_in_tensorflow_js(tmp_path: Path) -> None:
    """Its converter sorts layers by name."""
    described = sequential(picture(), layer("Conv2D", "c", **ONE_BY_ONE))
    folder = tensorflow_js(tmp_path / "model", described, {"c_1": {"kernel": KERNEL}})
    with pytest.raises(CheckpointError, match="weights kernel in the file, kernel in its"):
        model_graph.graph_of(folder)
