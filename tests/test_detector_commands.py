"""`--head ssdlite`: what it means, and what it refuses, by the calls that commands make."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bench.__main__ import app as bench
from export import pipeline
from export.source import Published
from export.spec import ExportSpec, Variant
from export.verify.reverify import reverify
from made_detector import LABELS, detector
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import COCO
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.store import save
from mobilenet.weights import heads
from mobilenet.weights.resolve import load_weights


def test_it_is_coco_s_unless_labels_are_given(tmp_path: Path) -> None:
    classes = tmp_path / "labels.txt"
    classes.write_text("\n".join(LABELS))
    config = heads.on(MobileNetV2Config(), "ssdlite", None, None)
    assert (config.classes, config.head) == (len(COCO), "ssdlite")
    assert heads.on(MobileNetV2Config(), "ssdlite", None, classes).classes == 3
    assert heads.usual_resolution("ssdlite") == 300


def test_a_saved_detector_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save(detector(), path)
    loaded, _ = load_weights(path, head="ssdlite")
    assert loaded.config == detector().config
    assert loaded.labels == LABELS


def test_another_head_than_the_file_s_is_refused_by_name(tmp_path: Path, hot: Checkpoint) -> None:
    boxes, classes = tmp_path / "boxes.safetensors", tmp_path / "classes.safetensors"
    save(detector(), boxes)
    save(hot, classes)
    with pytest.raises(CheckpointError, match=r"is no classifier: .*SSDLite"):
        load_weights(boxes, head="classifier")
    with pytest.raises(CheckpointError, match="is no ssdlite: it holds"):
        load_weights(classes, head="ssdlite")


def test_none_of_as_many_classes_are_known_by_a_name() -> None:
    config: NetworkConfig = MobileNetV2Config(head="ssdlite", classes=80)
    with pytest.raises(CheckpointError, match="no weights of SSDLite with 80 classes") as raised:
        heads.check_published(config)
    assert "--weights person" in raised.value.hint


@pytest.mark.parametrize("outputs", ["detections", "tensors"])
def test_a_package_is_verified_again(outputs: str, tmp_path: Path) -> None:
    weights, path = tmp_path / "net.safetensors", tmp_path / "net.mlpackage"
    save(detector(), weights)
    thresholds = {"iou": 0.4, "agnostic": True} if outputs == "detections" else {}
    spec = ExportSpec(outputs=outputs, precision="fp32", **thresholds)
    pipeline.export(detector(), path, spec=spec, verify=False)
    assert reverify(path, weights=str(weights)).verified.structure <= 1e-5


def test_labels_of_ones_own_are_the_packages(tmp_path: Path) -> None:
    """They are not the weights', and verified all the same: what names them is kept."""
    weights, classes, path = (tmp_path / name for name in ("n.safetensors", "l.txt", "n.mlmodel"))
    save(replace(detector(), labels=("class 1", "class 2", "class 3")), weights)
    classes.write_text("\n".join(LABELS))
    spec = ExportSpec(format="neuralnetwork", precision="fp32")
    source = Published(Variant(weights=str(weights)), classes=classes)
    exported = pipeline.export(source, path, spec=spec, verify=False)
    assert str(exported.metadata.labels_from).startswith("l.txt")
    assert reverify(path, weights=str(weights)).verified.structure <= 1e-5


def test_photographs_alone_are_refused_by_what_the_pipeline_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = pipeline.export(detector(), tmp_path / "net.mlpackage", verify=False).path
    (tmp_path / "photos" / "owl").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "owl" / "a.png")
    assert terminal.run(bench, ["accuracy", str(package), "--data", str(tmp_path / "photos")]) == 2
    assert "net is a detector: it has no top-1" in capsys.readouterr().err
