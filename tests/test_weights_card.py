"""What was read of a weight file is shown: how, what was assumed, and layer by layer."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import slim_files
import weight_files
from export.pipeline import export
from export.source import Published
from export.spec import ExportSpec, Variant
from export.views import export_card
from file_graphs import graph_of
from mobilenet import store
from mobilenet.__main__ import app
from mobilenet.checkpoint import Provenance
from mobilenet.common import terminal
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.sources.walk.graph_checkpoint import Defaults
from mobilenet.sources.walk.graph_checkpoint import read as read_graph
from mobilenet.views.layer_list import read_layers


def shown(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert terminal.run(app, ["weights", *map(str, words)]) == 0
    return capsys.readouterr().out


@pytest.fixture
def slim(tmp_path: Path) -> Path:
    original = weight_files.random_checkpoint(MobileNetConfig(0.25, 64, classes=1001))
    return slim_files.slim(original, tmp_path / "x.pb")


def test_a_graph_says_what_it_is_and_what_was_assumed(
    slim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, slim).splitlines()
    rows = {line[:13].strip(): line[13:].strip() for line in lines if line[0] != " "}
    assert rows["read"] == "by its graph (TensorFlow frozen graph)"
    assert rows["head"] == "mean of the map, 1000 classes, softmax"
    assert rows["assumed"].startswith("preprocessing: pixel x 0.00784314 - 1, RGB, since the file")
    assert lines[-1].strip() == "labels: ImageNet's, since there are as many classes"


def test_layers_bear_the_names_of_the_file(slim: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = shown(capsys, slim, "--layers").splitlines()[-28:]
    first, last = (line.split(maxsplit=2) for line in (table[0], table[-1]))
    assert first[:2] == ["conv0", "MobilenetV1/Conv2d_0/convolution"]
    assert " ".join(first[2].split()) == "8 x 3 x 3 x 3 2 0 1 0 1 1 relu6 8 x 32 x 32"
    assert last[:2] == ["logits", "MobilenetV1/Logits/Conv2d_1c_1x1/convolution"]
    assert " ".join(last[2].split()) == "1000 x 256 1 0 0 0 0 1 softmax 1000"


def test_json_has_everything(slim: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads(shown(capsys, slim, "--json"))
    assert record["config"]["alpha"] == 0.25
    assert record["config"]["layer"] is None
    assert "until" not in record["config"]
    assert record["read"] == "by its graph (TensorFlow frozen graph)"
    assert len(record["assumed"]) == 2
    assert record["layers"][1] == {
        "name": "conv1_depthwise", "file_name": "MobilenetV1/Conv2d_1_depthwise/convolution",
        "kernel": [8, 1, 3, 3], "stride": 1, "pads": [1, 1, 1, 1], "dilation": 1,
        "activation": "relu6", "value": [8, 32, 32],
    }  # fmt: skip


def test_every_layer_is_named_once_where_values_are_added() -> None:
    """Behind an addition the nearest convolution is the row's, or an earlier row's."""
    graph = graph_of(weight_files.random_checkpoint(MobileNetV2Config(0.35, 64, classes=7)))
    layers = read_layers(read_graph(graph, Defaults("made")))
    assert [layer.file_name for layer in layers] == [layer.name for layer in layers]


def test_other_files_say_how_they_were_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = weight_files.random_checkpoint(MobileNetConfig(0.25, 32, classes=3))
    named = replace(original, labels=("a", "b", "c"), provenance=Provenance("made", trained=True))
    store.save(named, tmp_path / "ours")
    ours = shown(capsys, tmp_path / "ours", "--layers")
    assert "our own file" in ours
    assert "assumed" not in ours
    assert "a, b ..." in ours
    assert "logits            -" in ours
    theirs = shown(capsys, weight_files.transformers(original, tmp_path / "theirs"))
    assert "by names" in theirs


def test_labels_beside_are_named(slim: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (slim.parent / "labels.txt").write_text("\n".join(f"thing {i}" for i in range(1000)))
    out = shown(capsys, slim)
    assert "thing 0, thing 1 ... (labels.txt beside the weights)" in out
    assert "ImageNet's" not in out


def test_layers_want_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.run(app, ["weights", "--layers"]) == 2
    assert "--layers" in capsys.readouterr().err


def test_an_export_prints_what_was_assumed(
    slim: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = export(Variant(weights=str(slim)), tmp_path / "m.mlpackage", verify=False)
    export_card.show(exported, json=False)
    out = capsys.readouterr().out
    assert "by its graph (TensorFlow frozen graph)" in out
    assert "assumed        preprocessing: pixel x 0.00784314 - 1, RGB, since the file says" in out
    assert "labels: ImageNet's" in out


def test_a_card_says_at_which_other_sizes_weights_are_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variant, spec = Variant(alpha=0.25, weights="keras_0.25_224"), ExportSpec(resolutions="32,224")
    source = Published(variant, offline=True)
    exported = export(source, tmp_path / "m.mlpackage", spec=spec, verify=False)
    export_card.show(exported, json=False)
    out = " ".join(capsys.readouterr().out.split())
    assert "49.8 % published; trained at 224 pixels, used at 32" in out
    assert "functions r32: 32 x 32" in out
    assert "r224: 224 x 224" in out
