"""Raw answers, one line a photograph, while they are made: what a stopped run goes on from.

The first line says what is compared; every other line is one photograph, in the order of the
set. Lines are handed to the system as they come, so neither Ctrl-C nor SIGKILL loses them, and a
power cut those of the last second only; one that was cut in the middle is removed when the run
goes on. Reading streams: memory does not grow with the number of photographs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from bench.accuracy.photographs import Photograph
from bench.results import line_file
from bench.results.bounds import Count, Number, Share
from bench.results.line_file import LineFile
from bench.results.records import Model, Photographs
from mobilenet.common import durable
from mobilenet.common.errors import RecordError

SCHEMA = 2  # of version 1, `evaluations` were called `entries`
T = TypeVar("T")
FLUSH_S = 1  # an answer takes less time than bringing it to the disk does
ANEW = "delete the file to begin anew, or name another"
FIRST = 5  # answers that are kept, of each model for each photograph


class EvaluationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One model fed by one recipe; fields as in `bench.results.records.Accuracy`."""

    name: str
    model: Model
    runtime: str
    unit: str
    precision: str
    recipe: str
    geometry: str
    published_top1: Number | None = None
    published_top5: Number | None = None


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two evaluations that are compared: their positions, and what their error is of."""

    reference: int
    other: int
    logits: bool


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared. A run goes on only where all of this is as it was."""

    schema: int = SCHEMA
    tool: str
    software: dict[str, str]
    photographs: Photographs
    evaluations: tuple[EvaluationRecord, ...]
    pairs: tuple[Pair, ...]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What one evaluation made of one photograph; outputs by their numbers."""

    first: Annotated[tuple[Count, ...], Meta(min_length=1, max_length=FIRST)]  # best first
    probability: Share  # of the first of them
    rank: Count  # of the true class among `first`, from 1; 0 when it is not there
    finite: bool = True


class Prediction(msgspec.Struct, frozen=True, omit_defaults=True):
    """All answers to one photograph."""

    image: str
    truth: str
    broken: str = ""  # why it could not be opened; then nothing else is here
    answers: tuple[Answer, ...] = ()  # as `Head.evaluations`
    errors: tuple[Number | None, ...] = ()  # as `Head.pairs`; None where one was not finite


class Log(NamedTuple):
    """An open file of predictions, and how many photographs it has."""

    file: LineFile
    done: int


@contextmanager
def opened(path: Path, head: Head) -> Iterator[Log]:
    """A new file for `head`, or the one that an earlier run of the same comparison left.

    Raises `RecordError` when `path` holds another comparison, or another run is writing to it.
    """
    durable.make_folder(path.parent)
    with path.open("a+b", buffering=0) as file:
        line_file.lock(file, path)
        if line_file.cut_last_line(file):
            _check(path, head)
            done = sum(1 for _ in line_file.lines(path)) - 1
        else:
            line_file.write(file, [head])
            done = 0
        try:
            yield Log(LineFile(path, file, "the same command", FLUSH_S), done)
        finally:
            durable.flush(file.fileno())


def read_head(path: Path) -> Head:
    """The first line. Raises `RecordError` for a file that has another."""
    _, line = next(line_file.lines(path), (1, b""))
    return _decoded(msgspec.json.Decoder(Head), line, path, 1)


def read(path: Path, head: Head, photographs: Sequence[Photograph]) -> Iterator[Prediction]:
    """The lines, one a photograph, in their order. Raises `RecordError` for one that is not."""
    decoder = msgspec.json.Decoder(Prediction)
    for number, line in line_file.lines(path):
        if number > 1:
            prediction = _decoded(decoder, line, path, number)
            if not _fits(prediction, head, photographs[number - 2 : number - 1]):
                raise RecordError(f"{path}, line {number} is not of this comparison", ANEW)
            yield prediction


def _fits(prediction: Prediction, head: Head, photographs: Sequence[Photograph]) -> bool:
    """Whether it answers for the first of `photographs`, once for each evaluation and pair."""
    counts = len(prediction.answers), len(prediction.errors)
    whole = bool(prediction.broken) or counts == (len(head.evaluations), len(head.pairs))
    return whole and any(
        (item.name, item.truth) == (prediction.image, prediction.truth) for item in photographs
    )


def _decoded(decoder: "msgspec.json.Decoder[T]", line: bytes, path: Path, number: int) -> T:
    try:
        with line_file.decoding():
            return decoder.decode(line)
    except msgspec.DecodeError as error:
        raise RecordError(f"{path}, line {number}: {error}", ANEW) from error


def _check(path: Path, head: Head) -> None:
    if read_head(path) != head:
        raise RecordError(
            f"{path} holds another comparison: packages, recipes, photographs or software differ",
            "name another --output, or delete it to begin anew",
        )
