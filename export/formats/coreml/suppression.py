"""Core ML's non-maximum suppression behind a detector: only of that Vision makes objects.

What Vision turns into `VNRecognizedObjectObservation` are the outputs of the *model* of that type
in a pipeline, not those of the operation or layer. Format: coremltools,
`mlmodel/format/NonMaximumSuppression.proto`.
"""

from types import ModuleType
from typing import Any

from export.formats.coreml.ml_model import MLModel
from export.head_outputs import (
    BOXES,
    DETECTION_OUTPUTS,
    SCORES,
    THRESHOLDS,
    columns_of,
    named_columns,
)  # fmt: skip
from export.prepared import Prepared

UNBOUNDED = -1


def suppressed(ct: ModuleType, detector: MLModel, prepared: Prepared) -> MLModel:
    """A pipeline of the detector, which gives all boxes, and of what leaves the best of them."""
    version = detector.get_spec().specificationVersion
    last = ct.models.MLModel(_message(ct, prepared, version), skip_model_load=True)
    pipeline: MLModel = ct.utils.make_pipeline(detector, last)
    return pipeline


def _message(ct: ModuleType, prepared: Prepared, version: int) -> Any:
    """The `Model` message of the suppression."""
    assert prepared.folded is not None, "of a checkpoint"
    spec, readout = prepared.spec, prepared.folded.config.readout
    boxes = sum(each.anchors * each.size.area for each in readout.predictors)
    columns = columns_of(spec, prepared.folded.config.classes)
    message = ct.proto.Model_pb2.Model(specificationVersion=version)
    float32 = ct.proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT32
    for name, width in ((SCORES, columns), (BOXES, 4)):
        array = message.description.input.add(name=name).type.multiArrayType
        array.shape[:], array.dataType = [boxes, width], float32
    thresholds = (spec.iou, spec.confidence)
    texts = ("Of two boxes that share more, the better stays", "Least score of a box")
    for name, text, value in zip(THRESHOLDS, texts, thresholds, strict=True):
        number = message.description.input.add(name=name, shortDescription=f"{text}: {value:g}")
        number.type.doubleType.SetInParent()
        number.type.isOptional = True
    for name, width in zip(DETECTION_OUTPUTS, (columns, 4), strict=True):
        array = message.description.output.add(name=name).type.multiArrayType
        array.dataType = float32
        for low, high in ((0, UNBOUNDED), (width, width)):
            array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    nms = message.nonMaximumSuppression
    nms.confidenceInputFeatureName, nms.coordinatesInputFeatureName = SCORES, BOXES
    nms.confidenceOutputFeatureName, nms.coordinatesOutputFeatureName = DETECTION_OUTPUTS
    nms.iouThresholdInputFeatureName, nms.confidenceThresholdInputFeatureName = THRESHOLDS
    nms.iouThreshold, nms.confidenceThreshold = thresholds
    nms.pickTop.perClass = not spec.agnostic
    nms.stringClassLabels.vector.extend(named_columns(spec, prepared.labels))
    return message
