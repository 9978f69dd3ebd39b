"""Segmenters put to the test: from a square picture to a map of classes.

A package gives `labels` (integers (H, W); Apple's DeepLabV3 calls them `semanticPredictions`),
`mask` (a grayscale picture whose pixel is the class) or `logits` (1, classes, H, W).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.accuracy.subjects import (
    CompiledPackage,
    Subject,
    class_names,
    color_size,
    timed_on_grey,
)
from export.runtimes.base import Feature
from export.runtimes.in_pictures import ClassMap, of_labels, of_logits
from export.runtimes.inputs import from_picture, geometry_of
from mobilenet.common.errors import UnsupportedError

if TYPE_CHECKING:
    from PIL.Image import Image

LOGITS = "logits"
MAPS = ("labels", "semanticPredictions", "mask")
MAX_CLASSES = 255  # a mask has 8 bits, and 255 is ignored


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
