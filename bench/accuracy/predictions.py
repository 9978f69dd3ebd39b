"""Raw answers, one line a photograph, while they are made: what a stopped run goes on from.

The first line says what is compared; every other line is one photograph, in the order of the
set. Lines are handed to the system as they come, so neither Ctrl-C nor SIGKILL loses them; one
that was cut in the middle is removed when the run goes on. Reading streams: memory does not
grow with the number of photographs.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from bench.results.records import Model, Photographs
from mobilenet.common.errors import RecordError

SCHEMA = 1
T = TypeVar("T")
FIRST = 5  # answers that are kept, of each model for each photograph


class EntryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One model fed by one recipe; fields as in `bench.results.records.Accuracy`."""

    name: str
    model: Model
    runtime: str
    unit: str
    precision: str
    recipe: str
    geometry: str
    published_top1: float | None = None
    published_top5: float | None = None


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two entries that are compared: their positions, and what their error is of."""

    reference: int
    other: int
    logits: bool


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared. A run goes on only where all of this is as it was."""

    schema: int = SCHEMA
    tool: str
    software: dict[str, str]
    photographs: Photographs
    entries: tuple[EntryRecord, ...]
    pairs: tuple[Pair, ...]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What one entry made of one photograph."""

    first: tuple[int, ...]  # outputs, most likely first; at most `FIRST`
    probability: float  # of the first of them
    place: int  # of the true class among `first`, from 1; 0 when it is not there
    finite: bool = True


class Prediction(msgspec.Struct, frozen=True, omit_defaults=True):
    """All answers to one photograph."""

    image: str
    truth: str
    broken: str = ""  # why it could not be opened; then nothing else is here
    answers: tuple[Answer, ...] = ()  # as `Head.entries`
    errors: tuple[float | None, ...] = ()  # as `Head.pairs`; None where one was not finite


class Log:
    """An open, locked file of predictions. Made by `opened`."""

    def __init__(self, path: Path, file: BinaryIO, done: int) -> None:
        self.path, self._file, self.done = path, file, done

    def append(self, prediction: Prediction) -> None:
        """Write one line. Raises `RecordError` on a full disk."""
        line = msgspec.json.encode(prediction) + b"\n"
        end = os.fstat(self._file.fileno()).st_size
        if self._file.write(line) != len(line):  # an unbuffered write stops where the disk ends
            os.ftruncate(self._file.fileno(), end)
            raise RecordError(
                f"{self.path}: the disk is full", "make room; the same command goes on"
            )


@contextmanager
def opened(path: Path, head: Head) -> Iterator[Log]:
    """A new file for `head`, or the one that an earlier run of the same comparison left.

    Raises `RecordError` when `path` holds another comparison, or another run is writing to it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        _lock(file, path)
        if _cut_last_line(file):
            _check(path, head)
            done = sum(1 for _ in read(path))
        else:
            file.write(msgspec.json.encode(head) + b"\n")
            done = 0
        yield Log(path, file, done)


def read_head(path: Path) -> Head:
    with path.open("rb") as file:
        return _decoded(msgspec.json.Decoder(Head), file.readline(), path, 1)


def read(path: Path) -> Iterator[Prediction]:
    """The photographs' lines, one after the other."""
    decoder = msgspec.json.Decoder(Prediction)
    with path.open("rb") as file:
        file.readline()
        for number, line in enumerate(file, start=2):
            yield _decoded(decoder, line, path, number)


def _decoded(decoder: "msgspec.json.Decoder[T]", line: bytes, path: Path, number: int) -> T:
    try:
        return decoder.decode(line)
    except msgspec.DecodeError as error:
        raise RecordError(
            f"{path}, line {number}: {error}", "delete the file to begin anew, or name another"
        ) from error


def _check(path: Path, head: Head) -> None:
    if read_head(path) != head:
        raise RecordError(
            f"{path} holds another comparison: packages, recipes, photographs or software differ",
            "name another --output, or delete it to begin anew",
        )


def _cut_last_line(file: BinaryIO) -> int:
    """Remove what follows the last line end; returns the bytes that are left."""
    end = file.seek(0, os.SEEK_END)
    position = end
    while position > 0:
        step = min(1 << 16, position)
        file.seek(position - step)
        found = file.read(step).rfind(b"\n")
        if found >= 0:
            position = position - step + found + 1
            break
        position -= step
    if position != end:
        os.ftruncate(file.fileno(), position)
    file.seek(0, os.SEEK_END)
    return position


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # falls with the process, however it ends
    except BlockingIOError as error:
        raise RecordError(
            f"another run is writing to {path}", "wait for it, or name another --output"
        ) from error
