"""Segmenters put to the test: from a square picture to a map of classes.

A package gives `labels` (integers (H, W); Apple's DeepLabV3 calls them `semanticPredictions`),
`mask` (a grayscale picture whose pixel is the class) or `logits` (1, classes, H, W).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.subjects import (
    CompiledPackage,
    Subject,
    class_names,
    color_size,
    timed_on_grey,
)
from export.runtimes.base import Feature
from export.runtimes.inputs import from_picture, geometry_of
from mobilenet.common.errors import UnsupportedError
from mobilenet.preprocess import Extent, Region

if TYPE_CHECKING:
    from PIL.Image import Image

ClassMap = NDArray[np.uint8]
LOGITS = "logits"
MAPS = ("labels", "semanticPredictions", "mask")
MAX_CLASSES = 255  # a mask has 8 bits, and 255 is ignored
NO_CLASS = 255  # of a pixel whose answer is no class


@dataclass(frozen=True)
class Segmenter(Subject):
    """A network that answers square pictures with a map of its classes."""

    labels: tuple[str, ...]
    answer: Callable[["Image"], ClassMap]  # (h, w) over the input; `NO_CLASS` for NaN and beyond


def of_package(package: CompiledPackage) -> Segmenter:
    """A package, loaded, and tried on a grey picture.

    Raises `UnsupportedError` for one that does not give a map for one colour picture.
    """
    name, session = package.model.name, package.load()
    description = session.description
    size = color_size(name, description)

    def outputs(picture: "Image") -> Mapping[str, Feature]:
        return session.predict(from_picture(description, picture))

    tried, took_s = timed_on_grey(outputs, size)
    output = next((each for each in (LOGITS, *MAPS) if each in tried), None)
    if output is None:
        raise UnsupportedError(
            f"{name} gives {', '.join(tried)}: no map", "a segmenter gives labels, mask or logits"
        )
    channels = np.shape(tried[LOGITS])[-3] if output == LOGITS else None
    labels = class_names(name, description, channels)
    if len(labels) > MAX_CLASSES:
        raise UnsupportedError(f"{name} has {len(labels)} classes", f"at most {MAX_CLASSES}")
    convert = of_logits if output == LOGITS else of_labels
    return Segmenter(
        package.model, package.runtime.name, package.unit, size, labels,
        lambda picture: convert(outputs(picture)[output], len(labels)),
        precision=package.precision, threads_at_once=package.threads_at_once,
        interpreted_s=package.interpreted_s(took_s), geometry=geometry_of(description),
    )  # fmt: skip


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


def _nearest(low: float, high: float, side: int, count: int) -> NDArray[np.int64]:
    """Of `count` equal parts between `low` and `high` of a side, the pixel of each centre."""
    centres = low + (np.arange(count) + 0.5) / count * (high - low)
    return (centres * side).astype(np.int64).clip(0, side - 1)
