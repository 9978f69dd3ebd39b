"""From raw answers to records: counts, intervals, agreement. One pass, memory of a few numbers."""

import base64
import heapq
import io
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.accuracy.evaluate import Evaluation
from bench.accuracy.predictions import Answer, EvaluationRecord, Head, Pair, Prediction
from bench.results.disagreements import Agreement, Disagreement
from bench.results.records import Accuracy
from mobilenet.common.images import PictureError, open_picture
from mobilenet.common.proportions import mcnemar_worse, quantile, wilson

MAX_DISAGREEMENTS = 24
THUMBNAIL = 96  # pixels of the longer side: some 3 kB


@dataclass
class Tally:
    """Running counts of one evaluation."""

    images: int = 0
    top1: int = 0
    top5: int = 0
    not_finite: int = 0
    lower: int = 0  # right, were each class number one lower
    higher: int = 0

    def add(self, answer: Answer, number: int | None) -> None:
        """Count one answer; `number` is the output that is right, where a number named it."""
        if number is not None and answer.finite:
            self.lower += answer.first[0] == number - 1
            self.higher += answer.first[0] == number + 1
        self.images += 1
        self.top1 += answer.rank == 1
        self.top5 += answer.rank > 0
        self.not_finite += not answer.finite


@dataclass
class PairTally:
    """Running counts of two evaluations."""

    pair: Pair
    reference: Evaluation
    other: Evaluation
    images: int = 0
    same: int = 0
    only_reference: int = 0
    only_other: int = 0
    errors: "array[float]" = field(default_factory=lambda: array("d"))
    # (exactly one is right, how sure both are, image): the least first, as a heap has it
    disagreements: list[tuple[bool, float, str, Prediction]] = field(default_factory=list)

    def add(self, prediction: Prediction, error: float | None) -> None:
        """Count one photograph; `error` is the largest difference between both answers."""
        reference, other = self.answers(prediction)
        right = reference.rank == 1, other.rank == 1
        self.images += 1
        self.only_reference += right == (True, False)
        self.only_other += right == (False, True)
        if error is not None:
            self.errors.append(error)
        classes = self.reference.classifier.class_of, self.other.classifier.class_of
        if classes[0](reference.first[0]) == classes[1](other.first[0]):
            self.same += 1
            return
        sure = reference.probability + other.probability
        weight = (right[0] != right[1], sure, prediction.image, prediction)
        heapq.heappush(self.disagreements, weight)
        if len(self.disagreements) > MAX_DISAGREEMENTS:
            heapq.heappop(self.disagreements)

    def answers(self, prediction: Prediction) -> tuple[Answer, Answer]:
        """Of the reference and of the other."""
        return prediction.answers[self.pair.reference], prediction.answers[self.pair.other]


@dataclass
class AccuracyTally:
    """Takes predictions one by one; can be asked at any time."""

    head: Head
    evaluations: Sequence[Evaluation]  # as `head.evaluations`
    folder: Path  # of the photographs, for thumbnails
    tallies: list[Tally] = field(init=False)
    pairs: list[PairTally] = field(init=False)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tallies = [Tally() for _ in self.head.evaluations]
        self.pairs = [
            PairTally(pair, self.evaluations[pair.reference], self.evaluations[pair.other])
            for pair in self.head.pairs
        ]

    def add(self, prediction: Prediction) -> None:
        """Count one photograph, or note that it was not opened."""
        if prediction.broken:
            self.broken.append(f"{prediction.image}: {prediction.broken}")
            return
        truth = prediction.truth
        is_number = truth.isascii() and truth.isdigit()
        for evaluation, tally, answer in zip(
            self.evaluations, self.tallies, prediction.answers, strict=True
        ):
            tally.add(answer, evaluation.output_of[truth] if is_number else None)
        for pair, error in zip(self.pairs, prediction.errors, strict=True):
            pair.add(prediction, error)

    @property
    def seen(self) -> int:
        """Photographs, broken ones included."""
        return self.tallies[0].images + len(self.broken)

    def shown(self) -> str:
        """ "top-1 70.3 % (67.1 to 73.4)" of the first evaluation."""
        first = self.tallies[0]
        low, high = wilson(first.top1, first.images)
        share = 100 * first.top1 / max(first.images, 1)
        return f"top-1 {share:.1f} % ({100 * low:.1f} to {100 * high:.1f})"

    def records(self, started: str) -> Iterable[Accuracy | Agreement]:
        """One `Accuracy` an evaluation, one `Agreement` a pair."""
        for evaluation, tally in zip(self.head.evaluations, self.tallies, strict=True):
            yield self._accuracy(evaluation, tally, started)
        for pair in self.pairs:
            yield self._agreement(pair)

    def _accuracy(self, evaluation: EvaluationRecord, tally: Tally, started: str) -> Accuracy:
        return Accuracy(
            **msgspec.structs.asdict(evaluation),
            photographs=self.head.photographs,
            started=started,
            tool=self.head.tool,
            images=tally.images,
            broken=tuple(self.broken),
            top1=tally.top1,
            top5=tally.top5,
            top1_if_lower=tally.lower,
            top1_if_higher=tally.higher,
            top1_interval=wilson(tally.top1, tally.images),
            top5_interval=wilson(tally.top5, tally.images),
            not_finite=tally.not_finite,
        )

    def _agreement(self, tally: PairTally) -> Agreement:
        errors = sorted(tally.errors)
        shares = [quantile(errors, q) for q in (0.5, 0.9, 0.99, 1)] if errors else [None] * 4
        names = [evaluation.name for evaluation in self.head.evaluations]
        return Agreement(
            reference=names[tally.pair.reference],
            other=names[tally.pair.other],
            images=tally.images,
            same_top1=tally.same,
            only_reference_right=tally.only_reference,
            only_other_right=tally.only_other,
            p_worse=mcnemar_worse(tally.only_reference, tally.only_other),
            error_of="logits" if tally.pair.logits else "log-probabilities",
            error_p50=shares[0],
            error_p90=shares[1],
            error_p99=shares[2],
            error_max=shares[3],
            disagreements=tuple(
                disagreement(tally, prediction, self.folder)
                for *_, prediction in sorted(tally.disagreements, reverse=True)
            ),
        )


def disagreement(tally: PairTally, prediction: Prediction, folder: Path) -> Disagreement:
    """What both models say of one photograph, with the photograph made small."""
    reference, other = tally.answers(prediction)
    return Disagreement(
        image=prediction.image,
        truth=tally.reference.label_of(prediction.truth),
        answers=(
            tally.reference.classifier.label(reference.first[0]),
            tally.other.classifier.label(other.first[0]),
        ),
        probabilities=(reference.probability, other.probability),
        thumbnail=thumbnail(folder / prediction.image),
    )


def thumbnail(path: Path) -> str:
    """A small JPEG of a photograph as a data URI; empty when it is gone by now."""
    try:
        small = open_picture(path)
    except (PictureError, FileNotFoundError):
        return ""
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=70)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
