"""The Swift file of a segmenter: it parses, covers the photograph, and copies nothing by pixel."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export import pipeline
from export.app import swift
from export.app.swift_segmenter import segmenter_source
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from made_segmenter import segmenter
from mobilenet.common.errors import ConfigError
from mobilenet.common.size import Size
from mobilenet.preprocess import IN_CORNER
from swift_files import SwiftFile, parse


def written(folder: Path, outputs: str | None, **options: object) -> str:
    spec = ExportSpec(outputs=outputs, **options)
    exported = pipeline.export(
        segmenter(), folder / f"Net{spec.file_kind.suffix}", spec=spec, verify=False, swift=True
    )
    assert exported.swift == folder / "NetSegmenter.swift"
    text = exported.swift.read_text()
    assert "$" not in text
    return text


@pytest.fixture(scope="module", params=["labels", "mask"])
def text(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("swift"), request.param)


@pytest.fixture(scope="module")
def files() -> dict[Size, SwiftFile]:
    """Of a square input and of an oblong one."""
    made = {}
    for size in (Size(65, 65), Size(65, 97)):
        prepared = prepare_checkpoint(segmenter().at(size), ExportSpec())
        made[size] = parse(segmenter_source("Net", prepared.metadata, "mask", swift.MACOS))
    return made


def test_it_parses_and_says_what_it_is(text: str) -> None:
    file = parse(text)
    functions = {
        node.child_by_field_name("name").text.decode()
        for node in file.nodes("function_declaration")
    }
    assert {"classes", "overlay", "place", "color", "picture", "labels"} <= functions
    assert "UNTRAINED: its answers mean nothing" in text
    assert 'about?["labels"]' in text
    assert "tree" not in text  # the labels travel with the model


def test_no_element_is_taken_from_an_array_by_itself(text: str) -> None:
    """29 ms of network and 240 ms of copying: tucan9389/ImageSegmentation-CoreML."""
    assert not re.search(r"\barray\[", text)
    assert "dataPointer" not in text
    assert ("MLShapedArray" in text) != ("VNPixelBufferObservation" in text)


@given(width=st.integers(1, 9000), height=st.integers(1, 9000))
def test_the_photograph_lies_where_python_puts_it(
    files: dict[Size, SwiftFile], width: int, height: int
) -> None:
    """To the pixel in a square input; in another, but for sides of just half a pixel."""
    for size, file in files.items():
        names = {name: file.constant(name) for name in ("inputWidth", "inputHeight")}
        place = file.returned("place", width=width, height=height, **names)
        left, top, right, bottom = IN_CORNER.region((width, height), size)
        python = [left * size.width, (1 - bottom) * size.height, (right - left) * size.width,
                  (bottom - top) * size.height]  # fmt: skip
        assert [*place.values()] == pytest.approx(python, abs=1e-9 if size.is_square else 1)


def test_what_is_padded_is_cut_off_again(text: str) -> None:
    assert "imageCropAndScaleOption = .scaleFill  // of the input's size already" in text
    assert "VNImageRequestHandler(ciImage: Self.input(upright))" in text
    assert "return Self.cutOut(small, for: upright.extent.size)" in text
    assert "samplingNearest()" in text


def test_an_array_needs_ios_15(tmp_path: Path) -> None:
    text = written(tmp_path, "labels", format="neuralnetwork", min_ios=14)
    assert "@available(iOS 15.0, macOS 12.0, tvOS 15.0, *)" in text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"outputs": "logits"}, "with input image and outputs logits"),
        ({"format": "coreai"}, "for a segmenter in the coreai format"),
    ],
)
def test_what_has_no_file_is_refused(
    options: dict[str, str], problem: str, tmp_path: Path
) -> None:
    spec = ExportSpec(**options)
    if spec.format == "coreai":
        pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    with pytest.raises(ConfigError, match=problem):
        pipeline.export(segmenter(), tmp_path / f"N{spec.file_kind.suffix}", spec=spec, swift=True)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["CIFilter", "Self", "VNPixelBufferObservation"])
def test_a_name_that_the_file_uses_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in Swift that means something else"):
        swift.check_destination(tmp_path / f"{name}.mlpackage", "Segmenter")
