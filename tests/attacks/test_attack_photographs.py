"""Claim: whatever a photograph is, it is opened or a counted, named row; no run ends by it.

Nothing hangs on a FIFO, and a picture that is refused never takes a gigabyte.
"""

import os
import socket
from pathlib import Path

import numpy as np
import pytest

import picture_mutants
from bench.accuracy import evaluate, photographs, recipes
from bench.accuracy.classifiers import Classifier
from bench.accuracy.evaluate import Evaluation
from bench.results.records import Model
from conftest import PHOTO
from export.__main__ import app
from mobilenet.common import terminal
from mobilenet.common.children import ChildPool
from mobilenet.common.errors import ConfigError
from mobilenet.common.images import MAX_ASPECT
from mobilenet.common.size import Size
from mobilenet.preprocess import STANDARD_CROP

LIMIT_S = 300.0  # for all of them, on a loaded machine


def test_every_mutant_is_a_picture_or_a_reason_in_bounded_memory(tmp_path: Path) -> None:
    count = picture_mutants.write_all(tmp_path)
    assert count > 300
    with ChildPool(1) as pool:
        opened = pool.submit(
            lambda child: child.call(LIMIT_S, picture_mutants.opened_all, tmp_path)
        ).result()
    assert len(opened.reasons) == count
    assert all(reason and "\n" not in reason for reason in opened.reasons.values())
    whole = [name for name, reason in opened.reasons.items() if " x " in reason[:14]]
    assert len(whole) > 13
    assert opened.peak_bytes < 1e9


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of one whole photograph and several that are none."""
    folder = tmp_path / "photographs" / "cat"
    folder.mkdir(parents=True)
    (folder / "whole.jpg").write_bytes(PHOTO.read_bytes())
    (folder / "cut.jpg").write_bytes(PHOTO.read_bytes()[:9000])
    (folder / "thin.png").write_bytes(picture_mutants.png(200_000, 1, 1, 0))
    (folder / "folder.jpg").mkdir()
    (folder / "lost.jpg").symlink_to("nowhere")
    (folder / "self.jpg").symlink_to("self.jpg")
    (folder / "circle").symlink_to("..")
    (folder / os.fsdecode(b"\xff.jpg")).write_bytes(PHOTO.read_bytes())
    os.mkfifo(folder / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket.jpg"))
    return folder.parent


def test_odd_photographs_are_rows(odd: Path) -> None:
    dataset = photographs.find(odd)
    assert dataset.notes == ("left out: 1 whose names are not UTF-8",)
    assert dataset.summary().images == 7
    model = Model(name="net", identity="0", size_bytes=1, trained=True)

    def answer(pictures: object) -> object:
        return np.zeros((len(pictures), 1), np.float32)

    classifier = Classifier(
        model, "fake", "CPU", Size(32, 32), 1, ("cat",), True, answer, geometry=STANDARD_CROP
    )
    evaluation = Evaluation(classifier, recipes.named("squash"), {"cat": 0})
    answers = list(evaluate.predictions(dataset.photographs, [evaluation], [], jobs=1))
    reasons = {Path(answer.image).stem: answer.broken for answer in answers}
    assert reasons.pop("whole") == ""
    assert reasons.pop("fifo") == "it is a device or a pipe"
    assert reasons.pop("lost") == "it is not there any more"
    assert f"one side is more than {MAX_ASPECT} times the other" in reasons.pop("thin")
    assert sorted(reasons) == ["cut", "self", "socket"]
    assert all(reasons.values())
    with pytest.raises(ConfigError, match="is a device or a pipe"):
        photographs.find(odd, odd / "cat" / "fifo.jpg")


@pytest.mark.parametrize("name", ["cut.jpg", "thin.png", "fifo.jpg", "socket.jpg", "self.jpg"])
def test_one_odd_picture_is_one_line(
    name: str, odd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calibration = tmp_path / "calibration"
    calibration.mkdir()
    (odd / "cat" / name).rename(calibration / name)
    command = ["--weights", "untrained", "--alpha", "0.25", "--resolution", "32", "--shallow",
               "--compress", "w8a8", "--calibrate", str(calibration),
               "--output", str(tmp_path / "a.mlpackage")]  # fmt: skip
    assert terminal.run(app, command) == 2
    errors = capsys.readouterr().err
    assert f"holds 0 photographs to calibrate with, 40 are needed; skipped {name}: " in errors
    assert "Traceback" not in errors
