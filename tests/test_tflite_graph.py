"""The graph of a `.tflite`: its input, its constants, its metadata, its order."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch.nn.functional as F

import weight_files
from mobilenet.common.errors import CheckpointError
from mobilenet.fold import fold
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.sources.tflite.tflite_graph import graph_of
from mobilenet.untrained import untrained
from tflite_files import MAP, TfliteFile, graph, metadata, refused, result

RNG = np.random.default_rng(5)
PICTURE = RNG.standard_normal((1, 5, 6, 3)).astype(np.float32)


def test_shapes_that_the_file_computes_are_known_before_it_runs(tmp_path: Path) -> None:
    def write(file: TfliteFile, pixels: int) -> int:
        whole = {"dtype": "int32"}
        shape = file.operate("SHAPE", [pixels], (4,), result=whole)
        limits = [file.constant(np.int32([place]), "int32") for place in (0, 1, 1)]
        batch = file.operate("STRIDED_SLICE", [shape, *limits], (), result=whole, i32_4=1)
        rest = file.constant(np.int32(90), "int32")
        target = file.operate("PACK", [batch, rest], (2,), result=whole, i32_0=2)
        return file.operate("RESHAPE", [pixels, target], (1, 90))

    made = graph(tmp_path, write, signature=(-1, 5, 6, 3))
    np.testing.assert_array_equal(result(made, PICTURE), PICTURE.reshape(1, -1))
    assert {node.op for node in made.nodes} == {"Transpose", "Reshape"}
    refused(tmp_path, "asks for a size that the file leaves open", write, signature=(1, -1, 6, 3))
    open_size = graph(tmp_path, lambda file, pixels: file.operate("RELU", [pixels], MAP),
                      signature=(-1, -1, -1, 3))  # fmt: skip
    assert open_size.input.height is None
    assert open_size.input.width is None


@pytest.mark.parametrize(("dtype", "zero", "black"), [("uint8", 7, 7), ("int8", -100, 28)])
def test_a_quantised_input_says_what_pixels_mean(
    dtype: str, zero: int, black: int, tmp_path: Path
) -> None:
    pixels = RNG.integers(0, 256, MAP).astype(np.float32)
    stored = {"dtype": dtype, "scale": [1 / 255], "zero": [zero]}
    made = graph(
        tmp_path, lambda file, source: file.operate("DEQUANTIZE", [source], MAP), **stored
    )
    np.testing.assert_allclose(result(made, pixels), (pixels - black) / 255, atol=1e-6)
    assert made.format == "TensorFlow Lite, quantised"


def test_bytes_without_a_scale_are_pixels_as_they_are(tmp_path: Path) -> None:
    made = graph(tmp_path, lambda file, source: file.operate("CAST", [source], MAP), dtype="uint8")
    np.testing.assert_array_equal(result(made, PICTURE), PICTURE)
    assert json.loads(made.said["normalization"]) == {"mean": [0] * 3, "std": [1] * 3}


def test_metadata_says_normalisation_and_labels(tmp_path: Path) -> None:
    def path(data: bytes, files: dict[str, str], **source: Any) -> Path:
        file = TfliteFile()
        pixels = file.tensor(MAP, **source)
        last = file.operate("RELU", [pixels], MAP)
        (tmp_path / "x.tflite").unlink(missing_ok=True)
        return file.write(tmp_path / "x.tflite", [pixels], [last], 1, data, files)

    said = metadata([127.5], [127.5, 127.5, 64], "labels.txt")
    labels = {"labels.txt": "tench\nbig fish \n"}
    found = graph_of(path(said, labels)).said
    assert json.loads(found["normalization"]) == {"mean": [127.5] * 3, "std": [127.5, 127.5, 64.0]}
    assert json.loads(found["labels"]) == ["tench", "big fish"]
    quantised = graph_of(path(said, labels, dtype="uint8", scale=[0.1], zero=[0]))
    assert set(quantised.said) == {"labels"}
    for data, files, message in (
        (said, {}, "labels in labels.txt, which is not there"),
        (metadata([1], [0]), {}, "normalises by 1 means and 1 deviations"),
        (metadata([1, 2], [1]), {}, "normalises by 2 means"),
        (metadata([1], [1], kind=4), {}, "process unit of kind 4"),
        (b"\xff" * 20, {}, "metadata of an unknown kind"),
        (b"\xff\xff\xff\x7fM001" + bytes(8), {}, "metadata of x.tflite cannot be read"),
        (said, labels | {"../evil": ""}, "points outside"),
    ):
        with pytest.raises(CheckpointError, match=message):
            graph_of(path(data, files))


def test_inputs_outputs_and_order(tmp_path: Path) -> None:
    file = TfliteFile()
    pixels = file.tensor(MAP)
    unused = file.operate("TANH", [pixels], MAP)  # leads nowhere
    last = file.operate("RELU", [pixels], MAP)
    path = tmp_path / "x"
    assert [node.op for node in graph_of(file.write(path, [pixels], [last])).nodes] == ["Relu"]
    for inputs, outputs, graphs, message in (
        ([pixels, unused], [last], 1, "has 2 inputs, not 1"),
        ([pixels], [last], 2, "has 2 graphs, not 1"),
        ([pixels], [99], 1, "tensor 99 is used but not there"),
    ):
        file = TfliteFile()
        file.operate("RELU", [file.tensor(MAP)], MAP)
        file.operate("RELU", [0], MAP)
        with pytest.raises(CheckpointError, match=message):
            graph_of(file.write(path, inputs, outputs, graphs))
    for shape, message in (((1, 5, 6, 1), r"shape \(1, 5, 6, 1\)"), ((2, 5, 6, 3), "shape")):
        file = TfliteFile()
        file.operate("RELU", [file.tensor(shape)], shape)
        with pytest.raises(CheckpointError, match=message):
            graph_of(file.write(path, [0], [1]))
    file = TfliteFile()  # reads what comes only later
    file.tensor(MAP)
    file.operate("ADD", [0, 2], MAP)
    file.operate("RELU", [1], MAP)
    with pytest.raises(CheckpointError, match="computes its input 1, which must"):
        graph_of(file.write(path, [0], [2]))


@pytest.mark.parametrize(("kind", "rtol"), [("float32", 1e-5), ("float16", 1e-2)])
def test_a_whole_network(kind: str, rtol: float, tmp_path: Path) -> None:
    original = fold(untrained(MobileNetConfig(0.1, 64, classes=7), seed=3))
    made = graph_of(weight_files.tflite(original, tmp_path / "x", kind))
    picture = RNG.standard_normal((1, 64, 64, 3)).astype(np.float32)
    expected = weight_files.plain_forward(
        original, picture.transpose(0, 3, 1, 2).copy(), padding="same", epsilon=0,
        activation=F.relu6,
    )  # fmt: skip
    assert made.nodes[-1].op == "Softmax"
    logits = result(replace(made, outputs=made.nodes[-1].inputs), picture)
    np.testing.assert_allclose(logits, expected, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize(
    ("which", "bound"), [("0.25_128", 0.3), ("0.5_160", 0.1), ("0.75_192", 0.05)]
)
def test_real_quantised_graphs(real_weights: Path, which: str, bound: float) -> None:
    made = graph_of(real_weights / f"mobilenet_v1_{which}_quant.tflite")
    reference = np.load(real_weights / f"reference/quant_{which}.npz")
    pictures = reference["x"].astype(np.float32)
    ours = np.concatenate([result(made, picture[None]) for picture in pictures])
    theirs = reference["probs_u8"] / 256
    assert (ours.argmax(1) == theirs.argmax(1)).all()
    assert np.abs(ours - theirs).max() < bound
    assert json.loads(made.said["labels"])[0] == "background"


@pytest.mark.parametrize(
    "name", ["deeplabv3_mnv2_pascal_quant", "deeplabv3_mnv2_dm05_pascal_quant"]
)
def test_real_label_maps(real_weights: Path, name: str) -> None:
    reference = np.load(real_weights / "reference/deeplab_quant_513.npz")
    made = graph_of(real_weights / f"{name}.tflite")
    ours = result(made, reference["cat_x"][None].astype(np.float32))[0]
    assert (ours == reference[f"cat_{name}"]).mean() > 0.97
