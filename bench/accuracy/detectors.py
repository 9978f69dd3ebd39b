"""Detectors put to the test: from a square picture to boxes, scores and classes.

A package gives what Core ML's own detectors give, `confidence` (boxes, classes) and `coordinates`
(boxes, 4), which are suppressed already; or `boxes` (n, 4) and `scores` (n, classes), which are
suppressed here as its metadata says. All boxes are centre x, centre y, width, height, relative to
the square, from its upper left.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.matching import MAX_DETECTIONS, overlap
from bench.accuracy.subjects import (
    CompiledPackage,
    Subject,
    class_names,
    color_size,
    timed_on_grey,
)
from export.runtimes.base import Feature
from export.runtimes.in_pictures import Floats, corners
from export.runtimes.inputs import from_picture, geometry_of
from mobilenet.common.errors import PackageError, UnsupportedError

if TYPE_CHECKING:
    from PIL.Image import Image

Outputs = Mapping[str, Feature]
SUPPRESSED = ("confidence", "coordinates")
RAW = ("scores", "boxes")


class Detections(NamedTuple):
    """What a detector says of one picture; boxes as the module has them."""

    boxes: Floats  # (n, 4)
    scores: Floats  # (n,)
    classes: NDArray[np.int64]  # (n,)
    not_finite: int = 0  # boxes that were left out for NaN or infinity


class Suppression(NamedTuple):
    """Which raw boxes stay. The defaults are those of the authors' SSDLite, but for confidence.

    Their configuration keeps scores from 1e-8; below a hundredth none moves mAP.
    """

    iou: float = 0.6
    confidence: float = 0.01
    is_agnostic: bool = False  # boxes of all classes suppress each other

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, str]) -> "Suppression":
        """`iouThreshold`, `confidenceThreshold`, `agnostic`. Raises `PackageError`."""
        default = cls()
        return cls(
            _share(metadata, "iouThreshold", default.iou),
            _share(metadata, "confidenceThreshold", default.confidence),
            metadata.get("agnostic", "").lower() in ("1", "true", "yes"),
        )

    def __str__(self) -> str:
        classes = "of all classes" if self.is_agnostic else "of each class"
        return (
            f"boxes {classes} suppressed above IoU {self.iou:g}, scores from {self.confidence:g}"
        )


@dataclass(frozen=True)
class Detector(Subject):
    """A network that answers square pictures with boxes of its classes."""

    labels: tuple[str, ...]
    suppression: str  # in words
    answer: Callable[["Image"], Detections]


def of_package(package: CompiledPackage) -> Detector:
    """A package, loaded, and tried on a grey picture.

    Raises `UnsupportedError` for one that does not find boxes in one colour picture.
    """
    name, session = package.model.name, package.load()
    description = session.description
    size = color_size(name, description)

    def outputs(picture: "Image") -> Outputs:
        return session.predict(from_picture(description, picture))

    tried, took_s = timed_on_grey(outputs, size)
    is_suppressed = all(output in tried for output in SUPPRESSED)
    if not is_suppressed and not all(output in tried for output in RAW):
        raise UnsupportedError(
            f"{name} gives {', '.join(tried)}: no boxes",
            "a detector gives confidence and coordinates, or boxes and scores",
        )
    suppression = Suppression.of_metadata(description.metadata)
    scores_name, boxes_name = SUPPRESSED if is_suppressed else RAW

    def answer(picture: "Image") -> Detections:
        values = outputs(picture)
        boxes, scores = _table(values[boxes_name]), _table(values[scores_name])
        return (
            first_class(boxes, scores) if is_suppressed else suppress(boxes, scores, suppression)
        )

    classes = np.shape(tried[scores_name])[-1]
    return Detector(
        package.model, package.runtime.name, package.unit, size,
        class_names(name, description, classes),
        "boxes suppressed by the package" if is_suppressed else str(suppression), answer,
        precision=package.precision, threads_at_once=package.threads_at_once,
        interpreted_s=package.interpreted_s(took_s), geometry=geometry_of(description),
    )  # fmt: skip


def first_class(boxes: Floats, scores: Floats) -> Detections:
    """Each box as its best class, which is the first label that Vision gives.

    Rows of zeros are no boxes: Core ML fills up with them where a least number is declared.
    """
    is_finite = _are_finite(boxes, scores)
    boxes, scores = boxes[is_finite], scores[is_finite]
    classes = scores.argmax(axis=1) if len(scores) else np.zeros(0, np.int64)
    best = scores[np.arange(len(scores)), classes]
    rows, lost = best > 0, int(np.count_nonzero(~is_finite))
    return Detections(boxes[rows], best[rows], classes[rows], lost)


def suppress(boxes: Floats, scores: Floats, suppression: Suppression) -> Detections:
    """Of raw boxes (n, 4) and scores (n, classes), those that none better of the class overlaps.

    A box may stay for several classes; at most `MAX_DETECTIONS` stay for each.
    """
    is_finite = _are_finite(boxes, scores)
    rows, classes = np.nonzero((scores >= suppression.confidence) & is_finite[:, None])
    order = np.argsort(-scores[rows, classes], kind="stable")
    rows, classes = rows[order], classes[order]
    groups = np.zeros_like(classes) if suppression.is_agnostic else classes
    stay: list[int] = []
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        stay += places[_unlapped(corners(boxes[rows[places]]), suppression.iou)].tolist()
    stay.sort()
    lost = int(np.count_nonzero(~is_finite))
    rows, classes = rows[stay], classes[stay]
    return Detections(boxes[rows], scores[rows, classes], classes, lost)


def _unlapped(boxes: Floats, most: float) -> list[int]:
    """Of boxes (left, top, width, height), best first, those that overlap no better one."""
    stay: list[int] = []
    left = np.arange(len(boxes))
    while left.size and len(stay) < MAX_DETECTIONS:
        stay.append(int(left[0]))
        ratio = overlap(boxes[left[0]], boxes[left[1:]], np.zeros(1, np.bool_))
        left = left[1:][ratio <= most]
    return stay


def _are_finite(boxes: Floats, scores: Floats) -> NDArray[np.bool_]:
    """(n,): which boxes have nothing but numbers."""
    finite: NDArray[np.bool_] = np.isfinite(np.concatenate([boxes, scores], axis=1)).all(axis=1)
    return finite


def _table(value: Feature) -> Floats:
    """(n, columns) of an array with or without leading ones."""
    array = np.asarray(value, np.float64)
    return array.reshape(-1, array.shape[-1])


def _share(metadata: Mapping[str, str], name: str, default: float) -> float:
    text = metadata.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1:
        raise PackageError(f"metadata {name} is {text!r}", "a number from 0 to 1")
    return value
