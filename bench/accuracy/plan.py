"""Who meets whom: packages and checkpoint, each fed by every recipe, on one set of photographs."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.accuracy import evaluate, predictions, recipes
from bench.accuracy.class_mapping import outputs_of
from bench.accuracy.classifiers import Classifier, of_checkpoint, of_package
from bench.accuracy.evaluate import Evaluation
from bench.accuracy.loading import compiled
from bench.accuracy.photographs import Dataset
from bench.accuracy.predictions import EvaluationRecord, Head, Pair, Prediction
from bench.accuracy.tally import AccuracyTally
from bench.machine.environment import environment
from mobilenet import __version__
from mobilenet.common.progress import SILENT, Progress
from mobilenet.overrides import Overrides
from mobilenet.preprocess import STANDARD_CROP

if TYPE_CHECKING:
    from export.mil.program import Precision


@dataclass(frozen=True)
class AccuracyRun:
    """Everything that a run needs, loaded."""

    dataset: Dataset
    evaluations: tuple[Evaluation, ...]
    head: Head

    @property
    def total(self) -> int:
        """Photographs."""
        return len(self.dataset.photographs)

    @property
    def interpreted_s(self) -> float:
        """Of one photograph, in all classifiers that are interpreted."""
        return sum(evaluation.classifier.interpreted_s for evaluation in self.evaluations)

    def tally(self) -> AccuracyTally:
        """A new one."""
        return AccuracyTally(self.head, self.evaluations, self.dataset.folder)

    def kept(self, path: Path) -> Iterator[Prediction]:
        """The answers of an earlier run, in order. Raises `RecordError`."""
        return predictions.read(path, self.head, self.dataset.photographs)

    def answers(self, done: int, jobs: int) -> Generator[Prediction]:
        """The answers to all photographs but the first `done`."""
        left = self.dataset.photographs[done:]
        return evaluate.predictions(left, self.evaluations, self.head.pairs, jobs)


def prepare(
    dataset: Dataset,
    classifiers: Sequence[Classifier],
    recipe_names: Sequence[str],
    progress: Progress = SILENT,
) -> AccuracyRun:
    """Every classifier with every recipe, and the classes of the photographs among its outputs."""
    classes = dataset.classes()
    evaluations = tuple(
        Evaluation(classifier, recipe, outputs)
        for classifier in classifiers
        for outputs in [
            outputs_of(classes, classifier.labels, classifier.outputs, classifier.model.name)
        ]
        for recipe in _recipes(classifier, recipe_names, progress)
    )
    head = Head(
        tool=__version__,
        software=environment().packages,
        photographs=dataset.summary(),
        evaluations=tuple(map(_record, evaluations)),
        pairs=tuple(_pairs(evaluations)),
    )
    return AccuracyRun(dataset, evaluations, head)


def load(
    packages: Sequence[Path],
    runtimes: Sequence[str],
    units: Sequence[str],
    precision: "Precision | None",
    folder: Path,
    *,
    progress: Progress = SILENT,
) -> list[Classifier]:
    """The classifiers in `packages`, as `loading.compiled` chooses where. Raises likewise."""
    several = compiled(
        packages, runtimes, units, precision, folder, with_logits=True, progress=progress
    )
    return [of_package(package) for package in several]


def checkpoint(
    which: str,
    package: Classifier,
    offline: bool,
    progress: Progress = SILENT,
    overrides: Overrides | None = None,
) -> Classifier:
    """The PyTorch network to compare with, of the shape of `package`.

    `overrides` are for what the file of its weights does not say.
    """
    from mobilenet.weights.resolve import load_weights

    model = package.model
    original, notes = load_weights(
        which,
        network=model.network or None,
        alpha=model.alpha,
        resolution=package.size,
        shallow=model.shallow,
        overrides=overrides,
        offline=offline,
        progress=progress,
    )
    for note in notes:
        progress.warn(note)
    if original.config.readout.is_binary and package.outputs == 2:
        original = original.as_two_classes()
    classifier = of_checkpoint(original)
    if model.weights and classifier.model.weights != model.weights:
        progress.warn(
            f"{model.name} was made of other weights ({model.weights}) than it is compared with "
            f"({classifier.model.weights})"
        )
    return classifier


def _recipes(
    classifier: Classifier, names: Sequence[str], progress: Progress
) -> Iterator[recipes.Recipe]:
    for name in dict.fromkeys(names):
        if name != recipes.PACKAGE:
            yield recipes.named(name)
            continue
        if classifier.geometry is None:
            progress.warn(
                f"{classifier.model.name} does not say how photographs become its input: shorter "
                "side = size / 0.875, bilinear, centre is taken; --recipe names others"
            )
        yield recipes.of_package(classifier.geometry or STANDARD_CROP, classifier.size)


def _record(evaluation: Evaluation) -> EvaluationRecord:
    classifier = evaluation.classifier
    return EvaluationRecord(
        name=evaluation.name,
        model=classifier.model,
        runtime=classifier.runtime,
        unit=classifier.unit,
        precision=classifier.precision,
        recipe=evaluation.recipe.name,
        geometry=evaluation.recipe.describe(classifier.size),
        published_top1=classifier.model.published_top1,
        published_top5=classifier.model.published_top5,
    )


def _pairs(evaluations: Sequence[Evaluation]) -> Iterator[Pair]:
    """Every classifier with the first on the same recipe; every recipe with the first of them."""
    first = evaluations[0]
    for position, other in enumerate(evaluations):
        for reference, base in enumerate(evaluations[:position]):
            is_first = base.classifier is first.classifier
            rivals = is_first and base.recipe.name == other.recipe.name
            is_same = base.classifier is other.classifier
            recipes_apart = is_same and base.recipe.name == first.recipe.name
            if rivals or recipes_apart:
                logits = base.classifier.logits and other.classifier.logits
                yield Pair(reference=reference, other=position, logits=logits)
