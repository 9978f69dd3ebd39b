"""Keras models as graphs: what they compute is what torch computes with the same weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from keras_files import (
    SIZE,
    WAYS,
    functional,
    layer,
    picture,
    sequential,
    tensorflow_js,
    write,
)
from mobilenet.graph import FileGraph
from mobilenet.sources.keras import model_graph
from run_graph import run

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.uniform(-2, 2, (1, 3, SIZE, SIZE)).astype(np.float32)
PIXELS = torch.from_numpy(IMAGE)
NO_WEIGHTS: dict[str, Any] = {}
SAME = {"padding": "same", "use_bias": False}


def normal(*shape: int) -> np.ndarray:
    return RANDOM.normal(0, 0.3, shape).astype(np.float32)


def norm(channels: int) -> dict[str, np.ndarray]:
    variance = RANDOM.uniform(0.5, 2, channels).astype(np.float32)
    return {"gamma": normal(channels), "beta": normal(channels),
            "moving_mean": normal(channels), "moving_variance": variance}  # fmt: skip


def dense(inputs: int, units: int) -> dict[str, np.ndarray]:
    return {"kernel": normal(inputs, units), "bias": normal(units)}


def answer(graph: FileGraph) -> np.ndarray:
    return run(graph, {graph.input.name: IMAGE})[graph.outputs[0]]


def close(graph: FileGraph, expected: torch.Tensor) -> None:
    got = answer(graph)
    assert got.shape == tuple(expected.shape)
    np.testing.assert_allclose(got, expected.numpy(), rtol=1e-5, atol=1e-5)


def model(*layers: dict[str, Any], **options: Any) -> dict[str, Any]:
    return functional(picture(), *layers, **options)


def graph_of(folder: Path, description: dict[str, Any], weights: Any = NO_WEIGHTS) -> FileGraph:
    return model_graph.graph_of(write(folder / "model", description, weights, "keras3.h5"))


NETWORK = {
    "stem": {"kernel": normal(3, 3, 3, 4)},
    "stem_bn": norm(4),
    "deep": {"kernel": normal(3, 3, 4, 1)},
    "head": dense(4, 5),
}
PLACES = ["conv2d", "batch_normalization", "depthwise_conv2d", "dense"]


def network(keras: int) -> dict[str, Any]:
    return model(
        layer("Conv2D", "stem", "image", filters=4, kernel_size=[3, 3], strides=[2, 2], **SAME),
        layer("BatchNormalization", "stem_bn", "stem", axis=[3], epsilon=0.1),
        layer("Activation", "stem_relu", "stem_bn", activation="relu6"),
        layer("ZeroPadding2D", "pad", "stem_relu", padding=[[0, 1], [0, 1]]),
        layer("DepthwiseConv2D", "deep", "pad", kernel_size=3, strides=2, use_bias=False),
        layer("GlobalAveragePooling2D", "pool", "deep"),
        layer("Dropout", "drop", "pool", rate=0.5, keywords={"training": False}),
        layer("Dense", "head", "drop", units=5, activation="softmax"),
        keras=keras,
    )


def network_answer() -> torch.Tensor:
    tensors = {name: {key: torch.from_numpy(array) for key, array in arrays.items()}
               for name, arrays in NETWORK.items()}  # fmt: skip
    padded = F.pad(torch.from_numpy(IMAGE), (0, 1, 0, 1))  # SAME of 8 pixels at stride 2
    stem = F.conv2d(padded, tensors["stem"]["kernel"].permute(3, 2, 0, 1), stride=2)
    bn = tensors["stem_bn"]
    stem = F.batch_norm(
        stem, bn["moving_mean"], bn["moving_variance"], bn["gamma"], bn["beta"], eps=0.1
    ).clamp(0, 6)
    kernel = tensors["deep"]["kernel"].permute(2, 3, 0, 1)
    deep = F.conv2d(F.pad(stem, (0, 1, 0, 1)), kernel, stride=2, groups=4)
    return (deep.mean((2, 3)) @ tensors["head"]["kernel"] + tensors["head"]["bias"]).softmax(1)


@pytest.mark.parametrize("keras", [2, 3])
@pytest.mark.parametrize("way", WAYS)
def test_a_model_is_read_from_every_kind_of_file(tmp_path: Path, way: str, keras: int) -> None:
    places = [f"layers/{place}" for place in PLACES]
    path = write(tmp_path / "model", network(keras), NETWORK, way, places)
    assert model_graph.graph_if_described(path) is not None
    graph = model_graph.graph_of(path)
    close(graph, network_answer())
    assert (graph.input.height, graph.input.width) == (SIZE, SIZE)
    assert graph.nodes[0].title == "layer stem (Conv2D)"
    assert graph.nodes[0].attributes["auto_pad"] == "SAME_UPPER"


def test_a_layers_model_of_tensorflow_js_is_read_with_its_labels(tmp_path: Path) -> None:
    folder = tensorflow_js(tmp_path / "model", network(2), dict(reversed(NETWORK.items())))
    for path in (folder, folder / "model.json"):
        graph = model_graph.graph_of(path)
        close(graph, network_answer())
        assert graph.said == {"labels": '["cat", "dog"]'}


def test_sizes_need_not_be_square_or_fixed(tmp_path: Path) -> None:
    described = functional(picture(None, 12), layer("GlobalMaxPooling2D", "pool", "image"))
    graph = graph_of(tmp_path, described)
    assert (graph.input.height, graph.input.width) == (None, 12)


@pytest.mark.parametrize("way", ["keras2.h5", "keras"])
def test_models_inside_models_have_weights_of_their_own(tmp_path: Path, way: str) -> None:
    """Both have a layer "conv", of one shape: neither names nor shapes alone tell them apart."""
    inner = [
        functional(picture(), layer("Conv2D", "conv", "image", filters=3, kernel_size=1),
                   name=name)["config"]
        for name in ("first", "second")
    ]  # fmt: skip
    described = model(
        {**layer("Functional", "first", "image"), "config": inner[0]},
        {**layer("Functional", "second", "first"), "config": inner[1]},
        layer("GlobalAveragePooling2D", "pool", "second"),
    )
    kernels = [normal(1, 1, 3, 3), normal(1, 1, 3, 3)]
    biases = [normal(3), normal(3)]
    weights = {
        f"{name}/conv": {"kernel": kernel, "bias": bias}
        for name, kernel, bias in zip(("first", "second"), kernels, biases, strict=True)
    }
    places = ["layers/functional/layers/conv2d", "layers/functional_1/layers/conv2d"]
    graph = model_graph.graph_of(write(tmp_path / "m", described, weights, way, places))
    pixels = torch.from_numpy(IMAGE)
    for kernel, bias in zip(kernels, biases, strict=True):
        pixels = F.conv2d(pixels, torch.from_numpy(kernel).permute(3, 2, 0, 1),
                          torch.from_numpy(bias))  # fmt: skip
    close(graph, pixels.mean((2, 3)))


def test_names_that_a_session_numbered_are_taken_by_their_order(tmp_path: Path) -> None:
    """TensorFlow 1 called the weights of "dense" "dense_1" where the model was loaded twice."""
    inner = sequential(
        layer("Dense", "dense", units=3), layer("Dense", "dense_1", units=3), name="top"
    )["config"]
    described = sequential(
        picture(), layer("GlobalAveragePooling2D", "pool"),
        {**layer("Sequential", "top"), "config": inner},
    )  # fmt: skip
    first, second = dense(3, 3), dense(3, 3)
    weights = {"top/dense_1": first, "top/dense_1_1": second}
    expected = PIXELS.mean((2, 3))
    for matrix in (first, second):
        expected = expected @ torch.from_numpy(matrix["kernel"]) + torch.from_numpy(matrix["bias"])
    close(graph_of(tmp_path, described, weights), expected)


PER_CHANNEL = torch.tensor([1.0, 2.0, 4.0]).reshape(1, 3, 1, 1)
ELLIPSIS = {"class_name": "__ellipsis__", "config": {}}
REVERSED = {"start": None, "stop": None, "step": -1}
ARRAY = {"class_name": "__numpy__", "config": {"value": [1.0, 2.0, 4.0], "dtype": "float32"}}


def operation(kind: str, *inputs: Any, module: bool = True, **config: Any) -> dict[str, Any]:
    made = layer(kind, kind.lower(), *inputs)
    where = {"module": "keras.src.ops.numpy", "registered_name": kind} if module else {}
    return {**made, **where, "config": {"name": kind.lower(), **config}}


def tensorflow_node(op: str, constants: dict[str, Any]) -> dict[str, Any]:
    node = {"name": "n", "op": op, "input": ["image", "n/y"], "attr": {"T": {"type": "DT_FLOAT"}}}
    return layer("TensorFlowOpLayer", "n", "image", node_def=node, constants=constants)


@pytest.mark.parametrize(
    ("layers", "expected", "keras"),
    [
        ([layer("Rescaling", "r", "image", scale=1 / 127.5, offset=-1)], PIXELS / 127.5 - 1, 3),
        ([layer("Rescaling", "r", "image", scale=ARRAY)], PIXELS * PER_CHANNEL, 3),
        (
            [layer("Normalization", "n", "image", axis=[-1], mean=[1, 2, 4], variance=[1, 4, 16])],
            PIXELS / PER_CHANNEL - 1,
            3,
        ),
        ([operation("TrueDivide", "image", 127.5)], PIXELS / 127.5, 3),
        ([operation("Subtract", 1.0, "image", module=False)], 1 - PIXELS, 3),
        ([operation("Add", "image", ARRAY)], PIXELS + PER_CHANNEL, 3),
        (
            [layer("TFOpLambda", "t", "image", function="math.truediv", keywords={"y": 127.5})],
            PIXELS / 127.5,
            2,
        ),
        (
            [operation("GetItem", "image", [ELLIPSIS, {"class_name": "__slice__",
                                                       "config": REVERSED}])],
            PIXELS.flip(1),
            3,
        ),
        (
            [layer("SlicingOpLambda", "s", "image", function="__operators__.getitem",
                   keywords={"slice_spec": [{"class_name": "__ellipsis__"}, REVERSED]})],
            PIXELS.flip(1),
            2,
        ),
        ([tensorflow_node("RealDiv", {"1": 127.5})], PIXELS / 127.5, 2),
        ([tensorflow_node("BiasAdd", {"1": [1.0, 2.0, 4.0]})], PIXELS + PER_CHANNEL, 2),
        ([layer("ReLU", "r", "image", max_value={"type": "ndarray", "value": 1.5})],
         PIXELS.clamp(0, 1.5), 3),
        ([layer("AveragePooling2D", "a", "image", pool_size=[2, 2], padding="same")],
         F.avg_pool2d(PIXELS, 2), 3),
        ([layer("RandomFlip", "f", "image", mode="horizontal", seed=None)], PIXELS, 3),
    ],
)  # fmt: skip
def test_what_happens_to_pixels(
    tmp_path: Path, layers: list[dict[str, Any]], expected: torch.Tensor, keras: int
) -> None:
    close(graph_of(tmp_path, model(*layers, keras=keras)), expected)


def test_channels_that_are_picked_and_stacked_are_reordered(tmp_path: Path) -> None:
    """keras.applications' "caffe" preprocessing in Keras 3."""
    picks = [
        {**operation("GetItem", "image", [ELLIPSIS, channel]), "name": f"pick_{channel}"}
        for channel in range(3)
    ]
    stack = operation("Stack", ["pick_2", "pick_1", "pick_0"], axis=-1)
    graph = graph_of(tmp_path, model(*picks, stack))
    assert [node.op for node in graph.nodes] == ["Gather"]
    close(graph, PIXELS.flip(1))


def test_adapted_normalization_has_its_numbers_among_the_weights(tmp_path: Path) -> None:
    described = sequential(picture(), layer("Normalization", "n", axis=[-1]))
    mean, variance = np.float32([1, 2, 4]), np.float32([1, 4, 0])
    weights = {"n": {"mean": mean, "variance": variance, "count": np.int64(9)}}
    deviation = torch.tensor([1, 2, 1e-7]).reshape(1, 3, 1, 1)
    close(graph_of(tmp_path, described, weights), (PIXELS - PER_CHANNEL) / deviation)


def test_flatten_keeps_the_order_of_channels_last(tmp_path: Path) -> None:
    kernel = normal(SIZE * SIZE * 3, 2)
    described = sequential(
        picture(), layer("Flatten", "flat"), layer("Dense", "d", units=2, use_bias=False),
        layer("Reshape", "map", target_shape=[1, 1, 2]),
    )  # fmt: skip
    flat = PIXELS.permute(0, 2, 3, 1).reshape(1, -1) @ torch.from_numpy(kernel)
    close(graph_of(tmp_path, described, {"d": {"kernel": kernel}}), flat.reshape(1, 2, 1, 1))


def test_a_dilated_same_convolution_runs(tmp_path: Path) -> None:
    kernel = normal(3, 3, 3, 2)
    settings = {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "groups": 1, **SAME}
    graph = graph_of(tmp_path, sequential(picture(), layer("Conv2D", "c", **settings)),
                     {"c": {"kernel": kernel}})  # fmt: skip
    weight = torch.from_numpy(kernel).permute(3, 2, 0, 1)
    close(graph, F.conv2d(PIXELS, weight, padding=2, dilation=2))


def test_constants_are_read_when_they_are_needed(tmp_path: Path) -> None:
    path = write(tmp_path / "model", network(3), NETWORK, "keras3.h5")
    graph = model_graph.graph_of(path)
    path.unlink()
    with pytest.raises(Exception, match=r"model\.h5"):
        answer(graph)
