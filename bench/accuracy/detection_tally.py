"""From boxes to records: mAP of each detector, and where two sets of boxes differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.accuracy import average_precision, box_answers, metric_runs, resampling, thumbnails
from bench.accuracy.average_precision import PrecisionMetrics
from bench.accuracy.box_answers import BoxAnswer, BoxedAnswers
from bench.accuracy.coco import BoxedSet
from bench.accuracy.matching import (
    DetectedBoxes,
    Floats,
    Integers,
    Matches,
    Objects,
    match,
)
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
from mobilenet.common.drawing import LabelledBox

SURE = 0.3  # score from which boxes are compared and drawn: where the authors' graphs cut
SHOWN = 12  # pictures of a comparison
ALIKE_OF = f"boxes of score {SURE:g} and more that overlap by half in both"


@dataclass
class DetectionTally:
    """Takes answers one by one; all boxes are in memory."""

    head: MetricHead
    dataset: BoxedSet
    lines: list[BoxedAnswers] = field(default_factory=list)
    boxes: int = 0  # of the first evaluation

    @property
    def seen(self) -> int:
        """Pictures, broken ones included."""
        return len(self.lines)

    def add(self, answer: BoxedAnswers) -> None:
        """Keep the answers to one picture."""
        self.lines.append(answer)
        self.boxes += sum(len(each.scores) for each in answer.answers[:1])

    def shown(self) -> str:
        """ "1234 boxes" of the first evaluation: mAP is of all pictures together."""
        return f"{self.boxes} boxes"

    def records(self, started: str) -> Iterator[Metrics | MetricComparison]:
        """One of metrics for each evaluation; comparisons with the annotations and the first."""
        opened = [row for row, line in enumerate(self.lines) if not line.broken]
        objects = self._objects(opened)
        tables = [self._table(opened, place) for place in range(len(self.head.evaluations))]
        weights, scores = resampling.weights(len(opened)), []
        for place, table in enumerate(tables):
            matches = match(objects, table)
            precisions = average_precision.class_precisions(matches, len(self.dataset.classes))
            values = average_precision.metrics(precisions)
            again = average_precision.resampled(matches, weights)
            intervals = {
                name: Resampled(getattr(values, name), again[:, column], len(opened))
                for column, name in enumerate(average_precision.RESAMPLED)
            }
            scores.append(intervals["mAP"])
            yield metric_runs.record(
                self.head, place, self.lines, _named(values, intervals),
                self._classes(matches, precisions[:, 0].mean(axis=1)), started=started,
                not_finite=sum(self.lines[row].answers[place].not_finite for row in opened),
            )  # fmt: skip
        sure = [table.take(table.scores >= SURE) for table in tables]
        for place, boxes in enumerate(sure):
            yield self._comparison(None, place, match(objects, boxes), opened)
        for place, boxes in enumerate(sure[1:], start=1):
            matches = match(_as_objects(sure[0]), boxes)
            difference = scores[place].minus(scores[0])
            yield self._comparison(0, place, matches, opened, difference)

    def _objects(self, opened: Sequence[int]) -> Objects:
        """Those in pictures that could be opened, which are numbered anew."""
        place = np.full(len(self.lines), -1)
        place[opened] = np.arange(len(opened))
        objects = self.dataset.objects
        objects = objects._replace(pictures=place[objects.pictures])
        return objects.take(objects.pictures >= 0)

    def _table(self, opened: Sequence[int], place: int) -> DetectedBoxes:
        return box_answers.table([self.lines[row].answers[place] for row in opened])

    def _classes(self, matches: Matches, precisions: Floats) -> tuple[ClassMetric, ...]:
        """Those that have objects."""
        counted = matches.objects.classes[matches.counted[:, 0]]
        counts = np.bincount(counted, minlength=len(self.dataset.classes))
        rows = zip(self.dataset.classes, precisions, counts, strict=True)
        return tuple(
            ClassMetric(label=label, value=number(precision), count=int(count))
            for label, precision, count in rows if count
        )  # fmt: skip

    def _comparison(
        self, reference: int | None, other: int, matches: Matches, opened: Sequence[int],
        difference: Resampled | None = None,
    ) -> MetricComparison:  # fmt: skip
        names = [evaluation.name for evaluation in self.head.evaluations]
        both, same = _counts(matches, len(opened))
        order = np.argsort(-(both - same), kind="stable")[:SHOWN]
        return MetricComparison(
            task="detection", images=len(opened), metric="mAP",
            reference=GROUND_TRUTH if reference is None else names[reference],
            other=names[other],
            difference=difference and number(difference.value),
            interval=difference and difference.interval(),
            alike=int(same.sum()) / int(both.sum()) if both.any() else None, alike_of=ALIKE_OF,
            differences=tuple(
                PictureDifference(
                    image=self.lines[opened[row]].image, alike=int(same[row]) / int(both[row]),
                    drawings=tuple(self._drawings(opened[row], reference, other)),
                )
                for row in order if both[row] > same[row]
            ),
        )  # fmt: skip

    def _drawings(self, row: int, reference: int | None, other: int) -> Iterator[Drawing]:
        """The annotations, the reference where it is a model, the other."""
        picture, line = self.dataset.pictures[row], self.lines[row]

        def drawing_of(caption: str, boxes: Sequence[LabelledBox]) -> Drawing:
            thumbnail = thumbnails.with_boxes(picture.path, picture.width, boxes)
            return Drawing(caption=caption, thumbnail=thumbnail)

        yield drawing_of(GROUND_TRUTH, self._truth(row))
        for place in (other,) if reference is None else (reference, other):
            caption = self.head.evaluations[place].name
            yield drawing_of(caption, self._boxes(line.answers[place]))

    def _truth(self, row: int) -> list[LabelledBox]:
        objects = self.dataset.objects
        own = objects.take(objects.pictures == row)
        return [
            LabelledBox(tuple(box), int(cls), self.dataset.classes[cls])
            for box, cls in zip(own.boxes.tolist(), own.classes, strict=True)
        ]

    def _boxes(self, answer: BoxAnswer) -> list[LabelledBox]:
        rows = zip(answer.boxes, answer.scores, answer.classes, strict=True)
        return [
            LabelledBox(box, cls, f"{self.dataset.classes[cls]} {score:.2f}")
            for box, score, cls in sorted(rows, key=lambda row: -row[1])
            if score >= SURE
        ]


def _named(values: PrecisionMetrics, intervals: Mapping[str, Resampled]) -> tuple[Metric, ...]:
    """All of them, those with an interval having it."""
    return tuple(
        Metric(
            name=name, value=number(value),
            interval=intervals[name].interval() if name in intervals else None,
        )
        for name, value in values._asdict().items()
    )  # fmt: skip


def _counts(matches: Matches, pictures: int) -> tuple[Integers, Integers]:
    """Boxes of both sides in each picture, and those of them that have one on the other side."""
    right, ignored = matches.right[:, 0, 0], matches.ignored[:, 0, 0]
    counted = matches.objects.pictures[matches.counted[:, 0]]
    both = np.bincount(matches.detections.pictures[~ignored], minlength=pictures)
    both += np.bincount(counted, minlength=pictures)
    return both, 2 * np.bincount(matches.detections.pictures[right], minlength=pictures)


def _as_objects(boxes: DetectedBoxes) -> Objects:
    """What one detector is sure of, for another to find."""
    areas = boxes.boxes[:, 2] * boxes.boxes[:, 3]
    crowd = np.zeros(len(areas), np.bool_)
    return Objects(boxes.boxes, areas, crowd, boxes.pictures, boxes.classes)
