"""The Swift file: it parses, takes the pixels Python does, and is refused where it would lie."""

from dataclasses import replace
from operator import truediv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from export import pipeline
from export.app import swift
from export.file_kinds import FILE_KINDS
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, PackageError
from mobilenet.common.images import upright_rgb
from mobilenet.common.size import Sides
from mobilenet.preprocess import Geometry
from swift_files import SwiftFile, parse, taken, text

EXIF = (
    "up", "upMirrored", "down", "downMirrored", "leftMirrored", "right", "rightMirrored", "left",
)  # fmt: skip
"""CGImagePropertyOrientation's cases; their raw values are EXIF's, from 1."""


def region(file: SwiftFile, width: float, height: float) -> swift.Region:
    """What the file's `regionOfInterest` returns."""
    names = {"width": width, "height": height}
    names |= {name: file.constant(name) for name in ("crop", "aspect")}
    return swift.Region(**file.returned("regionOfInterest", **names))


def source(checkpoint: Checkpoint, model: str = "Net", **options: object) -> str:
    return swift.source(model, prepare_checkpoint(checkpoint, ExportSpec(**options)).metadata)


def sized(checkpoint: Checkpoint, size: Sides, crop: float) -> Checkpoint:
    return replace(checkpoint.at(size), geometry=Geometry(crop))


@pytest.fixture(scope="module")
def at_224(hot: Checkpoint) -> SwiftFile:
    return parse(source(sized(hot, 224, 0.875)))


@pytest.mark.parametrize(
    ("width", "height", "pixels"),
    [
        (4032, 3024, (693, 189, 2646, 2646)),  # 4:3, upright sides; left, bottom, width, height
        (3024, 4032, (189, 693, 2646, 2646)),  # 3:4
        (1920, 1080, (487.5, 67.5, 945, 945)),  # 16:9
        (500, 500, (31.25, 31.25, 437.5, 437.5)),
    ],
)
def test_region_is_the_centred_square_of_seven_eighths(
    at_224: SwiftFile, width: int, height: int, pixels: tuple[float, ...]
) -> None:
    x, y, across, down = square = region(at_224, width, height)
    in_pixels = (x * width, y * height, across * width, down * height)
    assert in_pixels == pytest.approx(pixels, abs=1e-9)
    assert square == swift.region_of_interest(0.875, 1, width, height)


@given(
    width=st.integers(1, 20_000),
    height=st.integers(1, 20_000),
    crop=st.floats(0, 1, exclude_min=True, allow_subnormal=False) | st.just(1.0),
    aspect=st.builds(truediv, st.integers(32, 1024), st.integers(32, 1024)) | st.just(1.0),
)
def test_region_never_leaves_the_unit_square(
    width: int, height: int, crop: float, aspect: float
) -> None:
    """Vision fails for one that does."""
    x, y, across, down = swift.region_of_interest(crop, aspect, width, height)
    assert x >= 0
    assert y >= 0
    assert x + across <= 1
    assert y + down <= 1


@pytest.mark.parametrize("size", [224, 192, 160, 128, (96, 224), (224, 160)])
@pytest.mark.parametrize("crop", [0.875, 0.9, 1.0])
@pytest.mark.parametrize("photo", [(640, 480), (480, 640), (1280, 720), (500, 375)])
def test_region_is_what_python_takes_from_a_photograph(
    hot: Checkpoint, size: Sides, crop: float, photo: tuple[int, int]
) -> None:
    """Within a pixel of the network's input, which is all that rounding can move."""
    checkpoint = sized(hot, size, crop)
    x, y, across, down = region(parse(source(checkpoint)), *photo)
    width, height = photo
    left, right = taken(checkpoint.geometry, size, photo, axis=0)
    top, bottom = taken(checkpoint.geometry, size, photo, axis=1)
    pixel = (right - left) / checkpoint.config.size.width
    ours = np.array([left, right, top, bottom])
    vision = [x * width, (x + across) * width, (1 - y - down) * height, (1 - y) * height]
    np.testing.assert_allclose(ours, vision, atol=pixel)


def test_sides_are_swapped_for_pictures_that_lie_down(at_224: SwiftFile) -> None:
    cases = text(at_224.named("property_declaration", "lyingDown"), "value").strip("[]")
    swapped = {EXIF.index(case.strip(" .")) + 1 for case in cases.split(",")}
    stored = Image.new("L", (4, 3))
    turned = set()
    for value in range(1, 9):
        stored.getexif()[0x0112] = value
        assert upright_rgb(stored).size == ImageOps.exif_transpose(stored).size
        if upright_rgb(stored).size == (3, 4):
            turned.add(value)
    assert swapped == turned == {5, 6, 7, 8}


def test_every_orientation_of_a_photograph_keeps_its_name(at_224: SwiftFile) -> None:
    entries = [entry.text.decode().strip() for entry in at_224.nodes("switch_entry")]
    assert entries[-1] == "@unknown default: return .up"
    assert sorted(entries[:-1]) == sorted(f"case .{name}: return .{name}" for name in EXIF)


def test_it_names_the_class_the_compute_units_and_the_systems(hot: Checkpoint) -> None:
    ane = source(hot, "MyNet", target="ane")
    parse(ane)
    assert "struct MyNetClassifier {" in ane
    assert "try MyNet(configuration: configuration)" in ane
    assert "computeUnits: MLComputeUnits = .cpuAndNeuralEngine)" in ane
    assert "@available(iOS 16.0, macOS 13.0, tvOS 16.0, *)" in ane
    assert "MLComputeUnits = .cpuOnly)" in source(hot, target="cpu")
    assert "@available(iOS 15.0, macOS 12.0, tvOS 15.0, *)" in source(hot)
    assert "@available(iOS 26.0, macOS 26.0, tvOS 26.0, *)" in source(hot, min_ios=26)
    assert swift.MACOS.keys() >= {ios for kind in FILE_KINDS.values() for ios in kind.min_ios}
    old = replace(prepare_checkpoint(hot, ExportSpec()).metadata, min_ios=13)
    assert "@available(iOS 13.0, macOS 10.15, tvOS 13.0, *)" in swift.source("Net", old)


def test_untrained_weights_are_marked(hot: Checkpoint) -> None:
    assert "UNTRAINED" in source(hot)
    trained = replace(hot, provenance=replace(hot.provenance, trained=True))
    assert "UNTRAINED" not in source(trained)


def test_it_is_written_beside_the_package_and_anew(hot: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "Net.mlpackage"
    exported = pipeline.export(hot, path, verify=False, swift=True)
    assert exported.swift == tmp_path / "NetClassifier.swift"
    assert parse(exported.swift.read_text()).constant("crop") == 96 / 109
    exported.swift.write_text(swift.MARK + " before")
    pipeline.export(hot, path, verify=False, swift=True)
    assert parse(exported.swift.read_text()).constant("crop") == 96 / 109
    assert pipeline.export(hot, path, verify=False).swift is None


@pytest.mark.parametrize(
    ("options", "name", "problem"),
    [
        ({"outputs": "logits"}, "Net", "input image and outputs logits"),
        ({"input": "tensor"}, "Net", "input tensor and outputs classifier"),
        ({}, "my-net", "'my-net'"),
        ({}, "1net", "'1net'"),
        ({}, "class", "'class'.*something else"),
        ({}, "String", "'String'.*something else"),
        ({}, "network", "'network'.*something else"),
        ({}, "Netz\u00e4hler", "'Netz\u00e4hler'"),
    ],
)
def test_what_vision_or_xcode_could_not_use_is_refused_before_work(
    hot: Checkpoint, tmp_path: Path, options: dict, name: str, problem: str
) -> None:
    path = tmp_path / f"{name}.mlpackage"
    with pytest.raises(ConfigError, match=problem):
        pipeline.export(hot, path, spec=ExportSpec(**options), swift=True)
    assert not list(tmp_path.iterdir())


def test_a_swift_file_of_somebody_else_is_left_alone(hot: Checkpoint, tmp_path: Path) -> None:
    mine = tmp_path / "NetClassifier.swift"
    mine.write_text("// mine\n")
    with pytest.raises(PackageError, match="not written by this tool"):
        pipeline.export(hot, tmp_path / "Net.mlpackage", swift=True)
    assert [p.name for p in tmp_path.iterdir()] == [mine.name]
    assert mine.read_text() == "// mine\n"
