"""What a network ends in, as it is asked for: a classifier, DeepLab or SSDLite."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from mobilenet import labels
from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.networks import ssdlite
from mobilenet.networks.base_config import HEADS, BaseConfig
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.deeplab import OUTPUT_STRIDE, PASCAL_CLASSES, RESOLUTION

if TYPE_CHECKING:
    from mobilenet.checkpoint import Checkpoint

HeadName = Literal["classifier", "deeplab", "ssdlite"]
CLASSIFIER: Final = "classifier"
DEEPLAB: Final = "deeplab"
SSDLITE: Final = "ssdlite"
USUAL_RESOLUTION = {CLASSIFIER: 224, DEEPLAB: RESOLUTION, SSDLITE: ssdlite.RESOLUTION}

HINTS = {
    DEEPLAB: "give the .tflite or frozen graph of a DeepLab on MobileNet with --weights FILE",
    SSDLITE: "give an SSDLite's frozen_inference_graph.pb of TF Object Detection with --weights "
    "FILE, or --weights person, which finds these alone",
}


def usual_resolution(head: str | None) -> int:
    """Pixels of a side, where none are asked for. Raises `ConfigError` for an unknown head."""
    name = head or CLASSIFIER
    if name not in USUAL_RESOLUTION:
        raise ConfigError(f"head {name!r} is unknown", f"one of {', '.join(USUAL_RESOLUTION)}")
    return USUAL_RESOLUTION[name]


def on(
    backbone: BaseConfig, head: str | None, output_stride: int | None, classes: Path | None
) -> BaseConfig:
    """The network with such a head; all but classifiers have a class for each of `classes`.

    Raises `ConfigError` for an output stride of another head than DeepLab.
    """
    if output_stride is not None and head != DEEPLAB:
        raise _no_segmenter(output_stride)
    counts = {SSDLITE: len(labels.COCO), DEEPLAB: PASCAL_CLASSES}
    if head not in counts:
        return backbone
    count = counts[head] if classes is None else len(labels.read_labels(classes))
    return with_head(backbone, head, output_stride, count)


def with_head(
    backbone: BaseConfig, head: str | None, output_stride: int | None, classes: int
) -> BaseConfig:
    """The network with such a head for so many classes; a classifier stays what it is."""
    if head == SSDLITE:
        return replace(backbone, classes=classes, head="ssdlite")
    if head != DEEPLAB:
        return backbone
    return replace(
        backbone, classes=classes, head="deeplab", output_stride=output_stride or OUTPUT_STRIDE,
        width_rule="deeplab",  # its authors'
    )  # fmt: skip


def check(file: str, config: NetworkConfig, head: str | None) -> None:
    """Raise `CheckpointError` for a file with another head than the one asked for."""
    if head is None:
        return
    usual_resolution(head)
    if head != head_of(config):
        raise CheckpointError(
            f"{file} is no {head}: it holds {config.title}",
            "leave --head out to take the file's",
        )


def head_of(config: NetworkConfig) -> HeadName:
    """What the network ends in, as `--head` calls it; features are of a classifier."""
    if config.readout.detection is not None:
        return SSDLITE
    return CLASSIFIER if config.readout.picture is None else DEEPLAB


def check_published(config: NetworkConfig) -> None:
    """Raise `CheckpointError` for other heads: no file of one is published under a name here."""
    head = head_of(config)
    if head != CLASSIFIER:
        raise CheckpointError(
            f"no weights of {HEADS[head]} with {config.classes} classes are known by a name",
            HINTS[head],
        )


def with_output_stride(checkpoint: "Checkpoint", output_stride: int | None) -> "Checkpoint":
    """The same weights at another output stride: what is left out of strides becomes dilation.

    How they were read remembers the file's own: its graph still has that.
    Raises `ConfigError` for a network that is no segmenter.
    """
    if output_stride is None:
        return checkpoint
    config = checkpoint.config
    if config.readout.picture is None or not isinstance(config, BaseConfig):
        raise _no_segmenter(output_stride)
    own, reading = config.output_stride, checkpoint.reading
    if reading is not None:
        reading = replace(reading, output_stride=own if own != output_stride else None)
    config = replace(config, output_stride=output_stride)
    return replace(checkpoint, config=config, reading=reading)


def _no_segmenter(output_stride: int) -> ConfigError:
    return ConfigError(
        f"output-stride {output_stride} for a network that is no segmenter",
        "add --head deeplab, or leave --output-stride out",
    )
