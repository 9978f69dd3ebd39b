"""Labels of classes from a file of their own: the one that is given, or that lies beside weights.

Weights that say themselves what their classes are called need none. ImageNet's, which are taken
for 1000 classes where nothing is said, give way to any that fit.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mobilenet.checkpoint import Checkpoint, known_labels
from mobilenet.common.errors import CheckpointError, UserError
from mobilenet.common.text import one_line
from mobilenet.labels import (
    BACKGROUND,
    LABEL_MAP,
    labels_in,
    numbered,
    preferred,
    read_labels,
)

# Of Teachable Machine (labels.txt, metadata.json), TensorFlow's retrain.py and the tutorials that
# used it (output_labels.txt, retrained_labels.txt), Keras' generators and transformers.
NAMES = (
    "labels.txt", "metadata.json", "output_labels.txt", "retrained_labels.txt",
    "class_indices.json", "config.json",
)  # fmt: skip
GIVEN = ", given with --classes"  # behind the name of a file
MAX_MAPS = 10  # label maps that are looked at
BACKGROUNDS = (BACKGROUND, "dummy", "???")  # what lists of 1001 labels call class 0


class LabelledCheckpoint(NamedTuple):
    """A checkpoint with labels, and what its user must know of them."""

    checkpoint: Checkpoint
    notes: tuple[str, ...] = ()


def with_labels(
    checkpoint: Checkpoint, weights: Path | None, classes: Path | None, keep_background: bool
) -> LabelledCheckpoint:
    """With the labels in the file `classes`, else with those beside the file or folder `weights`.

    Class 0 of the 1001-class networks is dropped unless `keep_background`, or it has a name. The
    notes say of files that lie there what they are not used for.

    Raises `CheckpointError` for `classes` of another number than the network's, and where two
    files beside the weights fit and disagree.
    """
    notes: tuple[str, ...] = ()
    if classes is not None:
        origin = one_line(classes.name) + GIVEN
        checkpoint = _fitted(checkpoint, read_labels(classes), origin)
    elif weights is not None and not has_own_labels(checkpoint):
        checkpoint, notes = _with_labels_beside(checkpoint, weights)
    if _has_background(checkpoint) and not keep_background:
        checkpoint = checkpoint.without_background()
    return LabelledCheckpoint(checkpoint, notes)


def _has_background(checkpoint: Checkpoint) -> bool:
    """As a class that no picture is of; of a segmenter's pixels it is one like all others."""
    return checkpoint.config.readout.pooled and checkpoint.labels[:1] == (BACKGROUND,)


def has_own_labels(checkpoint: Checkpoint) -> bool:
    """Whether the weights themselves say what their classes are called."""
    readout, reading = checkpoint.config.readout, checkpoint.reading
    if readout.classes is None and readout.detection is None:
        return True  # features need none
    is_told = reading is not None and reading.how == "own file"
    return bool(checkpoint.labels) and (is_told or not _assumed(checkpoint))


def _assumed(checkpoint: Checkpoint) -> str:
    """Why the classes are called so, where nothing of the file says it; else ""."""
    config = checkpoint.config
    usual = known_labels(config)
    if checkpoint.labels == usual.labels:
        return f"labels: {usual.whose}, since there are as many classes"
    is_numbered = checkpoint.labels == numbered(config.classes)
    return "labels: numbers, since the file names no class" if is_numbered else ""


def _with_labels_beside(checkpoint: Checkpoint, weights: Path) -> LabelledCheckpoint:
    fitting: dict[tuple[str, ...], tuple[Path, Checkpoint]] = {}
    notes = []
    for path in _candidates(weights):
        beside = f"{one_line(path.name)} beside the weights"
        try:
            if labels := preferred(labels_in(path)):
                labelled = _fitted(checkpoint, labels, beside)
                fitting.setdefault(labelled.labels, (path, labelled))
        except UserError as error:
            notes.append(f"{beside} is not used: {error.message}")
    if len(fitting) > 1:
        (first, _), (second, _), *_ = fitting.values()
        raise CheckpointError(
            f"{first} and {second} name the classes differently", "say which holds with --classes"
        )
    for _, labelled in fitting.values():
        checkpoint = labelled
    if not fitting and checkpoint.labels and checkpoint.reading is not None:
        assumed = (*checkpoint.reading.assumed, _assumed(checkpoint))
        checkpoint = replace(checkpoint, reading=replace(checkpoint.reading, assumed=assumed))
    return LabelledCheckpoint(checkpoint, tuple(notes))


def _candidates(weights: Path) -> Iterator[Path]:
    """Files that may hold labels: beside a file; in a folder of weights, and beside it."""
    folders = [weights, weights.parent] if weights.is_dir() else [weights.parent]
    for folder in folders:
        for name in (*NAMES, f"{weights.stem}_labels.txt"):
            if (folder / name).is_file():
                yield folder / name
        yield from sorted(folder.glob(f"*{LABEL_MAP}"))[:MAX_MAPS]


def _fitted(checkpoint: Checkpoint, labels: tuple[str, ...], origin: str) -> Checkpoint:
    """With these labels; a background that has no name in them keeps its own.

    Raises `CheckpointError` for another number of labels.
    """
    if _has_background(checkpoint):
        if len(labels) + 1 == len(checkpoint.labels):
            labels = (BACKGROUND, *labels)
        elif labels[0].casefold() in BACKGROUNDS:
            labels = (BACKGROUND, *labels[1:])
    elif checkpoint.config.readout.detection is not None and len(labels) > 1:
        is_first = len(labels) == checkpoint.config.classes + 1
        labels = labels[1:] if is_first and labels[0].casefold() in BACKGROUNDS else labels
    if labels == checkpoint.labels:
        return checkpoint
    return replace(checkpoint, labels=labels, labels_from=origin)
