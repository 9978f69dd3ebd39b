"""Core ML's non-maximum suppression in numpy.

What `NonMaximumSuppression.proto` says is followed: boxes whose best confidence is below the
threshold go; of those left the best stays, all that overlap it too much go, and so on; `perClass`
holds a box against those of the same best class alone; missing rows are zeros. What it leaves
open is decided here as follows, and has not been seen on Apple's systems:

- Boxes come out in the order of their best confidence; of equal ones the first comes first, and
  is the one that stays. Of equal classes of a box the first is its best.
- A box goes when its overlap is above the threshold, and stays when it is equal to it, as with
  the operation of the same name in MIL: at a threshold of 1 all stay.
- A box without an area overlaps nothing, and one whose confidence is no number goes.
- Where fewer rows are allowed than boxes stay, the best are given.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.mil.description import ModelDescription
from export.mil.suppression_model import SuppressionModel
from export.runtimes.base import Feature
from export.runtimes.inputs import check_names
from mobilenet.common.errors import UnsupportedError

Array = NDArray[Any]

MAX_CANDIDATES = 1 << 15  # boxes above the threshold: each is held against all, in seconds
BLOCK = 128  # boxes that are held against all others at once: arrays of 32 MB at most


class SuppressionSession:
    """`LoadedModel` of a `SuppressionModel`."""

    def __init__(self, model: SuppressionModel) -> None:
        self.model = model

    @property
    def description(self) -> ModelDescription:
        """As `LoadedModel`."""
        return self.model.description

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """Confidences and coordinates of the boxes that stay, in the types of the inputs.

        Raises `UnsupportedError` for arrays of other shapes than (boxes, classes) and (boxes, 4),
        and for thresholds that are none.
        """
        model = self.model
        check_names(model.description, inputs)
        confidence, coordinates = self._arrays(inputs)
        iou = float(inputs.get(model.iou_input, model.iou))
        least = float(inputs.get(model.confidence_threshold_input, model.confidence_threshold))
        if not 0 <= iou <= 1 or not least >= 0:
            raise UnsupportedError(
                f"thresholds are {iou:g} (IoU) and {least:g} (confidence)",
                "0 to 1, and 0 or more, are possible",
            )
        stay = suppress(confidence, coordinates, iou, least, per_class=model.per_class)
        stay = stay[: model.most]
        return {
            model.confidence_output: _rows(confidence, stay, model.least),
            model.coordinates_output: _rows(coordinates, stay, model.least),
        }

    def _arrays(self, inputs: Mapping[str, Feature]) -> tuple[Array, Array]:
        names = self.model.confidence_input, self.model.coordinates_input
        confidence, coordinates = (np.asarray(inputs[name]) for name in names)
        fits = confidence.ndim == 2 and coordinates.shape == (len(confidence), 4)
        classes = len(self.description.labels)
        if not fits or not confidence.shape[1] or classes not in (0, confidence.shape[1]):
            raise UnsupportedError(
                f"{names[0]!r} and {names[1]!r} have shapes {confidence.shape} and "
                f"{coordinates.shape}",
                f"(boxes, {classes or 'classes'}) and (boxes, 4) are taken",
            )
        return confidence, coordinates


def suppress(
    confidence: Array, coordinates: Array, iou: float, threshold: float, *, per_class: bool
) -> NDArray[np.intp]:
    """Rows that stay of (boxes, classes) and (boxes, 4), the best first."""
    best = confidence.max(1)
    candidates = np.flatnonzero(best >= threshold)
    if len(candidates) > MAX_CANDIDATES:
        raise UnsupportedError(
            f"{len(candidates):,} boxes are above the confidence threshold {threshold:g}",
            f"at most {MAX_CANDIDATES:,} can be held against each other here: raise it",
        )
    order = candidates[np.argsort(-best[candidates], kind="stable")]
    stays = np.ones(len(order), bool)
    with np.errstate(invalid="ignore"):  # boxes without end overlap nothing
        edges = _edges(coordinates[order].astype(np.float64))
        for rivals in _rivals(confidence[order], per_class=per_class):
            stays[rivals] = _apart(edges[:, rivals], iou)
    chosen: NDArray[np.intp] = order[stays]
    return chosen


def _rivals(confidence: Array, *, per_class: bool) -> Iterator[NDArray[np.intp]]:
    """Rows that are held against each other, in order."""
    rows = np.arange(len(confidence))
    if not per_class:
        yield rows
        return
    classes = confidence.argmax(1)
    grouped = np.argsort(classes, kind="stable")
    yield from np.split(rows[grouped], np.flatnonzero(np.diff(classes[grouped])) + 1)


def _edges(boxes: Array) -> Array:
    """Left, top, right and bottom, (4, boxes)."""
    centres, halves = boxes[:, :2], np.maximum(boxes[:, 2:], 0) / 2
    return np.concatenate([centres - halves, centres + halves], axis=1).T


def _apart(edges: Array, iou: float) -> NDArray[np.bool_]:
    """Whether each box stays among those before it, which are better: (boxes,)."""
    count = edges.shape[1]
    stays = np.ones(count, bool)
    for begin in range(0, count, BLOCK):
        rows = begin + np.flatnonzero(stays[begin : begin + BLOCK])
        behind = np.arange(begin, count) > rows[:, None]
        overlaps = behind & _overlaps(edges[:, rows, None], edges[:, None, begin:], iou)
        for number in np.flatnonzero(overlaps.any(1)):
            if stays[rows[number]]:
                stays[begin:] &= ~overlaps[number]
    return stays


def _overlaps(a: Array, b: Array, iou: float) -> NDArray[np.bool_]:
    """Whether the intersection of two boxes is more than this share of their union."""
    width, height = (
        np.minimum(a[i + 2], b[i + 2]) - np.maximum(a[i], b[i]) for i in (0, 1)
    )  # fmt: skip
    common = np.maximum(width, 0) * np.maximum(height, 0)
    first, second = ((e[2] - e[0]) * (e[3] - e[1]) for e in (a, b))
    # never less than the intersection, also as it is rounded: at a threshold of 1 all stay
    overlaps: NDArray[np.bool_] = common > iou * (first + second - common)
    return overlaps


def _rows(values: Array, stay: NDArray[np.intp], least: int) -> Array:
    """`values` at `stay`, with zeros behind them up to `least` rows."""
    missing = max(least - len(stay), 0)
    return np.pad(values[stay], ((0, missing), (0, 0)))
