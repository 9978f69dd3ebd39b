"""What is kept of segmenters' answers to pictures, a line each: see `journal`."""

import zlib
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from bench.accuracy.masks import IGNORED
from bench.accuracy.thumbnails import SIDE
from bench.results.bounds import Count, Share
from export.runtimes.in_pictures import ClassMap, at_size
from mobilenet.common.size import Size
from mobilenet.preprocess import fitted

Integers = NDArray[np.int64]
ClassCounts = tuple[
    Count, Count, Count, Count
]  # class; pixels in both, of the mask, of the answer


class SmallMap(msgspec.Struct, frozen=True, array_like=True):
    """A map of classes for drawing, its longer side of at most `SIDE` pixels, by the nearest."""

    width: Annotated[int, Meta(ge=1, le=SIDE)]
    height: Annotated[int, Meta(ge=1, le=SIDE)]
    pixels: bytes  # zlib

    @classmethod
    def of(cls, classes: ClassMap) -> "SmallMap":
        """Of a map of any size."""
        height, width = classes.shape
        side = min(SIDE, max(width, height))
        width, height = fitted((width, height), Size.square(side))
        small = np.ascontiguousarray(at_size(classes, (0, 0, 1, 1), (width, height)))
        return cls(width, height, zlib.compress(small.tobytes()))

    def classes(self) -> ClassMap | None:
        """(height, width); None where the pixels are not as many."""
        count = self.width * self.height
        try:
            pixels = zlib.decompressobj().decompress(self.pixels, count + 1)
        except zlib.error:
            return None
        if len(pixels) != count:
            return None
        return np.frombuffer(pixels, np.uint8).reshape(self.height, self.width)


class MapAnswer(msgspec.Struct, frozen=True, array_like=True):
    """What one evaluation made of one picture."""

    counts: Annotated[tuple[ClassCounts, ...], Meta(max_length=256)]  # of classes that occur
    alike: Share  # of the pixels that count, those with the first evaluation's class
    small: SmallMap


class MappedAnswers(msgspec.Struct, frozen=True, omit_defaults=True):
    """All answers to one picture."""

    image: str
    broken: str = ""  # why it could not be opened; then nothing else is here
    answers: tuple[MapAnswer, ...] = ()  # as `MetricHead.evaluations`


def answers_of(maps: Sequence[ClassMap], truth: ClassMap) -> tuple[MapAnswer, ...]:
    """What is kept of maps of the mask's own size."""
    counted = truth != IGNORED
    return tuple(
        MapAnswer(
            class_counts(each[counted], truth[counted]),
            float((each == maps[0])[counted].mean()) if counted.any() else 1.0,
            SmallMap.of(each),
        )
        for each in maps
    )


def class_counts(answer: ClassMap, truth: ClassMap) -> tuple[ClassCounts, ...]:
    """Of pixels (n,) that count, for each class that occurs on either side."""
    both = np.bincount(truth[answer == truth], minlength=256)
    of_truth, of_answer = np.bincount(truth, minlength=256), np.bincount(answer, minlength=256)
    return tuple(
        (int(number), int(both[number]), int(of_truth[number]), int(of_answer[number]))
        for number in np.flatnonzero(of_truth + of_answer)
    )


def table(answers: Sequence[MapAnswer], classes: int) -> Integers:
    """(pictures, classes, 3) of pixels; those whose answer is no class are missed, no more."""
    counts = np.zeros((len(answers), classes, 3), np.int64)
    for row, answer in enumerate(answers):
        for number, *pixels in answer.counts:
            if number < classes:
                counts[row, number] = pixels
    return counts
