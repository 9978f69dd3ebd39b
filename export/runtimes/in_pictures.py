"""What a detector or segmenter says of its input, as a map or boxes, and of a picture in it."""

import numpy as np
from numpy.typing import NDArray

from export.runtimes.base import Feature
from mobilenet.preprocess import Extent, Region

ClassMap = NDArray[np.uint8]
Floats = NDArray[np.float64]
NO_CLASS = 255  # of a pixel whose answer is no class


def of_logits(logits: Feature, classes: int) -> ClassMap:
    """The best of (1, classes, H, W); `NO_CLASS` where one is NaN."""
    values = np.asarray(logits)
    values = values.reshape(classes, *values.shape[-2:])
    return np.where(np.isnan(values).any(axis=0), NO_CLASS, values.argmax(axis=0)).astype(np.uint8)


def of_labels(labels: Feature, classes: int) -> ClassMap:
    """Numbers (..., H, W), or a picture of them; `NO_CLASS` where they are none of `classes`."""
    values = np.asarray(labels)
    values = values.reshape(values.shape[-2:])
    return np.where((values >= 0) & (values < classes), values, NO_CLASS).astype(np.uint8)


def at_size(classes: ClassMap, region: Region, size: Extent) -> ClassMap:
    """What lies in `region` of the input, (height, width) of `size`, by the nearest pixel."""
    left, top, right, bottom = region
    rows = _nearest(top, bottom, classes.shape[0], size[1])
    return classes[np.ix_(rows, _nearest(left, right, classes.shape[1], size[0]))]


def in_picture(boxes: Floats, region: Region, width: int, height: int) -> Floats:
    """Boxes of the input, centre and sides, as left, top, width, height in picture's pixels."""
    left, top, right, bottom = region
    scale = np.array([width / (right - left), height / (bottom - top)])
    with np.errstate(invalid="ignore"):  # what has no end lies nowhere
        placed = corners(boxes)
        at = (placed[:, :2] - (left, top)) * scale
        return np.concatenate([at, placed[:, 2:] * scale], axis=1)


def corners(boxes: Floats) -> Floats:
    """Centre x, centre y, width, height to left, top, width, height."""
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)


def _nearest(low: float, high: float, side: int, count: int) -> NDArray[np.int64]:
    """Of `count` equal parts between `low` and `high` of a side, the pixel of each centre."""
    centres = low + (np.arange(count) + 0.5) / count * (high - low)
    return (centres * side).astype(np.int64).clip(0, side - 1)
