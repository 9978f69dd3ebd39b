"""Pictures from files: the same pixels as ever, and bounds with a reason."""

import io
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from mobilenet.common import images, memory_limit
from mobilenet.common.errors import ConfigError
from mobilenet.common.images import MAX_ASPECT, PictureError, open_picture
from mobilenet.preprocess import Geometry
from picture_mutants import samples


@pytest.mark.parametrize(("name", "data"), list(samples()), ids=[name for name, _ in samples()])
def test_pixels_are_those_of_pillows_own_opening(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with Image.open(path) as expected:
        square = Geometry().apply(open_picture(path), 24)
        np.testing.assert_array_equal(square, Geometry().apply(expected, 24))


def test_a_profile_that_is_not_the_pixels_is_not_followed_later(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")
    foreign = swapped.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    path = tmp_path / "inks.tif"
    Image.new("CMYK", (30, 30), (0, 150, 250, 0)).save(path, icc_profile=foreign)
    with Image.open(path) as expected:
        square = Geometry().apply(open_picture(path), 24)
        np.testing.assert_array_equal(square, Geometry().apply(expected, 24))


def test_sides_and_pixels_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    for size in ((MAX_ASPECT * 2, 2), (2, MAX_ASPECT * 2)):
        Image.new("L", size).save(path)
        assert open_picture(path).size == size
    for size in ((MAX_ASPECT * 2 + 1, 2), (2, MAX_ASPECT * 2 + 1)):
        Image.new("L", size).save(path)
        with pytest.raises(PictureError, match="one side is more than 100 times the other"):
            open_picture(path)
    monkeypatch.setattr(images, "MAX_PIXELS", 99)
    Image.new("L", (10, 10)).save(path)
    with pytest.raises(PictureError, match="10 x 10 pixels are more than 99"):
        open_picture(path)


def test_what_starts_another_program_is_no_picture(tmp_path: Path) -> None:
    path, file = tmp_path / "a.jpg", io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "EPS")
    path.write_bytes(file.getvalue())
    with pytest.raises(PictureError, match="none of JPEG"):
        open_picture(path)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not enforced")
def test_memory_of_a_block_is_bounded() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with pytest.raises(ConfigError, match="takes more than 16 MiB"), memory_limit.growth(16 << 20):
        bytearray(256 << 20)
    with memory_limit.growth(256 << 20):
        assert bytearray(64 << 20)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not enforced")
def test_a_picture_that_takes_too_much_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (8000, 8000)).save(path, compress_level=1)  # more than a process has to spare
    monkeypatch.setattr(images, "MAX_DECODING_BYTES", 8 << 20)
    with pytest.raises(PictureError, match="takes more than 8 MiB of memory"):
        open_picture(path)
