"""What a package says of one photograph: classes, objects, or the classes of its pixels."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.head_outputs import DETECTION_OUTPUTS, detector_options
from export.mil.description import ModelDescription
from export.mil.program import Function
from export.package.metadata import PackageMetadata
from export.runtimes.base import Feature
from export.runtimes.in_pictures import (
    NO_CLASS,
    ClassMap,
    at_size,
    in_picture,
    of_labels,
    of_logits,
)
from export.runtimes.inputs import from_picture
from export.runtimes.suppression_session import suppress
from export.verify.agreement import run
from export.verify.class_answers import probabilities
from export.verify.detected_boxes import decoded, scores_of, starting_boxes
from export.verify.output_labels import output_labels
from mobilenet.common import drawing, files
from mobilenet.common.drawing import LabelledBox
from mobilenet.common.errors import ConfigError
from mobilenet.common.images import upright_rgb
from mobilenet.networks.ssdlite import Detection
from mobilenet.preprocess import Extent, Region

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.float64]
Outputs = Mapping[str, Feature]
KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}  # of files that are drawn


@dataclass(frozen=True)
class DetectedObject:
    """Where a detector sees what."""

    label: str
    confidence: float
    box: tuple[float, float, float, float]  # left, top, width, height in the photograph's pixels
    number: int  # of the class


@dataclass(frozen=True, eq=False)
class PictureAnswer:
    """To one photograph; what the network's head does not give is empty, or None."""

    top5: tuple[tuple[str, float], ...] = ()
    objects: tuple[DetectedObject, ...] | None = None
    """The best first."""
    shares: tuple[tuple[str, float], ...] = ()
    """Of each class that occurs, of the photograph's pixels, the largest first."""
    classes: ClassMap | None = None
    """(height, width) of the upright photograph."""

    def draw(self, photograph: "Image", path: Path, mark: str = "") -> None:
        """Write the photograph with boxes or classes over it, as large as it is.

        A `mark` is written over all of it.
        """
        picture = upright_rgb(photograph)
        if self.classes is not None:
            picture = drawing.with_classes(picture, self.classes, NO_CLASS)
        else:
            drawing.draw_boxes(
                picture,
                [
                    LabelledBox(each.box, each.number, f"{each.label} {each.confidence:.2f}")
                    for each in self.objects or ()
                ],
            )
        if mark:
            drawing.draw_boxes(
                picture, [LabelledBox((0, 0, picture.width - 1, picture.height - 1), 0, mark)]
            )
        data = io.BytesIO()
        picture.save(data, KINDS[path.suffix.lower()], quality=95)
        files.write_atomically(path, data.getvalue())


def check_drawing(
    path: Path, package: Path, about: PackageMetadata, photograph: Path | None
) -> None:
    """Raise `ConfigError` unless there is something to draw, on what, and a place for it."""
    if photograph is None:
        raise ConfigError(f"drawing {path} without a photograph to draw on", "add --image")
    check_kind(path)
    if not finds_places(about):
        raise ConfigError(
            f"drawing {path} for {about.title}: only boxes and classes of pixels are drawn",
            "leave --drawing out",
        )
    files.check_regular_file(path, [package, photograph])


def check_kind(path: Path) -> None:
    """Raise `ConfigError` unless a picture can be written under that name."""
    if path.suffix.lower() not in KINDS:
        raise ConfigError(f"drawing is {path}", f"a picture: {', '.join(KINDS)}")


def answer_of(
    path: Path, function: Function, about: PackageMetadata, photograph: "Image", runtime: str
) -> PictureAnswer:
    """The answer of a package as it is declared."""
    if not output_labels(function.description) and not finds_places(about):
        return PictureAnswer()
    feed = from_picture(
        function.description, about.geometry.apply(photograph, about.size), about.normalization
    )
    (outputs,) = run(path, [feed], "declared", function=function.name, runtime=runtime)
    return read_answer(function.description, about, outputs, photograph)


def finds_places(about: PackageMetadata) -> bool:
    """Whether it is a detector's, or a segmenter's."""
    readout = None if about.config is None else about.config.readout
    return readout is not None and (readout.detection or readout.picture) is not None


def read_answer(
    description: ModelDescription, about: PackageMetadata, outputs: Outputs, photograph: "Image"
) -> PictureAnswer:
    """What the outputs of a package of ours for `photograph` say of it."""
    readout = None if about.config is None else about.config.readout
    labels = output_labels(description)
    if readout is not None and readout.detection is not None:
        return PictureAnswer(objects=_objects(description, about, outputs, photograph, labels))
    if readout is not None and readout.picture is not None:
        return _pixels(about, outputs, photograph, labels)
    if not labels:
        return PictureAnswer()
    values = probabilities(description, outputs).tolist()
    best = sorted(zip(labels, values, strict=True), key=lambda item: -item[1])
    return PictureAnswer(top5=tuple(best[:5]))


def _pixels(
    about: PackageMetadata, outputs: Outputs, photograph: "Image", labels: tuple[str, ...]
) -> PictureAnswer:
    assert about.config is not None, "of a segmenter"
    picture, ((name, value), *_) = upright_rgb(photograph), outputs.items()
    read = of_logits if name == "logits" else of_labels
    region = about.geometry.region(picture.size, about.size)
    return painted(read(value, about.config.classes), labels, region, picture.size)


def painted(
    classes: ClassMap, labels: tuple[str, ...], region: Region, size: Extent
) -> PictureAnswer:
    """The classes of pixels of a picture of `size`, which lies in `region` of the map."""
    classes = at_size(classes, region, size)
    counts = np.bincount(classes.ravel())
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    shares = ((label_of(labels, number), counts[number] / classes.size) for number in order)
    return PictureAnswer(shares=tuple((label, float(share)) for label, share in shares),
                         classes=classes)  # fmt: skip


def _objects(
    description: ModelDescription, about: PackageMetadata, outputs: Outputs, photograph: "Image",
    labels: tuple[str, ...],
) -> tuple[DetectedObject, ...]:  # fmt: skip
    boxes, scores, rows = _chosen(description, about, outputs)
    size = upright_rgb(photograph).size
    region = about.geometry.region(size, about.size)
    return detected_objects(boxes[rows], scores[rows], labels, region, size)


def detected_objects(
    boxes: Array, scores: Array, labels: tuple[str, ...], region: Region, size: Extent
) -> tuple[DetectedObject, ...]:
    """Of boxes (n, 4) and scores (n, classes), in the pixels of a picture of `size`.

    The picture lies in `region` of the input.
    """
    places = in_picture(boxes, region, *size).tolist()
    numbers = scores.argmax(1) if len(scores) else np.zeros(0, int)
    return tuple(
        DetectedObject(label_of(labels, number), float(row[number]),
                       (left, top, across, down), int(number))
        for row, number, (left, top, across, down) in zip(scores, numbers, places, strict=True)
    )  # fmt: skip


def _chosen(
    description: ModelDescription, about: PackageMetadata, outputs: Outputs
) -> tuple[Array, Array, NDArray[np.intp]]:
    """All boxes (n, 4) and scores (n, classes), and the rows of those that stay, best first."""
    assert about.config is not None, "of a detector"
    readout = about.config.readout
    detection = readout.detection or Detection()
    options = detector_options(
        [output.name for output in description.outputs], description.metadata
    )
    kind = options["outputs"]
    if kind == "detections":
        scores, boxes = (np.asarray(outputs[name], np.float64) for name in DETECTION_OUTPUTS)
        return boxes, scores, np.flatnonzero(scores.max(1, initial=0) > 0)
    iou, confidence = detection.iou, detection.confidence
    if kind == "tensors":
        encodings, logits = (
            np.asarray(outputs[name][0], np.float64) for name in ("box_encodings", "class_logits")
        )
        starts = starting_boxes(readout.predictors, detection)
        boxes = decoded(encodings.T, starts, detection)
        scores = scores_of(logits)
    else:
        boxes, scores = (np.asarray(outputs[name], np.float64) for name in ("boxes", "scores"))
        iou, confidence = float(str(options["iou"])), float(str(options["confidence"]))
    rows = suppress(scores, boxes, iou, confidence, per_class=not options["agnostic"])
    return boxes, scores, rows


def label_of(labels: tuple[str, ...], number: int) -> str:
    """Of a class by its number, also where there is no name for it."""
    return labels[number] if number < len(labels) else f"class {number}"
