"""Which outputs a package has, by the head of its network."""

from dataclasses import replace

from export.spec import ExportSpec, Outputs
from mobilenet.common.errors import ConfigError
from mobilenet.networks.classifier import Readout

SEGMENTER_OUTPUTS: tuple[Outputs, ...] = ("labels", "mask", "logits")
SEGMENTER_MIN_IOS = 14  # as a NeuralNetwork: upsampling with aligned corners


def for_head(spec: ExportSpec, readout: Readout) -> ExportSpec:
    """`spec` with the outputs of such a head where none are asked for.

    Raises `ConfigError` for outputs that such a head has not.
    """
    if readout.picture is not None:
        return _for_segmenter(spec)
    outputs = spec.outputs or _usual_outputs(readout)
    if readout.is_one_number and outputs in ("classifier", "probabilities"):
        raise ConfigError(
            f"outputs {outputs} of a network that ends in one number, with no sigmoid behind it",
            "leave --outputs out: it gives the number as it is, as logits",
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


def check_layer(spec: ExportSpec, readout: Readout) -> None:
    """Raise `ConfigError` for pooled features of a segmenter, whose backbone has no such end."""
    if readout.picture is not None and not spec.layer:
        raise ConfigError("outputs features of a segmenter", "say of which layer: --layer aspp0")


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
