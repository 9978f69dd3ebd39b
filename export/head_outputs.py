"""Which outputs a package has, by the head of its network."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from export.spec import ExportSpec, Outputs
from mobilenet.common.errors import ConfigError
from mobilenet.networks.classifier import Readout
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.ssdlite import Detection

SEGMENTER_OUTPUTS: tuple[Outputs, ...] = ("labels", "mask", "logits")
BOXES, SCORES = "boxes", "scores"  # (boxes, 4) x, y of the centre, width, height; (boxes, classes)
DETECTOR_OUTPUTS: Mapping[str, tuple[str, str]] = {
    "detections": (BOXES, SCORES),  # of the network; behind it, `DETECTION_OUTPUTS`
    "boxes": (BOXES, SCORES),
    "tensors": ("box_encodings", "class_logits"),
}
DETECTION_OUTPUTS = ("confidence", "coordinates")  # what Core ML's own detectors give
THRESHOLDS = ("iouThreshold", "confidenceThreshold")  # and take
AGNOSTIC = "agnostic"  # "true" or "false" in their metadata
PADDED_TO = 80
"""Columns of scores in a pipeline of an ML Program, or a multiple of so many.

With others, such pipelines were seen to give wrong boxes and scores on devices, while both models
alone are right (coremltools#2445, ultralytics#22309); a multiple of 80 classes cured it there
(ultralytics#22310). Of pipelines of a NeuralNetwork nobody reports it.
"""
SEGMENTER_MIN_IOS = 14  # as a NeuralNetwork: upsampling with aligned corners


def for_head(spec: ExportSpec, readout: Readout) -> ExportSpec:
    """`spec` with the outputs of such a head where none are asked for.

    Raises `ConfigError` for outputs that such a head has not.
    """
    if readout.detection is not None:
        return _for_detector(spec, readout.detection)
    _refuse_thresholds(spec)
    if readout.picture is not None:
        return _for_segmenter(spec)
    outputs = spec.outputs or _usual_outputs(readout)
    if readout.is_one_number and outputs in ("classifier", "probabilities"):
        raise ConfigError(
            f"outputs {outputs} of a network that ends in one number, with no sigmoid behind it",
            "leave --outputs out: it gives the number as it is, as logits",
        )
    if outputs in DETECTOR_OUTPUTS:
        raise ConfigError(
            f"outputs {outputs} for a network that finds no boxes",
            "only a detector does: --head ssdlite",
        )
    if outputs in ("labels", "mask"):
        raise ConfigError(
            f"outputs {outputs} for a network that gives no classes of pixels",
            "only a segmenter does: --head deeplab",
        )
    if readout.classes is None and outputs != "features":
        raise ConfigError(
            f"outputs {outputs} for a network without a classifier",
            "leave --outputs out: it gives features",
        )
    if readout.scores == "sigmoid" and outputs == "classifier":
        raise ConfigError(
            "outputs classifier for independent classes (sigmoid): a classifier names one class, "
            "of these several may hold at once, or none",
            "leave --outputs out: an array of probabilities, its labels in the metadata",
        )
    return replace(spec, outputs=outputs)


def _usual_outputs(readout: Readout) -> Outputs:
    if readout.classes is None:
        return "features"
    if readout.is_one_number:
        return "logits"
    return "classifier" if readout.scores == "softmax" else "probabilities"


def names_classes(spec: ExportSpec, readout: Readout | None) -> bool:
    """Whether a file has a list of labels: not where it gives numbers before softmax.

    Of a traced module there is no `readout`.
    """
    if spec.outputs == "classifier" or readout is None:
        return spec.outputs == "classifier"
    independent = readout.scores == "sigmoid" and spec.outputs == "probabilities"
    return independent or readout.picture is not None or readout.detection is not None


def check_layer(spec: ExportSpec, config: NetworkConfig) -> None:
    """Raise `ConfigError` for other features of a segmenter or detector than of its backbone.

    Neither pools, and what stands on several maps is no map.
    """
    readout = config.readout
    if readout.picture is None and readout.detection is None:
        return
    rows = {row.name for row in config.rows()}
    backbone = [row.name for row in config.as_features().rows() if row.name in rows]
    if spec.layer not in backbone:
        kind = "segmenter" if readout.detection is None else "detector"
        raise ConfigError(
            f"{f'layer {spec.layer}' if spec.layer else 'outputs features'} of a {kind}",
            f"say which map of its backbone: --layer {backbone[0]} to {backbone[-1]}",
        )


def detector_options(names: Sequence[str], said: Mapping[str, str]) -> dict[str, object]:
    """Of `ExportSpec`, by the names of a package's outputs and what its metadata says."""
    kinds: dict[tuple[str, ...], str] = {
        DETECTION_OUTPUTS: "detections",
        **{DETECTOR_OUTPUTS[kind]: kind for kind in ("boxes", "tensors")},
    }
    options: dict[str, object] = {"outputs": kinds.get(tuple(names))}
    for option, name in zip(("iou", "confidence"), THRESHOLDS, strict=True):
        options[option] = float(said[name]) if name in said else None
    return options | {"agnostic": said.get(AGNOSTIC) == "true"}


def columns_of(spec: ExportSpec, classes: int) -> int:
    """How many scores each box has: with `PADDED_TO`, more than there are classes."""
    is_padded = spec.outputs == "detections" and spec.format == "mlprogram"
    return classes + (-classes % PADDED_TO if is_padded else 0)


def named_columns(spec: ExportSpec, labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the scores of each box; those that are always 0 are unused."""
    columns = columns_of(spec, len(labels))
    return (*labels, *(f"unused {number}" for number in range(len(labels), columns)))


def _for_detector(spec: ExportSpec, detection: Detection) -> ExportSpec:
    outputs = spec.outputs or "detections"
    if outputs not in DETECTOR_OUTPUTS:
        raise ConfigError(
            f"outputs {outputs} for a detector", f"one of {', '.join(DETECTOR_OUTPUTS)}"
        )
    if spec.format == "coreai":
        raise ConfigError(
            "a detector in the coreai format is not written",
            "leave --format and --min-ios out for an .mlpackage, which iOS 27 loads, too",
        )
    if spec.compress == "w8a8":
        raise ConfigError(
            "compress w8a8 for a detector, whose boxes eight bits would move",
            "compress its weights alone: int8 or palette8",
        )
    if outputs == "detections" and spec.sizes:
        raise ConfigError(
            f"resolutions {spec.resolutions} for a pipeline, which has one function",
            "choose --outputs boxes, or leave --resolutions out",
        )
    if outputs == "tensors":
        _refuse_thresholds(spec)
        return replace(spec, outputs=outputs)
    iou = detection.iou if spec.iou is None else spec.iou
    confidence = detection.confidence if spec.confidence is None else spec.confidence
    return replace(spec, outputs=outputs, iou=iou, confidence=confidence)


def _refuse_thresholds(spec: ExportSpec) -> None:
    named = {"iou": spec.iou, "confidence": spec.confidence, "agnostic": spec.agnostic or None}
    for name, value in named.items():
        if value is not None:
            raise ConfigError(
                f"{name} {value} for outputs that name no boxes and scores",
                f"leave --{name} out; only a detector's detections and boxes have it",
            )


def _for_segmenter(spec: ExportSpec) -> ExportSpec:
    outputs = spec.outputs or "labels"
    if outputs not in SEGMENTER_OUTPUTS:
        raise ConfigError(
            f"outputs {outputs} for a segmenter", f"one of {', '.join(SEGMENTER_OUTPUTS)}"
        )
    # layers of the format's fifth version (coremltools, `UpsampleLayerParams.linearUpsampleMode`)
    if spec.format == "neuralnetwork" and (spec.min_ios or 0) < SEGMENTER_MIN_IOS:
        raise ConfigError(
            f"a segmenter as .mlmodel needs iOS {SEGMENTER_MIN_IOS}, min-ios is {spec.min_ios}",
            f"add --min-ios {SEGMENTER_MIN_IOS}",
        )
    if spec.format == "coreai" and outputs == "mask":
        raise ConfigError(
            "outputs mask in the coreai format, which gives arrays alone",
            "choose --outputs labels, or leave --format out",
        )
    return replace(spec, outputs=outputs)
