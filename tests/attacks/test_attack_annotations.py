"""Annotations from anywhere: no file outside the folder is opened, no size is believed.

Claims: a COCO file or a mask that lies, is damaged or is huge costs one line and the exit code 2,
or that one picture; nothing is read outside of the folder that was named; nothing hangs.
"""

import json
import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from bench.__main__ import app
from bench.accuracy import coco, map_answers
from mobilenet.common import terminal
from picture_models import boxed_set, detector, masked_set, segmenter

COLOURS = [["red", "green", "blue", ""]]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("packages")
    return detector(folder / "boxes.mlpackage"), segmenter(folder / "maps.mlpackage")


def refusal(package: Path, data: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """What the command says, once it is known to be one line with a hint."""
    output = data.parent / "results.jsonl"
    command = ["accuracy", str(package), "--data", str(data), "--output", str(output)]
    assert terminal.run(app, [*command, "--runtime", "portable", "--jobs", "1"]) == 2
    assert not output.exists()
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../secret.png", "", "."])
def test_no_file_outside_is_opened(
    name: str, packages: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = boxed_set(tmp_path / "data", COLOURS)
    Image.new("RGB", (64, 48)).save(tmp_path / "secret.png")
    document = json.loads(data.read_text())
    document["images"][0]["file_name"] = name
    data.write_text(json.dumps(document))
    assert "lies outside" in refusal(packages[0], data, capfd)


@pytest.mark.parametrize(
    "text", ['{"images": ' + "[" * 500_000, '{"images": [], "annotations": [1e999]}', "\0" * 99]
)
def test_json_that_is_none(
    text: str, packages: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "instances.json"
    data.write_text(text)
    assert "cannot be read" in refusal(packages[0], data, capfd)


def test_json_that_is_too_large_or_a_pipe_is_not_read(
    packages: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "instances.json"
    with data.open("wb") as file:
        file.truncate(coco.MAX_JSON_BYTES + 1)  # a hole: no disk is used
    assert "files of at most" in refusal(packages[0], data, capfd)
    data.unlink()
    os.mkfifo(data)
    assert "not a folder" in refusal(packages[0], data, capfd)


def test_a_mask_that_claims_a_gigantic_size(
    packages: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = masked_set(tmp_path / "data", COLOURS)
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(header))
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + checksum
    (data / "masks/00.png").write_bytes(start + struct.pack(">I", 100) + b"IDAT")
    assert "00.png is not a picture that can be read" in refusal(packages[1], data, capfd)


def test_a_small_map_is_no_bomb() -> None:
    """A journal's map of 4 pixels that unpacks to gigabytes is given up after 5 bytes."""
    bomb = zlib.compress(bytes(1 << 26))
    assert map_answers.SmallMap(2, 2, bomb).classes() is None
