"""Photographs to calibrate with: which are used, held back, or skipped for a reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import PHOTO
from export.compression import calibration
from export.compression.calibration import LEAST_PHOTOGRAPHS, read_calibration
from made_photographs import folder_of
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import SQUASHED
from mobilenet.untrained import untrained


@pytest.fixture(scope="module")
def network() -> Checkpoint:
    return untrained(MobileNetConfig(0.25, 64, classes=7))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photographs")


def shown(pixels: np.ndarray) -> set[bytes]:
    return {picture.tobytes() for picture in pixels}


def test_what_the_network_sees_is_what_an_app_gives_it(network: Checkpoint, folder: Path) -> None:
    photographs = read_calibration(folder, network)
    expected = set()
    for path in folder.iterdir():
        with Image.open(path) as picture:
            image = network.geometry.apply(picture, network.config.size)
            expected.add(network.normalization.apply(image).tobytes())
    both = [photographs.views(x) for x in (photographs.learned_from, photographs.held_back)]
    inputs = [each for x in both for each in photographs.inputs(x)]
    assert {each.tobytes() for each in inputs} == expected
    assert photographs.margin == 4
    assert [len(x) for x in both] == [32, 8]


def test_a_picture_kept_whole_has_no_margin(network: Checkpoint, folder: Path) -> None:
    squashed = replace(network, geometry=SQUASHED)
    photographs = read_calibration(folder, squashed)
    assert photographs.margin == 0
    assert photographs.learned_from.shape[1:] == (64, 64, 3)


def test_views_are_moved_and_mirrored(network: Checkpoint, folder: Path) -> None:
    photographs = read_calibration(folder, network)
    moved = photographs.views(photographs.held_back, 1, -2, mirrored=True)
    by_hand = photographs.held_back[:, 5 : 5 + 64, 2 : 2 + 64][:, :, ::-1]
    assert np.array_equal(moved, by_hand)


def test_names_do_not_say_what_is_held_back(network: Checkpoint, folder: Path) -> None:
    before = read_calibration(folder, network)
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"{(number * 7) % LEAST_PHOTOGRAPHS} renamed.png")
    after = read_calibration(folder, network)
    assert np.array_equal(before.learned_from, after.learned_from)
    assert np.array_equal(before.held_back, after.held_back)
    assert before.digest == after.digest
    other = read_calibration(folder, network, seed=1)
    assert shown(other.held_back) != shown(before.held_back)
    assert other.digest != before.digest
    assert not shown(before.held_back) & shown(before.learned_from)


def spoil(folder: Path) -> dict[str, str]:
    """Add pictures of no use; the reasons by name."""
    (folder / "broken.jpg").write_bytes(PHOTO.read_bytes()[:3000])
    (folder / "text.png").write_text("no picture")
    Image.new("RGB", (90, 90), (10, 200, 30)).save(folder / "plain.png")
    with Image.open(PHOTO) as photograph:
        photograph.convert("L").save(folder / "grey.png")
        photograph.resize((20, 15)).save(folder / "tiny.png")
    (folder / "zz again.png").write_bytes((folder / "003.png").read_bytes())
    return {
        "broken.jpg": "", "text.png": "it is none of JPEG", "plain.png": "it is of one colour",
        "grey.png": "it is grey", "tiny.png": "its 20 x 15 pixels are too few",
        "zz again.png": "it is the same picture as 003.png",
    }  # fmt: skip


def test_pictures_of_no_use_are_named(network: Checkpoint, folder: Path) -> None:
    clean = read_calibration(folder, network)
    reasons = spoil(folder)
    photographs = read_calibration(folder, network)
    assert photographs.digest == clean.digest
    assert len(photographs.skipped) == len(reasons)
    for name, reason in reasons.items():
        assert any(each.startswith(f"{name}: {reason}") for each in photographs.skipped), name


def test_grey_pictures_are_right_where_most_are(network: Checkpoint, folder: Path) -> None:
    for path in folder.iterdir():
        with Image.open(path) as picture:
            grey = picture.convert("L")
        grey.save(path)
    assert not read_calibration(folder, network).skipped


def test_too_few_are_refused_with_the_number(network: Checkpoint, folder: Path) -> None:
    (folder / "000.png").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"39 photographs .* 40 are needed; skipped 000.png: "):
        read_calibration(folder, network)


def test_memory_is_bounded(
    network: Checkpoint, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "MAX_BYTES", 30 * 72 * 72 * 3)
    with pytest.raises(ConfigError, match=r"holds 30 photographs"):
        read_calibration(folder, network)


@pytest.mark.parametrize("bound", [{"MAX_BYTES": 40 * 72 * 72 * 3}, {"MAX_PHOTOGRAPHS": 40}])
def test_of_too_many_those_are_read_that_names_decide(
    bound: dict[str, int], network: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "many", 60)
    all_of_them = read_calibration(folder, network)
    for name, value in bound.items():
        monkeypatch.setattr(calibration, name, value)
    photographs = read_calibration(folder, network)
    assert (all_of_them.unread, photographs.unread) == (0, 20)
    for number in range(60):  # every third is not read
        if number % 3 == 2:
            (folder / f"{number:03}.png").unlink()
    assert read_calibration(folder, network).digest == photographs.digest
