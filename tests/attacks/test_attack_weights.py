"""Claims: no weight file ends in a traceback; the same weights are saved as the same bytes.

Whatever a file says of itself, it is read as what it is, or refused in one line with a hint.
"""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from mobilenet.checkpoint import Checkpoint
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError, UserError
from mobilenet.sources.recognise import read
from mutated_weights import FAMILIES, written

MUTANTS = {
    "safetensors": 150, "ours": 180, "beside": 100, "pth": 50, "h5": 30, "keras": 40,
    "tflite": 150, "slim": 150, "caffe": 150, "tar": 50,
}  # fmt: skip
LONGEST = 400  # characters of a line
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def outcome(path: Path) -> str:
    """ "" where a network was read, else the line; anything else is a failure."""
    refusal: UserError | None = None
    try:
        checkpoint = read(path)
    except UserError as error:
        refusal = error
    if refusal is None:
        assert isinstance(checkpoint, Checkpoint)  # which has judged every number in it
        return ""
    assert refusal.hint
    assert len(refusal.message) < LONGEST
    assert refusal.message.isprintable()
    return refusal.message


@pytest.mark.parametrize("family", FAMILIES)
def test_structured_mutants(family: str, tmp_path: Path) -> None:
    outcomes = set()
    for number in range(MUTANTS[family]):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = FAMILIES[family](Random(f"{family} {number}"), folder)
        try:
            outcomes.add(outcome(path))
        except Exception as error:
            error.add_note(f"mutant {number} of {family}")
            raise
    assert "" in outcomes or family == "safetensors"  # some are harmless
    assert len(outcomes) > 5  # and the others are refused for many reasons


# --- the door


class Panic(BaseException):
    """As a panic of Rust's: pyo3's exception is none of Python's usual ones."""


@pytest.mark.parametrize(
    "error", [Panic("index out of bounds\nnote: more"), MemoryError(), RecursionError("x" * 9999)]
)
def test_what_a_decoder_raises_is_one_line(error: BaseException) -> None:
    with (
        pytest.raises(CheckpointError, match=r"w\.pth cannot be read: ") as refused,
        decoding("w.pth"),
    ):
        raise error
    assert len(refused.value.message) < LONGEST
    assert refused.value.hint
    with pytest.raises(KeyboardInterrupt), decoding("w.pth"):
        raise KeyboardInterrupt


def test_a_fault_of_our_own_shows_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(written("tflite"))
    monkeypatch.setattr("mobilenet.sources.walk.graph_checkpoint.fitted", lambda *_: {}["a bug"])
    with pytest.raises(KeyError, match="a bug"):
        read(tmp_path / "x")


# --- whole commands


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "is empty (download or copy it again)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "(fetch it: git lfs pull)"),
        (b"\x80\x02" + b"(" * 99, "cannot be read"),
    ],
)
def test_a_name_that_is_not_utf8(content: bytes, line: str, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\x1b[2J.pth"
    Path(os.fsdecode(path)).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "mobilenet", "weights", path],
        env=ENVIRONMENT, capture_output=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr
    assert line.encode() in done.stderr


def test_weights_are_saved_as_the_same_bytes_by_every_process(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(written("slim"))
    saved = set()
    for name in ("a", "b"):
        command = ("-m", "mobilenet", "weights", str(tmp_path / "x"), "--save")
        subprocess.run(
            [sys.executable, *command, str(tmp_path / name)],
            env=ENVIRONMENT, capture_output=True, timeout=240, check=True,
        )  # fmt: skip
        saved.add((tmp_path / name).read_bytes())
    assert len(saved) == 1
