"""A run of detectors over a set of pictures with boxes: what is asked, and what is kept."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.accuracy import journal, metric_runs
from bench.accuracy.box_answers import BoxAnswer, BoxedAnswers
from bench.accuracy.coco import BoxedPicture, BoxedSet
from bench.accuracy.detection_tally import DetectionTally
from bench.accuracy.detectors import Detections, Detector
from bench.accuracy.metric_runs import Fed, MetricHead, WholePicture
from bench.accuracy.photographs import several
from bench.accuracy.picture_pass import Speed, in_order
from export.runtimes.in_pictures import in_picture
from mobilenet.common.children import Child
from mobilenet.common.errors import ConfigError

RECIPE = "squash"  # of packages that do not say it: as detectors of this family are trained


@dataclass(frozen=True)
class DetectionRun:
    """Everything that a run needs, loaded."""

    dataset: BoxedSet
    evaluations: tuple[Fed[Detector], ...]
    head: MetricHead

    @property
    def total(self) -> int:
        """Pictures."""
        return len(self.dataset.pictures)

    @property
    def interpreted_s(self) -> float:
        """Of one picture, in all detectors that are interpreted."""
        return sum(each.subject.interpreted_s for each in self.evaluations)

    def tally(self) -> DetectionTally:
        """A new one."""
        return DetectionTally(self.head, self.dataset)

    def kept(self, path: Path) -> Iterator[BoxedAnswers]:
        """The answers of an earlier run, in order. Raises `RecordError`."""
        return journal.read(path, BoxedAnswers, self._fits)

    def answers(self, done: int, jobs: int) -> Generator[BoxedAnswers]:
        """The answers to all pictures but the first `done`."""
        forms = list(dict.fromkeys(each.form for each in self.evaluations))
        places = [class_places(each.subject, self.dataset) for each in self.evaluations]

        def decode(batch: Sequence[BoxedPicture], child: Child) -> list[WholePicture | str]:
            return [_opened(item, metric_runs.open_in(child, item.path, forms)) for item in batch]

        def answer(
            batch: Sequence[BoxedPicture], opened: Sequence[WholePicture | str],
            going_on: Callable[[], None],
        ) -> list[BoxedAnswers]:  # fmt: skip
            lines = []
            for item, picture in zip(batch, opened, strict=True):
                going_on()
                if isinstance(picture, str):
                    lines.append(BoxedAnswers(item.name, broken=picture))
                    continue
                made = (
                    _answer(each, picture.forms[forms.index(each.form)], item, place)
                    for each, place in zip(self.evaluations, places, strict=True)
                )
                lines.append(BoxedAnswers(item.name, answers=tuple(made)))
            return lines

        speed = Speed.of([each.subject for each in self.evaluations], jobs)
        return in_order(self.dataset.pictures[done:], decode, answer, speed)

    def _fits(self, place: int, line: BoxedAnswers) -> bool:
        classes, count = len(self.dataset.classes), len(self.evaluations)
        whole = bool(line.broken) or len(line.answers) == count
        return (
            whole
            and place < self.total
            and line.image == self.dataset.pictures[place].name
            and all(answer.fits(classes) for answer in line.answers)
        )


def prepare(
    dataset: BoxedSet, detectors: Sequence[Detector], recipe_names: Sequence[str]
) -> DetectionRun:
    """Every detector with every recipe. Raises `ConfigError` for classes that one lacks."""
    for detector in detectors:
        class_places(detector, dataset)
    evaluations = metric_runs.fed(detectors, recipe_names, RECIPE)
    head = metric_runs.head(
        "detection", dataset.summary(), evaluations, lambda detector: detector.suppression
    )
    return DetectionRun(dataset, evaluations, head)


def class_places(detector: Detector, dataset: BoxedSet) -> NDArray[np.int64]:
    """Of each class of the detector, its place in the set's list; -1 where it is not there.

    Raises `ConfigError` when the detector cannot find a class that there is: it would count as
    missed.
    """
    shown = [dataset.classes[number] for number in np.unique(dataset.objects.classes)]
    if unknown := [name for name in shown if name not in detector.labels]:
        raise ConfigError(
            f"{detector.model.name} has no output for {len(unknown)} of {len(shown)} categories: "
            f"{several(unknown)}",
            f"its first class is {detector.labels[0]!r}: name categories as the network does",
        )
    place = {name: number for number, name in enumerate(dataset.classes)}
    return np.array([place.get(label, -1) for label in detector.labels], np.int64)


def _opened(item: BoxedPicture, picture: WholePicture | str) -> WholePicture | str:
    if isinstance(picture, str) or picture.size == (item.width, item.height):
        return picture
    width, height = picture.size
    return f"it has {width} x {height} pixels, {item.width} x {item.height} by the annotations"


def _answer(
    evaluation: Fed[Detector], pixels: bytes, item: BoxedPicture, places: NDArray[np.int64]
) -> BoxAnswer:
    height, width = evaluation.subject.size
    detections: Detections = evaluation.subject.answer(
        Image.frombytes("RGB", (width, height), pixels)
    )
    region = evaluation.region((item.width, item.height))
    boxes = in_picture(detections.boxes, region, item.width, item.height)
    classes = places[detections.classes]
    rows = classes >= 0
    return BoxAnswer.of(boxes[rows], detections.scores[rows], classes[rows], detections.not_finite)
