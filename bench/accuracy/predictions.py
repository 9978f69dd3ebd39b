"""What is kept of classifiers' answers to photographs, a line each: see `journal`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from bench.accuracy import journal
from bench.accuracy.photographs import Photograph
from bench.results.bounds import Count, Number, Share
from bench.results.records import Model, Photographs

SCHEMA = 2  # of version 1, `evaluations` were called `entries`
FIRST = 5  # answers that are kept, of each model for each photograph


class FedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model fed by one recipe; fields as in `bench.results.records.Accuracy`."""

    name: str
    model: Model
    runtime: str
    unit: str
    precision: str
    recipe: str
    geometry: str


class EvaluationRecord(FedModel, frozen=True, kw_only=True):
    """A classifier among them."""

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


def read(path: Path, head: Head, photographs: Sequence[Photograph]) -> Iterator[Prediction]:
    """The lines, one a photograph, in their order. Raises `RecordError` for one that is not."""
    return journal.read(
        path,
        Prediction,
        lambda place, prediction: _fits(prediction, head, photographs[place : place + 1]),
    )


def _fits(prediction: Prediction, head: Head, photographs: Sequence[Photograph]) -> bool:
    """Whether it answers for the first of `photographs`, once for each evaluation and pair."""
    counts = len(prediction.answers), len(prediction.errors)
    whole = bool(prediction.broken) or counts == (len(head.evaluations), len(head.pairs))
    return whole and any(
        (item.name, item.truth) == (prediction.image, prediction.truth) for item in photographs
    )
