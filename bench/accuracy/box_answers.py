"""What is kept of detectors' answers to pictures, a line each: see `journal`."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from bench.accuracy.matching import DetectedBoxes
from bench.results.bounds import MAX_ITEMS, Count, Number

Pixels = tuple[Number, Number, Number, Number]  # left, top, width, height in the picture
PLACES, SCORE_PLACES = 3, 7  # decimals that are kept


class BoxAnswer(msgspec.Struct, frozen=True, array_like=True):
    """The boxes of one evaluation in one picture; classes by their places in the set's list."""

    boxes: Annotated[tuple[Pixels, ...], Meta(max_length=MAX_ITEMS)] = ()
    scores: tuple[Number, ...] = ()
    classes: tuple[Count, ...] = ()
    not_finite: Count = 0

    @classmethod
    def of(
        cls, boxes: NDArray[np.float64], scores: NDArray[np.float64],
        classes: NDArray[np.int64], not_finite: int,
    ) -> "BoxAnswer":  # fmt: skip
        """Of arrays, rounded."""
        return cls(
            tuple(map(tuple, boxes.round(PLACES).tolist())),
            tuple(scores.round(SCORE_PLACES).tolist()), tuple(classes.tolist()), not_finite,
        )  # fmt: skip

    def fits(self, classes: int) -> bool:
        """Whether it has a score and one of so many classes for each box."""
        return len(self.boxes) == len(self.scores) == len(self.classes) and all(
            number < classes for number in self.classes
        )


class BoxedAnswers(msgspec.Struct, frozen=True, omit_defaults=True):
    """All answers to one picture."""

    image: str
    broken: str = ""  # why it could not be opened; then nothing else is here
    answers: tuple[BoxAnswer, ...] = ()  # as `MetricHead.evaluations`


def table(answers: Sequence[BoxAnswer]) -> DetectedBoxes:
    """One evaluation's answers to all pictures, numbered in their order."""
    counts = [len(answer.scores) for answer in answers]
    boxes = [answer.boxes for answer in answers if answer.boxes]
    return DetectedBoxes(
        np.concatenate([np.zeros((0, 4)), *map(np.array, boxes)]),
        np.array([score for answer in answers for score in answer.scores], np.float64),
        np.repeat(np.arange(len(answers)), counts),
        np.array([number for answer in answers for number in answer.classes], np.int64),
    )
