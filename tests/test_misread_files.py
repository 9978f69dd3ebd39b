"""Files that were misread once: each is read as what it is, and the misreading is rejected.

A misreading is put back by hand, and must be found by the file's own graph alone.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keras_networks
import slim_files
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from export.verify.agreement import probe_pictures
from export.verify.file_answers import answers, compared_at_own_size
from file_graphs import GraphMaker, graph_of
from misreadings import CLASSES, UNIT, Misread, check, configured, misnormalized, network, torchs
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError, ConfigError, VerificationError
from mobilenet.common.size import Size
from mobilenet.graph import FileGraph
from mobilenet.networks.classifier import Hidden
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import INCEPTION, Normalization
from mobilenet.sources.recognise import read
from mobilenet.sources.walk.graph_checkpoint import Defaults
from mobilenet.sources.walk.graph_checkpoint import read as read_graph
from mobilenet.untrained import untrained
from tensorflow_graphs import const, node
from tflite_files import TfliteFile

COLOURS = Normalization((0.02, 0.025, 0.04), (-2.0, -3.0, -4.0))
RESCALING: dict[str, Any] = {"Rescaling": {"scale": 1 / 255, "offset": 0.0}}
NORMALIZATION: dict[str, Any] = {
    "Normalization": {
        "axis": -1, "invert": False, "mean": [100.0, 120.0, 100.0],
        "variance": [2500.0, 1600.0, 625.0],
    }
}  # fmt: skip


def square(right: Checkpoint) -> Checkpoint:
    return replace(right.at(64), reading=replace(right.reading, size=Size.square(64)))


@pytest.mark.parametrize(
    ("options", "config", "normalization", "misread"),
    [
        ({"before": RESCALING}, {}, UNIT, misnormalized(INCEPTION)),
        ({"before": NORMALIZATION}, {}, COLOURS, misnormalized(INCEPTION)),
        ({"scores": "sigmoid"}, {}, INCEPTION, configured(scores="softmax")),
        ({}, {}, INCEPTION, configured(scores="sigmoid")),
        ({}, {"input_width": 96}, INCEPTION, square),
    ],
    ids=["rescaling", "normalization", "sigmoid", "softmax", "64 x 96"],
)
def test_a_keras_model_is_read_as_what_it_is(
    options: dict[str, Any], config: dict[str, Any], normalization: Normalization,
    misread: Misread, tmp_path: Path,
) -> None:  # fmt: skip
    original = network(**config)
    right = read(keras_networks.whole(original, tmp_path / "model.h5", **options))
    assert right.config.scores == options.get("scores", "softmax")
    assert right.config.size == original.config.size
    check(right, original, normalization, "keras", misread)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"conv_dw_3": {"strides": [2, 2]}}, r"layer conv_dw_3 .* stride 2 where .* has 1"),
        ({"conv_dw_3": {"dilation_rate": [2, 2]}}, r"layer conv_dw_3 .* dilation 2 where"),
        ({"conv_pw_4_relu": {"max_value": 4.0}}, r"conv_pw_4 .* a clip at 0 and 4"),
        ({"conv_pw_4_relu": {"max_value": None}}, r"conv_pw_4 .* activation relu where .* relu6"),
        ({"conv_pw_4_relu": {"negative_slope": 0.1}}, r"conv_pw_4_relu .*slope"),
        ({"conv_pw_4_bn": {"epsilon": 1e-5}}, r"conv_pw_4 .* epsilon 1e-05 where .* 0.001"),
        ({"pool": {"data_format": "channels_first"}}, r"pool .*channels_first"),
    ],
    ids=["stride", "dilation", "clip", "relu", "slope", "epsilon", "layout"],
)
def test_what_is_not_our_network_is_refused_by_its_layer(
    changed: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    path = keras_networks.whole(network(), tmp_path / "model.h5", **changed)
    with pytest.raises(CheckpointError, match=problem):
        read(path)


def test_a_retrained_graph_has_its_own_classes(tmp_path: Path) -> None:
    """TensorFlow's retrain.py: a new head behind the old one's logits."""
    original = untrained(MobileNetConfig(0.25, 64, classes=CLASSES), seed=3)
    kernel, bias = np.random.default_rng(1).standard_normal((2, CLASSES, 3), np.float32)
    tail = [
        const("final_weights", kernel), const("final_biases", bias[0]),
        node("product", "MatMul", "MobilenetV1/Predictions/Reshape", "final_weights"),
        node("sum", "Add", "product", "final_biases"), node("final_result", "Softmax", "sum"),
    ]  # fmt: skip
    path = slim_files.slim(original, tmp_path / "retrained.pb", tail=b"".join(tail))
    right = read(path)
    expected = torchs(original, INCEPTION, "same") @ kernel + bias[0]
    got = answers(right, probe_pictures(right.config.size)).logits
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    assert right.config.hidden == (Hidden(CLASSES),)
    compared_at_own_size(right)
    with pytest.raises(VerificationError, match="file"):
        compared_at_own_size(another_head(right))


def another_head(right: Checkpoint) -> Checkpoint:
    other = untrained(right.config, seed=4).layers["logits"]
    return replace(right, layers={**right.layers, "logits": other})


def one_number(ending: str) -> FileGraph:
    original = untrained(MobileNetConfig(0.25, 64, classes=1), seed=3)

    def head(maker: GraphMaker) -> None:
        maker.add("GlobalAveragePool")
        maker.add("Flatten")
        maker.dense(original.layers["logits"], "logits")
        if ending:
            maker.add(ending)

    return graph_of(original, head=head)


def test_one_number_stays_a_number() -> None:
    right = read_graph(one_number(""), Defaults("x"))
    assert prepare_checkpoint(right, ExportSpec()).spec.outputs == "logits"
    assert not [text for text in right.reading.assumed if "scores" in text]
    for outputs in ("classifier", "probabilities"):
        with pytest.raises(ConfigError, match="ends in one number"):
            prepare_checkpoint(right, ExportSpec(outputs=outputs))
    with pytest.raises(CheckpointError, match="softmax of one number, always 1"):
        read_graph(one_number("Softmax"), Defaults("x"))


def test_a_dense_net_as_tflite_is_no_damage(tmp_path: Path) -> None:
    file = TfliteFile()
    pixels = file.tensor((1, 48))
    matrix = file.constant(np.ones((3, 48), np.float32))
    result = file.operate("FULLY_CONNECTED", [pixels, matrix], (1, 3))
    path = tmp_path / "dense.tflite"
    file.write(path, [pixels], [result])
    with pytest.raises(CheckpointError) as error:
        read(path)
    assert "damaged" not in str(error.value)
