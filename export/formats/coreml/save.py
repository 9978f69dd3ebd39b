"""The writing side of a package: what people read in Xcode, and byte-for-byte reproducibility."""

import json
import uuid
from pathlib import Path
from typing import Any

from export.package.metadata import KEY, Facts
from export.spec import SUFFIXES

PREVIEW_KEY = "com.apple.coreml.model.preview.type"
DATE_KEY = "com.github.apple.coremltools.conversion_date"


def describe(model: Any, facts: Facts) -> None:
    """Fill the fields that Xcode shows, in place on an `MLModel`."""
    trained = facts.provenance.trained
    spec = model.get_spec()
    model.short_description = summary(facts)
    model.author = f"{facts.provenance.source}; exported by mobilenet-coreml {facts.tool}"
    model.license = facts.provenance.licence
    model.version = facts.tool
    for feature in spec.description.input:
        model.input_description[feature.name] = _input_text(facts, feature.type)
    for feature in spec.description.output:
        model.output_description[feature.name] = _output_text(feature, trained)
    model.user_defined_metadata[KEY] = facts.encode()
    face = next(iter(spec.description.functions), spec.description)
    is_image = face.input[0].type.WhichOneof("Type") == "imageType"
    if is_image and face.predictedFeatureName:
        model.user_defined_metadata[PREVIEW_KEY] = "imageClassifier"


def save_reproducibly(model: Any, path: Path) -> None:
    """Write an `.mlpackage` folder or `.mlmodel` file (new) whose bytes depend on the model alone.

    coremltools draws random identifiers for the manifest, dates the conversion, and serialises
    protobuf maps in an order that differs between processes; all three are fixed here.
    """
    model.user_defined_metadata.pop(DATE_KEY, None)
    message = model.get_spec().SerializeToString(deterministic=True)
    if path.suffix == SUFFIXES["neuralnetwork"]:
        path.write_bytes(message)
        return
    model.save(str(path))
    (path / "Data" / "com.apple.CoreML" / "model.mlmodel").write_bytes(message)
    _fix_manifest(path / "Manifest.json")


def _fix_manifest(path: Path) -> None:
    manifest = json.loads(path.read_bytes())
    entries = manifest["itemInfoEntries"]
    fixed = {
        old: str(uuid.uuid5(uuid.NAMESPACE_URL, item["path"])) for old, item in entries.items()
    }
    manifest["itemInfoEntries"] = {fixed[old]: item for old, item in entries.items()}
    manifest["rootModelIdentifier"] = fixed[manifest["rootModelIdentifier"]]
    path.write_text(json.dumps(manifest, indent=4, sort_keys=True) + "\n")


def summary(facts: Facts) -> str:
    """The package in one line: the network, and whether it was trained."""
    marks = [] if facts.provenance.trained else ["UNTRAINED: its answers mean nothing"]
    return "; ".join([facts.config.title, *marks])


def _input_text(facts: Facts, kind: Any) -> str:
    size, geometry = facts.config.resolution, facts.geometry
    if kind.WhichOneof("Type") == "imageType":
        return (
            f"{size} x {size} picture. From a photograph: shorter side to "
            f"{geometry.shorter_side(size)} pixels ({geometry.interpolation}), then the centre."
        )
    norm = facts.normalization
    return f"(1, 3, {size}, {size}) {norm.order} array: {norm.scale} * pixel + {norm.bias}."


def _output_text(feature: Any, trained: bool) -> str:
    texts = {
        "classLabel": "Most likely class",
        "classLabel_probs": "Probability of each class",
        "probabilities": "Probability of each class, in training order",
        "logits": "Score of each class before softmax, in training order",
        "features": "Features: pooled, or the map of a layer",
    }
    return texts.get(feature.name, "Output") + ("." if trained else " (untrained network).")
