"""From counts of pixels to records: mIOU of each segmenter, and where two maps differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.accuracy import class_overlap, map_answers, masks, metric_runs, resampling, thumbnails
from bench.accuracy.class_overlap import Floats, Integers
from bench.accuracy.map_answers import MappedAnswers, SmallMap
from bench.accuracy.masks import MaskedSet
from bench.accuracy.metric_runs import MetricHead
from bench.accuracy.resampling import Resampled, number
from bench.results.metrics import (
    GROUND_TRUTH,
    ClassMetric,
    Drawing,
    Metric,
    MetricComparison,
    PictureDifference,
)
from bench.results.records import Metrics
from mobilenet.common.images import PictureError

SHOWN = 12  # pictures of a comparison
ALIKE_OF = "pixels that are not ignored"


@dataclass
class SegmentationTally:
    """Takes answers one by one; counts of pixels are in memory, and small maps."""

    head: MetricHead
    dataset: MaskedSet
    labels: tuple[str, ...]
    lines: list[MappedAnswers] = field(default_factory=list)
    total: Integers = field(init=False)  # (classes, 3) of the first evaluation

    def __post_init__(self) -> None:
        self.total = np.zeros((len(self.labels), 3), np.int64)

    @property
    def seen(self) -> int:
        """Pictures, broken ones included."""
        return len(self.lines)

    def add(self, answer: MappedAnswers) -> None:
        """Keep the answers to one picture."""
        self.lines.append(answer)
        self.total += map_answers.table(answer.answers[:1], len(self.labels)).sum(axis=0)

    def shown(self) -> str:
        """ "mIOU 70.3 %" of the first evaluation."""
        return f"mIOU {100 * np.nan_to_num(class_overlap.metrics(self.total).mean):.1f} %"

    def records(self, started: str) -> Iterator[Metrics | MetricComparison]:
        """One of metrics for each evaluation; comparisons with the masks and the first."""
        opened = [row for row, line in enumerate(self.lines) if not line.broken]
        weights, scores = resampling.weights(len(opened)), []
        for place in range(len(self.head.evaluations)):
            counts = self._counts(opened, place)
            again = class_overlap.resampled(counts, weights)
            total = class_overlap.metrics(counts.sum(axis=0))
            values = [
                Resampled(float(value), resamples, len(opened))
                for value, resamples in zip(total, again, strict=True)
            ]
            scores.append(values[0])
            named = tuple(
                Metric(name=name, value=number(value.value), interval=value.interval())
                for name, value in zip(class_overlap.NAMES, values, strict=True)
            )
            classes = self._classes(counts.sum(axis=0))
            yield metric_runs.record(self.head, place, self.lines, named, classes, started=started)
            right = class_overlap.metrics(counts).pixel_accuracy
            yield self._comparison(None, place, right, opened)
        for place in range(1, len(self.head.evaluations)):
            alike = np.array([self.lines[row].answers[place].alike for row in opened])
            difference = scores[place].minus(scores[0])
            yield self._comparison(0, place, alike, opened, difference)

    def _counts(self, opened: Sequence[int], place: int) -> Integers:
        answers = [self.lines[row].answers[place] for row in opened]
        return map_answers.table(answers, len(self.labels))

    def _classes(self, counts: Integers) -> tuple[ClassMetric, ...]:
        """Those that occur."""
        rows = zip(self.labels, class_overlap.class_overlaps(counts), counts[:, 1], strict=True)
        return tuple(
            ClassMetric(label=label, value=number(overlap), count=int(pixels))
            for label, overlap, pixels in rows
            if np.isfinite(overlap)
        )

    def _comparison(
        self, reference: int | None, other: int, alike: Floats, opened: Sequence[int],
        difference: Resampled | None = None,
    ) -> MetricComparison:  # fmt: skip
        names = [evaluation.name for evaluation in self.head.evaluations]
        pixels = self._counts(opened, other)[..., 1].sum(axis=1)
        alike = np.nan_to_num(alike, nan=1.0)
        return MetricComparison(
            task="segmentation", images=len(opened), metric="mIOU",
            reference=GROUND_TRUTH if reference is None else names[reference],
            other=names[other],
            difference=difference and number(difference.value),
            interval=difference and difference.interval(),
            alike=float(alike @ pixels) / int(pixels.sum()) if pixels.any() else None,
            alike_of=ALIKE_OF,
            differences=tuple(
                PictureDifference(
                    image=self.lines[opened[row]].image, alike=float(alike[row]),
                    drawings=tuple(self._drawings(opened[row], reference, other)),
                )
                for row in np.argsort(alike, kind="stable")[:SHOWN]
                if alike[row] < 1
            ),
        )  # fmt: skip

    def _drawings(self, row: int, reference: int | None, other: int) -> Iterator[Drawing]:
        """The mask, the reference where it is a model, the other."""
        item, line = self.dataset.pictures[row], self.lines[row]
        maps = [] if (truth := _truth(item.mask)) is None else [(GROUND_TRUTH, truth)]
        for place in (other,) if reference is None else (reference, other):
            maps.append((self.head.evaluations[place].name, line.answers[place].small))
        for caption, small in maps:
            classes = small.classes()
            assert classes is not None, "made here, or checked when it was read"
            thumbnail = thumbnails.with_classes(item.path, classes, masks.IGNORED)
            yield Drawing(caption=caption, thumbnail=thumbnail)


def _truth(path: Path) -> SmallMap | None:
    """None where the mask is gone by now."""
    try:
        return SmallMap.of(masks.open_mask(path))
    except (PictureError, FileNotFoundError):
        return None
