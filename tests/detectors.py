"""Detectors as they are shipped: a network, and behind it Core ML's non-maximum suppression.

The network gives the boxes and scores that it was made with, the scores times the brightness of
the picture: on a white one they are what a test expects.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from export.coremltools_import import coremltools
from programs import convert

Array = np.ndarray
WHITE = Image.new("RGB", (4, 4), (255, 255, 255))
GRAY = Image.new("RGB", (4, 4), (51, 51, 51))  # a fifth of it


def network(scores: Array, boxes: Array, kind: str = "mlprogram") -> Any:
    """An `MLModel` from a picture of 4 x 4 to `raw_confidence` and `raw_coordinates`."""
    ct = coremltools()
    image = ct.ImageType("x0", (1, 3, 4, 4), scale=1 / 255)

    def detect(mb, x):
        brightness = mb.reduce_mean(x=x, axes=[0, 1, 2, 3], keep_dims=False)
        brightness = mb.reshape(x=brightness, shape=[1, 1])
        nothing = mb.mul(x=brightness, y=np.float32(0))
        return (
            mb.mul(x=brightness, y=scores.astype(np.float32), name="raw_confidence"),
            mb.add(x=nothing, y=boxes.astype(np.float32), name="raw_coordinates"),
        )

    model = convert(detect, [np.zeros((1, 3, 4, 4), np.float32)], "iOS15", inputs=[image])
    if kind == "mlprogram":
        return model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # the program has the picture's scale in it by now
        old = ct.convert(model._mil_program, source="milinternal", convert_to="neuralnetwork",
                         inputs=[ct.ImageType("x0", (1, 3, 4, 4))])  # fmt: skip
    spec = old.get_spec()
    for output, width in zip(spec.description.output, (scores.shape[1], 4), strict=True):
        output.type.multiArrayType.shape[:] = [len(scores), width]  # which coremltools leaves out
    return ct.models.MLModel(spec, skip_model_load=True)


def suppression(
    count: int,
    labels: Sequence[str | int],
    *,
    iou: float = 0.5,
    confidence: float = 0.25,
    per_class: bool = True,
    rows: tuple[int, int] = (0, -1),
    version: int = 6,
) -> Any:
    """The `Model` message of a suppression, as detectors have it: thresholds may be given."""
    ct = coremltools()
    spec = ct.proto.Model_pb2.Model(specificationVersion=version)
    arrays = ct.proto.FeatureTypes_pb2.ArrayFeatureType
    for name, width in (("raw_confidence", len(labels)), ("raw_coordinates", 4)):
        array = spec.description.input.add(name=name).type.multiArrayType
        array.shape[:], array.dataType = [count, width], arrays.FLOAT32
    for name in ("iouThreshold", "confidenceThreshold"):
        feature = spec.description.input.add(name=name)
        feature.type.doubleType.SetInParent()
        feature.type.isOptional = True
    for name, width in (("confidence", len(labels)), ("coordinates", 4)):
        array = spec.description.output.add(name=name).type.multiArrayType
        array.dataType = arrays.FLOAT32
        for low, high in (rows, (width, width)):
            array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    nms = spec.nonMaximumSuppression
    nms.confidenceInputFeatureName, nms.coordinatesInputFeatureName = (
        "raw_confidence", "raw_coordinates")  # fmt: skip
    nms.confidenceOutputFeatureName, nms.coordinatesOutputFeatureName = "confidence", "coordinates"
    nms.iouThresholdInputFeatureName = "iouThreshold"
    nms.confidenceThresholdInputFeatureName = "confidenceThreshold"
    nms.iouThreshold, nms.confidenceThreshold = iou, confidence
    nms.pickTop.perClass = per_class
    if isinstance(labels[0], str):
        nms.stringClassLabels.vector.extend(labels)
    else:
        nms.int64ClassLabels.vector.extend(labels)
    return spec


def detector(
    path: Path, scores: Array, boxes: Array, labels: Sequence[str | int], **options: Any
) -> Path:
    """A pipeline at `path`: a package, or an .mlmodel of a neural network."""
    ct = coremltools()
    kind = "neuralnetwork" if path.suffix == ".mlmodel" else options.pop("kind", "mlprogram")
    first = network(scores, boxes, kind)
    options.setdefault("version", first.get_spec().specificationVersion)
    last = ct.models.MLModel(suppression(len(scores), labels, **options), skip_model_load=True)
    whole = ct.utils.make_pipeline(first, last)
    if path.suffix == ".mlmodel":
        ct.utils.save_spec(whole.get_spec(), str(path))
    else:
        whole.save(str(path))
    return path
