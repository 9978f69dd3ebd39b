"""What the data is decides what packages are asked: a class, boxes, or a map of classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.accuracy import (
    coco,
    detection_run,
    detectors,
    masks,
    photographs,
    picture_pass,
    plan,
    recipes,
    segmentation_run,
    segmenters,
)
from bench.accuracy.accuracy_options import AccuracyOptions
from bench.accuracy.loading import compiled
from bench.accuracy.runs import PictureRun
from bench.accuracy.subjects import CompiledPackage
from bench.runtimes.entries import default_runtimes
from mobilenet.common.errors import ConfigError
from mobilenet.common.progress import Progress


def prepare(
    packages: Sequence[Path],
    data: Path,
    options: AccuracyOptions,
    folder: Path,
    progress: Progress,
) -> PictureRun[Any]:
    """Everything loaded, compiled into `folder`.

    Raises `UserError` for what cannot be measured.
    """
    if data.is_file():
        _refuse(options, "COCO's instances", ("labels", "against"))
        return _of_boxes(packages, data, options, folder, progress)
    _refuse(options, "a folder", ("images",))
    if masks.is_masked(data):
        _refuse(options, "masks", ("labels", "against"))
        return _of_maps(packages, data, options, folder, progress)
    return _of_classes(packages, data, options, folder, progress)


def _of_classes(
    packages: Sequence[Path],
    data: Path,
    options: AccuracyOptions,
    folder: Path,
    progress: Progress,
) -> plan.AccuracyRun:
    dataset = photographs.find(data, options.labels).limited(options.limit)
    _tell(dataset.notes, progress)
    classifiers = plan.load(
        packages, _runtimes(options), options.unit or (), options.precision, folder,
        progress=progress,
    )  # fmt: skip
    if options.against:
        original = plan.checkpoint(
            options.against, classifiers[0], options.offline, progress, options.overrides
        )
        classifiers.insert(0, original)
    return plan.prepare(dataset, classifiers, _recipes(options), progress)


def _of_boxes(
    packages: Sequence[Path],
    data: Path,
    options: AccuracyOptions,
    folder: Path,
    progress: Progress,
) -> detection_run.DetectionRun:
    dataset = coco.read(data, options.images).limited(options.limit)
    _tell(dataset.notes, progress)
    subjects = [
        detectors.of_package(each) for each in _compiled(packages, options, folder, progress)
    ]
    return detection_run.prepare(dataset, subjects, _recipes(options))


def _of_maps(
    packages: Sequence[Path],
    data: Path,
    options: AccuracyOptions,
    folder: Path,
    progress: Progress,
) -> segmentation_run.SegmentationRun:
    dataset = masks.find(data).limited(options.limit)
    _tell(dataset.notes, progress)
    subjects = [
        segmenters.of_package(each) for each in _compiled(packages, options, folder, progress)
    ]
    jobs = options.jobs or picture_pass.cores()
    return segmentation_run.prepare(dataset, subjects, _recipes(options), jobs, progress)


def _compiled(
    packages: Sequence[Path], options: AccuracyOptions, folder: Path, progress: Progress
) -> list[CompiledPackage]:
    where = _runtimes(options), options.unit or (), options.precision, folder
    return compiled(packages, *where, progress=progress)


def _runtimes(options: AccuracyOptions) -> tuple[str, ...]:
    return (options.runtime,) if options.runtime else default_runtimes()


def _recipes(options: AccuracyOptions) -> tuple[str, ...]:
    return options.recipe or (recipes.PACKAGE,)


def _refuse(options: AccuracyOptions, what: str, names: Sequence[str]) -> None:
    """Raise `ConfigError` for an option that `what` has no use for."""
    for name in names:
        if getattr(options, name) is not None:
            raise ConfigError(f"--{name} was named, and --data is {what}", f"leave --{name} out")


def _tell(notes: Sequence[str], progress: Progress) -> None:
    for note in notes:
        progress.say(note)
