"""Detectors and segmenters compared: what their heads give, and what is said of their use."""

from dataclasses import replace
from pathlib import Path

import pytest

from export import pipeline
from export.spec import ExportSpec
from export.verify.diff import Difference, diff
from export.views import diff_card
from made_detector import detector
from made_segmenter import segmenter
from mobilenet.checkpoint import Checkpoint
from mobilenet.preprocess import SQUASHED
from mobilenet.store import save


def package(made: Checkpoint, path: Path, **options: object) -> Path:
    spec = ExportSpec(precision="fp32", **options)
    return pipeline.export(made, path, spec=spec, verify=False).path


def names(difference: Difference) -> set[str]:
    return {each.name for each in difference.layers}


def test_two_detectors_by_boxes_scores_thresholds_and_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pipelines, of which the network is compared; labels are the detector's own, not all 80."""
    first = package(detector(), tmp_path / "a.mlpackage", iou=0.4)
    renamed = replace(detector(), labels=("cat", "wolf", "owl"))
    second = package(renamed, tmp_path / "b.mlpackage", iou=0.5, agnostic=True)
    difference = diff(first, second)
    assert {"boxes_by_side", "scores_padded", "encodings"} <= names(difference)
    assert difference.first_difference is None
    assert difference.causes == (
        "thresholds: iouThreshold 0.4, confidenceThreshold 0.3, agnostic false; in the reference "
        "iouThreshold 0.5, confidenceThreshold 0.3, agnostic true",
        "labels: 1 of 3 differ, the first is 1: 'dog'; in the reference 'wolf'",
    )
    diff_card.show(difference, json=False)
    assert difference.causes[0] in " ".join(capsys.readouterr().out.split())


def test_a_wrong_head_is_found_against_the_weights(tmp_path: Path) -> None:
    """The scores of one map with another sign."""
    made = detector()
    wrong = replace(made.layers["scores2"], kernel=-made.layers["scores2"].kernel)
    path = package(
        replace(made, layers=made.layers | {"scores2": wrong}), tmp_path / "a.mlpackage"
    )
    save(made, tmp_path / "net.safetensors")
    difference = diff(path, tmp_path / "net.safetensors")
    off = {each.name for each in difference.layers if not each.within(0.05)}
    assert off == {"scores2", "scores_of_classes"}
    assert difference.first_difference == "scores2"
    assert difference.causes == ("weights of scores2: off by 2.0e+00",)
    assert difference.unmatched_reference == ()


def test_two_segmenters_by_their_scores_and_what_they_see(tmp_path: Path) -> None:
    first = package(segmenter(), tmp_path / "a.mlpackage")
    squashed = replace(segmenter(), geometry=SQUASHED, labels=("sky", *segmenter().labels[1:]))
    second = package(squashed, tmp_path / "b.mlpackage", outputs="mask")
    difference = diff(first, second)
    assert "large_scores" in names(difference)
    assert difference.causes == (
        "photographs in the app: whole (corner), bilinear; in the reference whole (squash), "
        "bilinear",
        "labels: 1 of 5 differ, the first is 0: 'background'; in the reference 'sky'",
    )
