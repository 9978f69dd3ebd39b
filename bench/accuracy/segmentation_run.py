"""A run of segmenters over pictures and masks: what is asked, and what is kept."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.accuracy import journal, map_answers, masks, metric_runs
from bench.accuracy.map_answers import MappedAnswers
from bench.accuracy.masks import MaskedPicture, MaskedSet
from bench.accuracy.metric_runs import Fed, MetricHead, WholePicture
from bench.accuracy.picture_pass import Speed, in_order
from bench.accuracy.segmentation_tally import SegmentationTally
from bench.accuracy.segmenters import Segmenter
from export.runtimes.in_pictures import ClassMap, at_size
from mobilenet.common.children import Child
from mobilenet.common.errors import ConfigError
from mobilenet.common.progress import SILENT, Progress

RECIPE = "deeplab"  # of packages that do not say it


@dataclass(frozen=True)
class SegmentationRun:
    """Everything that a run needs, loaded."""

    dataset: MaskedSet
    evaluations: tuple[Fed[Segmenter], ...]
    head: MetricHead
    labels: tuple[str, ...]

    @property
    def total(self) -> int:
        """Pictures."""
        return len(self.dataset.pictures)

    @property
    def interpreted_s(self) -> float:
        """Of one picture, in all segmenters that are interpreted."""
        return sum(each.subject.interpreted_s for each in self.evaluations)

    def tally(self) -> SegmentationTally:
        """A new one."""
        return SegmentationTally(self.head, self.dataset, self.labels)

    def kept(self, path: Path) -> Iterator[MappedAnswers]:
        """The answers of an earlier run, in order. Raises `RecordError`."""
        return journal.read(path, MappedAnswers, self._fits)

    def answers(self, done: int, jobs: int) -> Generator[MappedAnswers]:
        """The answers to all pictures but the first `done`."""
        forms = list(dict.fromkeys(each.form for each in self.evaluations))

        def decode(batch: Sequence[MaskedPicture], child: Child) -> list[WholePicture | str]:
            return [metric_runs.open_in(child, item.path, forms, item.mask) for item in batch]

        def answer(
            batch: Sequence[MaskedPicture], opened: Sequence[WholePicture | str],
            going_on: Callable[[], None],
        ) -> list[MappedAnswers]:  # fmt: skip
            lines = []
            for item, picture in zip(batch, opened, strict=True):
                going_on()
                if isinstance(picture, str):
                    lines.append(MappedAnswers(item.name, broken=picture))
                    continue
                width, height = picture.size
                truth = np.frombuffer(picture.mask, np.uint8).reshape(height, width)
                maps = [
                    _map(each, picture.forms[forms.index(each.form)], picture)
                    for each in self.evaluations
                ]
                kept = map_answers.answers_of(maps, truth)
                lines.append(MappedAnswers(item.name, answers=kept))
            return lines

        speed = Speed.of([each.subject for each in self.evaluations], jobs)
        return in_order(self.dataset.pictures[done:], decode, answer, speed)

    def _fits(self, place: int, line: MappedAnswers) -> bool:
        whole = bool(line.broken) or len(line.answers) == len(self.evaluations)
        return (
            whole
            and place < self.total
            and line.image == self.dataset.pictures[place].name
            and all(answer.small.classes() is not None for answer in line.answers)
        )


def prepare(
    dataset: MaskedSet, segmenters: Sequence[Segmenter], recipe_names: Sequence[str], jobs: int,
    progress: Progress = SILENT,
) -> SegmentationRun:  # fmt: skip
    """Every segmenter with every recipe; all masks are looked at.

    Raises `ConfigError` for masks that do not fit, and segmenters of different classes.
    """
    first = segmenters[0]
    for other in segmenters[1:]:
        if other.labels != first.labels:
            raise ConfigError(
                f"{other.model.name} and {first.model.name} have different classes",
                "a mask has the numbers of one list of classes: compare networks that share it",
            )
    evaluations = metric_runs.fed(segmenters, recipe_names, RECIPE)
    classes = masks.check(dataset, first.labels, jobs, progress)
    head = metric_runs.head("segmentation", dataset.summary(classes), evaluations, lambda _: "")
    return SegmentationRun(dataset, evaluations, head, first.labels)


def _map(evaluation: Fed[Segmenter], pixels: bytes, picture: WholePicture) -> ClassMap:
    """Of the picture's own size."""
    height, width = evaluation.subject.size
    classes = evaluation.subject.answer(Image.frombytes("RGB", (width, height), pixels))
    return at_size(classes, evaluation.region(picture.size), picture.size)
