"""Who meets whom: packages and checkpoint, each fed by every recipe, on one set of photographs."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.accuracy import recipes
from bench.accuracy.class_mapping import outputs_of
from bench.accuracy.classifiers import Classifier, of_checkpoint, of_package
from bench.accuracy.evaluate import Evaluation
from bench.accuracy.photographs import Dataset
from bench.accuracy.predictions import EvaluationRecord, Head, Pair
from bench.machine.environment import environment
from bench.runtimes.classes import CLASSES, create
from bench.session.cases import Candidate, candidates
from mobilenet import __version__
from mobilenet.common.errors import ConfigError, UnsupportedError
from mobilenet.common.progress import SILENT, Progress
from mobilenet.preprocess import STANDARD_CROP

if TYPE_CHECKING:
    from export.runtimes.base import Runtime
    from export.runtimes.portable import Precision


@dataclass(frozen=True)
class AccuracyRun:
    """Everything that a run needs, loaded."""

    dataset: Dataset
    evaluations: tuple[Evaluation, ...]
    head: Head

    @property
    def digest(self) -> str:
        """Names what is compared: the same command gives the same one."""
        return hashlib.sha256(msgspec.json.encode(self.head)).hexdigest()


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
) -> list[Classifier]:
    """Each package on the one of `runtimes` that is for its format, compiled into `folder`.

    Without `units`, on the runtime's last.

    Raises `UserError` for a package that cannot be run here: nothing is left out in silence.
    """
    if not packages:
        raise ConfigError("no package was named", "python -m bench accuracy PACKAGE... --data DIR")
    chosen = candidates(packages, runtimes, units=units)
    for runtime in dict.fromkeys(candidate.runtime for candidate in chosen):
        if precision and runtime != "portable":
            raise ConfigError(f"precision {precision} on {runtime}", "only portable emulates it")
    if not units:
        chosen = list({each.model.identity: each for each in chosen}.values())
    return [
        _loaded(candidate, precision or "float32", folder, is_unit_free=not units)
        for candidate in chosen
    ]


def checkpoint(
    which: str, package: Classifier, offline: bool, progress: Progress = SILENT
) -> Classifier:
    """The PyTorch network to compare with, of the shape of `package`."""
    from mobilenet.weights.resolve import load_weights

    model = package.model
    original, notes = load_weights(
        which,
        alpha=model.alpha,
        resolution=package.size,
        shallow=model.shallow,
        offline=offline,
        progress=progress,
    )
    for note in notes:
        progress.warn(note)
    classifier = of_checkpoint(original)
    if model.weights and classifier.model.weights != model.weights:
        progress.warn(
            f"{model.name} was made of other weights ({model.weights}) than it is compared with "
            f"({classifier.model.weights})"
        )
    return classifier


def _loaded(
    candidate: Candidate, precision: "Precision", folder: Path, *, is_unit_free: bool
) -> Classifier:
    """On the candidate's unit, or the last that its runtime has here."""
    runtime, logits = _runtime(candidate, precision)
    if reason := runtime.unavailable():
        raise UnsupportedError(reason, "--runtime portable runs on any machine")
    unit = runtime.units()[-1] if is_unit_free else candidate.unit
    if unit not in runtime.units():
        raise UnsupportedError(
            f"this machine has no {unit}", f"it has {', '.join(runtime.units())}"
        )
    own_folder = folder / f"{candidate.model.identity[:16]}-{unit}"
    own_folder.mkdir(exist_ok=True)
    return of_package(
        candidate.model,
        runtime,
        runtime.compile(candidate.package, own_folder),
        unit,
        precision=precision if candidate.runtime == "portable" else "",
        logits_name=logits,
    )


def _runtime(candidate: Candidate, precision: "Precision") -> tuple["Runtime", str]:
    """The runtime with one thread a call, since calls run side by side; and a name for logits."""
    if candidate.runtime not in ("portable", "coreai"):
        threads = {"threads": 1} if candidate.entry.has_threads else {}
        return create(CLASSES[candidate.runtime], threads), ""
    from export.mil.read.model import read
    from export.runtimes.coreai import CoreAIRuntime
    from export.runtimes.portable import PortableRuntime
    from export.verify.agreement import logits_name

    function = read(candidate.package).function()
    name = logits_name(function)
    more = () if name in function.outputs else (name,)
    if candidate.runtime == "coreai":  # in a process of its own: also where it cannot be timed
        return CoreAIRuntime(more), name if more else ""
    return PortableRuntime(1, precision, more), name if more else ""


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
        published_top1=classifier.published_top1,
        published_top5=classifier.published_top5,
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
