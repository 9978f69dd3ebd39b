"""What a network ends in, as it is asked for: a classifier, or DeepLab."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobilenet import labels
from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.deeplab import OUTPUT_STRIDE, PASCAL_CLASSES, RESOLUTION

if TYPE_CHECKING:
    from mobilenet.checkpoint import Checkpoint

CLASSIFIER, DEEPLAB = "classifier", "deeplab"
USUAL_RESOLUTION = {CLASSIFIER: 224, DEEPLAB: RESOLUTION}


def usual_resolution(head: str | None) -> int:
    """Pixels of a side, where none are asked for. Raises `ConfigError` for an unknown head."""
    name = head or CLASSIFIER
    if name not in USUAL_RESOLUTION:
        raise ConfigError(f"head {name!r} is unknown", f"one of {', '.join(USUAL_RESOLUTION)}")
    return USUAL_RESOLUTION[name]


def on(
    backbone: BaseConfig, head: str | None, output_stride: int | None, classes: Path | None
) -> BaseConfig:
    """The network with such a head; a segmenter has a class for each label of `classes`."""
    if head != DEEPLAB:
        return backbone
    count = PASCAL_CLASSES if classes is None else len(labels.read_labels(classes))
    return replace(
        backbone, classes=count, head="deeplab", output_stride=output_stride or OUTPUT_STRIDE,
        width_rule="deeplab",  # its authors'
    )  # fmt: skip


def check(file: str, config: NetworkConfig, head: str | None) -> None:
    """Raise `CheckpointError` for a file with another head than the one asked for."""
    if head is None:
        return
    usual_resolution(head)
    if (head == DEEPLAB) != (config.readout.picture is not None):
        raise CheckpointError(
            f"{file} is no {head}: it holds {config.title}",
            "leave --head out to take the file's",
        )


def check_published(config: NetworkConfig) -> None:
    """Raise `CheckpointError` for a segmenter: no file of one is published under a name here."""
    if config.readout.picture is not None:
        raise CheckpointError(
            "no weights of DeepLab are known by a name",
            "give a file with --weights: the .tflite or frozen graph of a DeepLab on MobileNet",
        )


def with_output_stride(checkpoint: "Checkpoint", output_stride: int | None) -> "Checkpoint":
    """The same weights at another output stride: what is left out of strides becomes dilation.

    Raises `ConfigError` for a network that is no segmenter.
    """
    if output_stride is None:
        return checkpoint
    config = checkpoint.config
    if config.readout.picture is None or not isinstance(config, BaseConfig):
        raise ConfigError(
            f"output-stride {output_stride} for a network that is no segmenter",
            "add --head deeplab, or leave --output-stride out",
        )
    return replace(checkpoint, config=replace(config, output_stride=output_stride))
