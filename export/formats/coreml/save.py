"""What people read of a model in Xcode, and its bytes, equal at every export."""

from pathlib import Path
from typing import Any

import msgspec

from export.formats.coreml.kinds import Kind
from export.formats.coreml.ml_model import MLModel
from export.head_outputs import AGNOSTIC, THRESHOLDS
from export.package.metadata import KEY, LABELS_KEY, PackageMetadata
from export.prepared import Prepared
from export.spec import ExportSpec
from mobilenet.common.text import one_line
from mobilenet.networks.rows import COLORS

PREVIEW_KEY = "com.apple.coreml.model.preview.type"
DATE_KEY = "com.github.apple.coremltools.conversion_date"
OUTPUT_TEXTS = {
    "classLabel": "Most likely class",
    "classLabel_probs": "Probability of each class",
    "probabilities": "Probability of each class, in training order",
    "logits": "Score of each class before softmax, in training order",
    "features": "Features: pooled, or the map of a layer",
    "labels": "Number of the most likely class of each pixel",
    "mask": "Picture whose grey values are the numbers of the most likely classes",
    "boxes": "Of each box x and y of its centre, width and height, in parts of the picture",
    "scores": "Of each box the score of each class",
    "box_encodings": "Of each box y, x, height and width, as SSD's coder has them",
    "class_logits": "Of each box the score of each class before sigmoid, the background's first",
    "coordinates": "Of each object x and y of its centre, width and height, in parts of the "
    "picture",
    "confidence": "Of each object the score of each class",
}
INDEPENDENT = {
    "probabilities": "Probability of each class on its own: several may hold at once, or none",
    "logits": "Score of each class before sigmoid, in training order",
}


def describe(model: MLModel, prepared: Prepared) -> None:
    """Fill the fields that Xcode shows, in place."""
    metadata = prepared.metadata
    spec = model.get_spec()
    model.short_description = metadata.summary
    model.author = f"{metadata.provenance.source}; exported by mobilenet-coreml {metadata.tool}"
    model.license = metadata.provenance.licence
    model.version = metadata.tool
    for feature in spec.description.input:
        model.input_description[feature.name] = _input_text(metadata, feature.type)
    for feature in spec.description.output:
        model.output_description[feature.name] = _output_text(feature.name, prepared)
    model.user_defined_metadata.update(prepared.user_defined)
    if prepared.labels and prepared.spec.outputs != "classifier":
        model.user_defined_metadata[LABELS_KEY] = msgspec.json.encode(prepared.labels).decode()
    model.user_defined_metadata.update(_thresholds(prepared.spec))
    model.user_defined_metadata[KEY] = metadata.encode()
    first = next(iter(spec.description.functions), spec.description)
    is_image = first.input[0].type.WhichOneof("Type") == "imageType"
    if is_image and first.predictedFeatureName:
        model.user_defined_metadata[PREVIEW_KEY] = "imageClassifier"
    if is_image and prepared.spec.outputs == "detections":
        model.user_defined_metadata[PREVIEW_KEY] = "objectDetector"


def save_reproducibly(model: MLModel, kind: Kind, path: Path) -> None:
    """Write a new `.mlpackage` folder or `.mlmodel` file whose bytes depend on the model alone.

    coremltools dates the conversion, and serialises protobuf maps in an order that differs
    between processes; both are fixed here, the rest by `kind`.
    """
    model.user_defined_metadata.pop(DATE_KEY, None)
    kind.save(model, model.get_spec().SerializeToString(deterministic=True), path)


def _thresholds(spec: ExportSpec) -> dict[str, str]:
    """Of a detector: how the best of its boxes are chosen, or should be."""
    if spec.iou is None or spec.confidence is None:
        return {}
    values = (f"{spec.iou:g}", f"{spec.confidence:g}")
    return dict(zip(THRESHOLDS, values, strict=True)) | {AGNOSTIC: str(spec.agnostic).lower()}


def _input_text(metadata: PackageMetadata, kind: Any) -> str:
    size, geometry = metadata.size, metadata.geometry
    if kind.WhichOneof("Type") == "imageType":
        if geometry.whole:
            return f"{size} picture. From a photograph: {geometry.describe(size)}."
        return (
            f"{size} picture. From a photograph: {geometry.resizing(size)} pixels "
            f"({geometry.interpolation}), then the centre."
        )
    norm = metadata.normalization
    shape = (1, COLORS, *size)
    return f"{shape} {norm.order} array: {norm.scale} * pixel + {norm.bias}."


def _output_text(name: str, prepared: Prepared) -> str:
    mark = "." if prepared.metadata.provenance.trained else " (untrained network)."
    texts = OUTPUT_TEXTS | (INDEPENDENT if prepared.has_independent_classes else {})
    text = texts.get(name, "Output")
    if prepared.has_independent_classes and prepared.labels:
        text += ": " + ", ".join(one_line(label) for label in prepared.labels)
    return text + mark
