"""Core ML's `nonMaximumSuppression` model, read.

Format: coremltools, `mlmodel/format/NonMaximumSuppression.proto`.
"""

from collections.abc import Iterator

from export.mil.read import specification
from export.mil.read.specification import Message
from export.mil.suppression_model import SuppressionModel
from export.package.model_files import REMAKE
from mobilenet.common.errors import PackageError

MAX_NUMBERS = 1 << 26  # that are given whatever was found
NAMES = (
    "confidenceInputFeatureName", "coordinatesInputFeatureName",
    "confidenceOutputFeatureName", "coordinatesOutputFeatureName",
)  # fmt: skip


def read(model: Message) -> SuppressionModel:
    """Of `model`, a `Model` message of that type. Raises `PackageError` for what makes no sense.

    A number of rows may be fixed or bounded by either output; -1 is without an upper bound.
    """
    nms, declared = model.nonMaximumSuppression, model.description
    _check(nms, declared)
    labels = tuple(map(str, specification.class_labels(nms)))
    bounds = [bound for feature in declared.output for bound in _rows(feature)]
    least = max((low for low, _ in bounds), default=0)
    if least * (4 + len(labels)) > MAX_NUMBERS:
        raise PackageError(f"a nonMaximumSuppression gives at least {least:,} boxes", REMAKE)
    description = specification.describe(declared, labels, dict(declared.metadata.userDefined))
    defaults = {
        nms.iouThresholdInputFeatureName: nms.iouThreshold,
        nms.confidenceThresholdInputFeatureName: nms.confidenceThreshold,
    }
    return SuppressionModel(
        description=description.with_defaults(defaults),
        confidence_input=nms.confidenceInputFeatureName,
        coordinates_input=nms.coordinatesInputFeatureName,
        confidence_output=nms.confidenceOutputFeatureName,
        coordinates_output=nms.coordinatesOutputFeatureName,
        iou_input=nms.iouThresholdInputFeatureName,
        confidence_threshold_input=nms.confidenceThresholdInputFeatureName,
        iou=nms.iouThreshold, confidence_threshold=nms.confidenceThreshold,
        per_class=nms.pickTop.perClass,
        least=least, most=min((high for _, high in bounds if high is not None), default=None),
    )  # fmt: skip


def _check(nms: Message, declared: Message) -> None:
    """Raise `PackageError` for thresholds that are none, and for names of no feature."""
    if unnamed := [name for name in NAMES if not getattr(nms, name)]:
        raise PackageError(f"a nonMaximumSuppression has no {unnamed[0]}", REMAKE)
    if not 0 <= nms.iouThreshold <= 1 or not nms.confidenceThreshold >= 0:
        raise PackageError(
            f"a nonMaximumSuppression has the thresholds {nms.iouThreshold:g} (IoU) and "
            f"{nms.confidenceThreshold:g} (confidence)",
            "0 to 1, and 0 or more, are possible",
        )
    features = {feature.name for feature in (*declared.input, *declared.output)}
    if strange := [name for name in NAMES if getattr(nms, name) not in features]:
        raise PackageError(
            f"a nonMaximumSuppression declares no {getattr(nms, strange[0])!r}, its {strange[0]}",
            REMAKE,
        )


def _rows(feature: Message) -> Iterator[tuple[int, int | None]]:
    """Least and most rows of an output, where they are bounded."""
    array = feature.type.multiArrayType
    if array.shapeRange.sizeRanges:
        rows = array.shapeRange.sizeRanges[0]
        yield int(rows.lowerBound), None if rows.upperBound < 0 else int(rows.upperBound)
    elif array.shape and array.shape[0] > 0:
        yield int(array.shape[0]), int(array.shape[0])
