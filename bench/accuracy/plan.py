"""Who meets whom: packages and checkpoint, each fed by every recipe, on one set of photographs."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.accuracy import recipes
from bench.accuracy.class_mapping import outputs_of
from bench.accuracy.evaluate import Entry
from bench.accuracy.photographs import Dataset
from bench.accuracy.predictions import EntryRecord, Head, Pair
from bench.accuracy.subjects import Subject, of_checkpoint, of_package
from bench.machine.environment import environment
from bench.runtimes.classes import CLASSES, create
from bench.runtimes.entries import RUNTIMES
from bench.session.cases import Candidate, candidates, check_names
from mobilenet import __version__
from mobilenet.common import terminal
from mobilenet.common.errors import ConfigError, UnsupportedError
from mobilenet.preprocess import STANDARD_CROP

if TYPE_CHECKING:
    from export.runtimes.base import Runtime
    from export.runtimes.portable import Precision


@dataclass(frozen=True)
class Comparison:
    """Everything that a run needs, loaded."""

    dataset: Dataset
    entries: tuple[Entry, ...]
    head: Head

    @property
    def digest(self) -> str:
        """Names the comparison: the same command gives the same one."""
        return hashlib.sha256(msgspec.json.encode(self.head)).hexdigest()


def prepare(
    dataset: Dataset, subjects: Sequence[Subject], recipe_names: Sequence[str]
) -> Comparison:
    """Every subject with every recipe, and the classes of the photographs among its outputs."""
    classes = dataset.classes()
    entries = tuple(
        Entry(subject, recipe, outputs)
        for subject in subjects
        for outputs in [outputs_of(classes, subject.labels, subject.outputs, subject.model.name)]
        for recipe in _recipes(subject, recipe_names)
    )
    head = Head(
        tool=__version__,
        software=environment().packages,
        photographs=dataset.summary(),
        entries=tuple(map(_record, entries)),
        pairs=tuple(_pairs(entries)),
    )
    return Comparison(dataset, entries, head)


def load(
    packages: Sequence[Path],
    runtime: str,
    units: Sequence[str],
    precision: "Precision | None",
    folder: Path,
) -> list[Subject]:
    """The packages on one runtime, compiled into `folder`.

    Raises `UserError` for a package that cannot be run here: nothing is left out in silence.
    """
    if not packages:
        raise ConfigError("no package was named", "python -m bench accuracy PACKAGE... --data DIR")
    check_names("runtime", [runtime], RUNTIMES)
    if precision and runtime != "portable":
        raise ConfigError(f"precision {precision} on {runtime}", "only portable emulates it")
    found = candidates(packages, [runtime], units=units or RUNTIMES[runtime].units[-1:])
    if not found:
        known = ", ".join(RUNTIMES[runtime].units)
        raise ConfigError(f"{runtime} has no unit {', '.join(units)}", f"it has {known}")
    return [_loaded(one, precision or "float32", folder) for one in found]


def checkpoint(which: str, package: Subject, offline: bool) -> Subject:
    """The PyTorch network to compare with, of the shape of `package`."""
    from mobilenet.weights.resolve import obtain

    model = package.model
    subject = of_checkpoint(
        obtain(
            which,
            alpha=model.alpha,
            resolution=package.size,
            shallow=model.shallow,
            offline=offline,
        )
    )
    if model.weights and subject.model.weights != model.weights:
        terminal.warn(
            f"{model.name} was made of other weights ({model.weights}) than it is compared with "
            f"({subject.model.weights})"
        )
    return subject


def _loaded(candidate: Candidate, precision: "Precision", folder: Path) -> Subject:
    runtime, tap = _runtime(candidate, precision)
    if reason := runtime.unavailable():
        raise UnsupportedError(reason, "--runtime portable runs on any machine")
    if candidate.unit not in runtime.units():
        raise UnsupportedError(
            f"this machine has no {candidate.unit}", f"it has {', '.join(runtime.units())}"
        )
    place = folder / f"{candidate.model.identity[:16]}-{candidate.unit}"
    place.mkdir(exist_ok=True)
    return of_package(
        candidate.model,
        runtime,
        runtime.compile(candidate.package, place),
        candidate.unit,
        precision=precision if candidate.runtime == "portable" else "",
        tap=tap,
    )


def _runtime(candidate: Candidate, precision: "Precision") -> tuple["Runtime", str]:
    """The runtime with one thread a call, since calls run side by side; and a name for logits."""
    if candidate.runtime != "portable":
        threads = {"threads": 1} if candidate.entry.has_threads else {}
        return create(CLASSES[candidate.runtime], threads), ""
    from export.mil.read.model import read
    from export.runtimes.portable import PortableRuntime
    from export.verify.agreement import tap_of

    function = read(candidate.package).function()
    tap = tap_of(function)
    if tap in function.outputs:
        return PortableRuntime(1, precision), ""
    return PortableRuntime(1, precision, (tap,)), tap


def _recipes(subject: Subject, names: Sequence[str]) -> Iterator[recipes.Recipe]:
    for name in dict.fromkeys(names):
        if name != recipes.PACKAGE:
            yield recipes.named(name)
            continue
        if subject.geometry is None:
            terminal.warn(
                f"{subject.model.name} does not say how photographs become its input: shorter "
                "side = size / 0.875, bilinear, centre is taken; --recipe names others"
            )
        yield recipes.of_package(subject.geometry or STANDARD_CROP, subject.size)


def _record(entry: Entry) -> EntryRecord:
    subject = entry.subject
    return EntryRecord(
        name=entry.name,
        model=subject.model,
        runtime=subject.runtime,
        unit=subject.unit,
        precision=subject.precision,
        recipe=entry.recipe.name,
        geometry=entry.recipe.describe(subject.size),
        published_top1=subject.published_top1,
        published_top5=subject.published_top5,
    )


def _pairs(entries: Sequence[Entry]) -> Iterator[Pair]:
    """Every subject with the first on the same recipe; every recipe with the subject's first."""
    first = entries[0]
    for other, entry in enumerate(entries):
        for reference, base in enumerate(entries[:other]):
            rivals = base.subject is first.subject and base.recipe.name == entry.recipe.name
            recipes_apart = base.subject is entry.subject and base.recipe.name == first.recipe.name
            if rivals or recipes_apart:
                logits = base.subject.logits and entry.subject.logits
                yield Pair(reference=reference, other=other, logits=logits)
