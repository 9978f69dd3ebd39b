"""What runs of detectors and segmenters share: whole pictures, recipes, and what is compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np

from bench.accuracy import recipes, resampling
from bench.accuracy.decode import PHOTOGRAPH_LIMIT_S, Wanted
from bench.accuracy.masks import open_mask
from bench.accuracy.predictions import FedModel
from bench.accuracy.recipes import Recipe
from bench.accuracy.subjects import Subject
from bench.machine.environment import environment
from bench.results.metrics import ClassMetric, Metric, Task
from bench.results.records import Metrics, Photographs
from mobilenet import __version__
from mobilenet.common import memory_limit
from mobilenet.common.children import Child, ChildError
from mobilenet.common.images import MAX_DECODING_BYTES, PictureError, open_picture
from mobilenet.preprocess import Extent, Region

SCHEMA = 1
Of = TypeVar("Of", bound=Subject)


class MetricHead(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared. A run goes on only where all of this is as it was."""

    task: Task
    schema: int = SCHEMA
    tool: str
    software: dict[str, str]
    photographs: Photographs
    evaluations: tuple[FedModel, ...]


@dataclass(frozen=True)
class Fed(Generic[Of]):
    """A subject fed by a recipe that keeps the whole picture."""

    subject: Of
    recipe: Recipe

    @property
    def name(self) -> str:
        """Unique in a run."""
        return f"{self.subject.name} | {self.recipe.name}"

    @property
    def form(self) -> Wanted:
        """What decoding has to make of each picture."""
        return Wanted(self.recipe, self.subject.size)

    def region(self, picture: Extent) -> Region:
        """Where a picture of this size lies in the square."""
        assert self.recipe.region, "`recipes.whole` gave it"
        return self.recipe.region(picture, self.subject.size)


class AnswerLine(Protocol):
    """All answers to one picture."""

    @property
    def image(self) -> str:
        """The picture's name."""
        ...

    @property
    def broken(self) -> str:
        """Why it could not be opened, or nothing."""
        ...


class WholePicture(NamedTuple):
    """A picture in all forms that are needed, its own size, and its mask where there is one."""

    size: Extent
    forms: list[bytes]  # (height, width, 3) RGB each
    mask: bytes = b""


def fed(subjects: Sequence[Of], names: Sequence[str], usual: str) -> tuple[Fed[Of], ...]:
    """Every subject with every recipe. Raises `ConfigError` for one that cuts pictures."""
    return tuple(
        Fed(subject, recipe)
        for subject in subjects
        for recipe in dict.fromkeys(
            recipes.whole(name, subject.geometry, subject.size, usual) for name in names
        )
    )


def head(
    task: Task, photographs: Photographs, evaluations: Sequence[Fed[Of]],
    words: Callable[[Of], str],
) -> MetricHead:  # fmt: skip
    """What is compared; `words` say what is special about a subject."""
    return MetricHead(
        task=task, tool=__version__, software=environment().packages, photographs=photographs,
        evaluations=tuple(
            FedModel(
                name=each.name, model=each.subject.model, runtime=each.subject.runtime,
                unit=each.subject.unit, precision=each.subject.precision,
                recipe=each.recipe.name,
                geometry="; ".join(
                    filter(None, (each.recipe.describe(each.subject.size), words(each.subject)))
                ),
            )
            for each in evaluations
        ),
    )  # fmt: skip


def record(
    head: MetricHead, place: int, lines: Sequence[AnswerLine], metrics: tuple[Metric, ...],
    classes: tuple[ClassMetric, ...], *, started: str, not_finite: int = 0,
) -> Metrics:  # fmt: skip
    """The results of one evaluation."""
    broken = tuple(f"{line.image}: {line.broken}" for line in lines if line.broken)
    return Metrics(
        **msgspec.structs.asdict(head.evaluations[place]),
        photographs=head.photographs, started=started, tool=head.tool, task=head.task,
        images=len(lines) - len(broken), broken=broken, metrics=metrics, classes=classes,
        method=resampling.METHOD, not_finite=not_finite,
    )  # fmt: skip


def open_in(
    child: Child, path: Path, forms: Sequence[Wanted], mask: Path | None = None
) -> WholePicture | str:
    """`open_whole` in a child. Whatever befalls one picture costs that one."""
    try:
        return child.call(PHOTOGRAPH_LIMIT_S, open_whole, path, forms, mask)
    except ChildError as error:
        return error.message


def open_whole(path: Path, forms: Sequence[Wanted], mask: Path | None) -> WholePicture | str:
    """All that is needed of one picture, or why it cannot be had."""
    try:
        with memory_limit.growth(MAX_DECODING_BYTES):
            picture = open_picture(path)
            pixels = b"" if mask is None else np.ascontiguousarray(open_mask(mask)).tobytes()
            made = [recipe.apply(picture, size).tobytes() for recipe, size in forms]
            return WholePicture(picture.size, made, pixels)
    except PictureError as error:
        return error.reason
    except FileNotFoundError:
        return "it is not there any more"
