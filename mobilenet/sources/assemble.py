"""From a file's convolutions, in order, to a network."""

from collections.abc import Sequence
from typing import TypeVar

from mobilenet.checkpoint import Layer
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.config import NetworkConfig

Config = TypeVar("Config", bound=NetworkConfig)


def licence_of(classes: int) -> str:
    """Every published ImageNet checkpoint of the families read here is under Apache-2.0."""
    return "Apache-2.0" if classes in (1000, 1001) else "unknown"


def assemble(
    convolutions: Sequence[Layer], logits: Layer | None, template: Config
) -> tuple[Config, dict[str, Layer]]:
    """Config and layers by our names, for the convolutions of a file in the network's order.

    `template` says what shapes do not; the rest it is fitted to. Without `logits` the network
    ends in its features. Raises `CheckpointError` when the shapes are those of no such network;
    `Checkpoint` checks each single one.
    """
    widths = [layer.kernel.shape[0] for layer in convolutions]
    config = template.fitted(widths, None if logits is None else logits.kernel.shape[0])
    names = (row.name for row in config.rows())
    head = {} if logits is None else {LOGITS: logits}
    return config, dict(zip(names, convolutions, strict=True)) | head
