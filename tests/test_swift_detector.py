"""The Swift file of a detector: it parses, its boxes lie where they should, labels stay data."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageOps

from export import pipeline
from export.app import swift
from export.app.swift_detector import detector_source
from export.head_outputs import THRESHOLDS
from export.mil.read.model import read_any
from export.package.metadata import listed_labels
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from made_detector import LABELS, detector
from mobilenet.common.errors import ConfigError
from mobilenet.preprocess import Geometry
from swift_files import SwiftFile, parse

HOSTILE = ('"); fatalError("', "\\(exit(1))\n*/")
VIEWS = [(390, 844), (844, 390), (300, 300)]  # points
PHOTOS = [(4032, 3024), (3024, 4032), (640, 640), (97, 1000)]


def source(**options: object) -> str:
    prepared = prepare_checkpoint(detector(), ExportSpec(**options))
    return detector_source("Net", prepared.metadata, prepared.spec, swift.MACOS)


@pytest.fixture(scope="module")
def file() -> SwiftFile:
    return parse(source())


def test_it_is_written_beside_the_package_and_asks_for_what_is_in_it(tmp_path: Path) -> None:
    spec = ExportSpec(iou=0.45, confidence=0.2, target="ane")
    made = pipeline.export(detector(), tmp_path / "Net.mlpackage", spec=spec, verify=False,
                           swift=True)  # fmt: skip
    assert made.swift == tmp_path / "NetDetector.swift"
    text = made.swift.read_text()
    parse(text)
    assert "$" not in text
    assert "struct NetDetector {" in text
    assert "try Net(configuration: configuration)" in text
    assert "MLComputeUnits = .cpuAndNeuralEngine, iou: Double = 0.45, " in text
    assert "confidence: Double = 0.2\n" in text
    assert "UNTRAINED: its answers mean nothing" in text
    assert "@available(iOS 16.0, macOS 13.0, tvOS 16.0, *)" in text
    assert "imageCropAndScaleOption = .scaleFill" in text
    description = read_any(made.path).description
    for name in THRESHOLDS:
        assert f'"{name}": MLFeatureValue(double: ' in text
        assert name in {number.name for number in description.numbers}
    assert 'about?["labels"]' in text
    assert listed_labels(description.metadata) == LABELS


def test_scores_are_the_networks_and_unused_classes_are_not_shown() -> None:
    """Vision's labels add up to 1 (turicreate#1314); a pipeline has 80 classes, or 160, ..."""
    text = source()
    assert "label: best.identifier, confidence: object.confidence," in text
    assert "object.labels.first(where: { label in ours.contains(label.identifier) })" in text
    assert "let ours = Set(labels)" in text
    assert "unused" not in text


def turned(box: tuple[float, float, float, float]) -> SimpleNamespace:
    """Vision's rectangle for left, top, width, height in parts of an upright picture."""
    left, top, width, height = box
    return SimpleNamespace(minX=left, maxY=1 - top, width=width, height=height)


@pytest.mark.parametrize("fills", [True, False])
@pytest.mark.parametrize(("photo", "view"), [*product(PHOTOS, VIEWS)])
def test_a_box_lies_in_the_view_where_its_pixels_are(
    file: SwiftFile, photo: tuple[int, int], view: tuple[int, int], fills: bool
) -> None:
    """What UIKit does: the picture as large as fills the view, or fits, in its middle."""
    place = file.returned(
        "rectangle", box=turned((0.25, 0.125, 0.5, 0.25)), width=photo[0], height=photo[1],
        viewWidth=view[0], viewHeight=view[1], fills=fills,
    )  # fmt: skip
    ratios = [points / pixels for points, pixels in zip(view, photo, strict=True)]
    scale = max(ratios) if fills else min(ratios)
    shown = [pixels * scale for pixels in photo]
    left, top = ((points - side) / 2 for points, side in zip(view, shown, strict=True))
    expected = (left + shown[0] / 4, top + shown[1] / 8, shown[0] / 2, shown[1] / 4)
    assert [*place.values()] == pytest.approx(expected)
    whole = file.returned(
        "rectangle", box=turned((0, 0, 1, 1)), width=photo[0], height=photo[1],
        viewWidth=view[0], viewHeight=view[1], fills=fills,
    )  # fmt: skip
    covers = whole["width"] >= view[0] - 1e-6 and whole["height"] >= view[1] - 1e-6
    assert covers == (fills or ratios[0] == ratios[1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sides_are_those_of_the_upright_picture(orientation: int) -> None:
    """As Pillow turns a photograph of EXIF's orientation, whose numbers Apple's are."""
    text = source()
    lying = "[.left, .leftMirrored, .right, .rightMirrored]"
    assert f"let lyingDown: [CGImagePropertyOrientation] = {lying}" in text
    assert "? CGSize(width: height, height: width) : CGSize(width: width, height: height)" in text
    names = ("up", "upMirrored", "down", "downMirrored", "leftMirrored", "right", "rightMirrored",
             "left")  # fmt: skip
    stored = Image.new("L", (4, 3))
    stored.getexif()[0x0112] = orientation
    swaps = ImageOps.exif_transpose(stored).size == (3, 4)
    cases = {case.strip(" .") for case in lying.strip("[]").split(",")}
    assert (names[orientation - 1] in cases) == swaps


def test_no_label_is_in_the_file_whatever_it_is() -> None:
    hostile = replace(detector(), labels=(*HOSTILE, LABELS[2]))
    prepared = prepare_checkpoint(hostile, ExportSpec())
    assert detector_source("Net", prepared.metadata, prepared.spec, swift.MACOS) == source()


@pytest.mark.parametrize(
    ("options", "geometry", "problem"),
    [
        ({"outputs": "boxes"}, None, "a detector with outputs boxes: Vision"),
        ({"outputs": "tensors"}, None, "a detector with outputs tensors: Vision"),
        ({}, Geometry(1, whole="corner"), "a detector whose photographs are longer side to 96"),
    ],
)
def test_what_its_file_could_not_do_is_refused(
    options: dict[str, str], geometry: Geometry | None, problem: str, tmp_path: Path
) -> None:
    made = detector() if geometry is None else replace(detector(), geometry=geometry)
    spec = ExportSpec(**options)
    with pytest.raises(ConfigError, match=problem):
        pipeline.export(made, tmp_path / "d.mlpackage", spec=spec, swift=True, verify=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["CALayer", "Detection", "VNRecognizedObjectObservation"])
def test_a_name_that_the_file_uses_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in Swift that means something else"):
        swift.check_destination(tmp_path / f"{name}.mlpackage", "Detector")
