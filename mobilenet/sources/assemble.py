"""From a file's convolutions, in order, to a network."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from mobilenet.checkpoint import Array, Layer
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import IMAGENET_CLASSES
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.widths import WidthRule
from mobilenet.sources.stored import OTHER_NETWORK

Config = TypeVar("Config", bound=BaseConfig)
RULES: tuple[WidthRule, ...] = ("slim", "timm", "keras", "transformers")  # likeliest first


def licence_of(classes: int) -> str:
    """Every published ImageNet checkpoint of the families read here is under Apache-2.0."""
    return "Apache-2.0" if classes in IMAGENET_CLASSES else "unknown"


def assemble(
    convolutions: Sequence[Layer], logits: Layer | None, template: Config
) -> tuple[Config, dict[str, Layer]]:
    """Config and layers by our names, for the convolutions of a file in the network's order.

    `template` says what shapes do not; the rest it is fitted to. Without `logits` the network
    ends in its features; as a convolution, its kernel is 1 x 1. Raises `CheckpointError` when the
    shapes are those of no such network; `Checkpoint` checks each single one.
    """
    for layer in convolutions:
        if layer.kernel.ndim != 4:
            raise CheckpointError(f"a kernel has shape {layer.kernel.shape}", OTHER_NETWORK)
    head = {} if logits is None else {LOGITS: replace(logits, kernel=_matrix(logits.kernel))}
    widths = [layer.kernel.shape[0] for layer in convolutions]
    config = template.fitted(widths, head[LOGITS].kernel.shape[0] if head else None)
    names = (row.name for row in config.rows())
    return config, dict(zip(names, convolutions, strict=True)) | head


def fitting(
    convolutions: Sequence[Layer], logits: Layer | None, templates: Iterable[Config]
) -> list[Config]:
    """The networks whose kernels these are, in order: each once, by the first rule of widths.

    `templates` are in which family to look for them.
    """
    kernels = [layer.kernel.shape for layer in convolutions]
    configs: dict[tuple[str, ...], Config] = {}
    for template in templates:
        for rule in RULES:
            with suppress(CheckpointError):
                config, _ = assemble(convolutions, logits, replace(template, width_rule=rule))
                rows = config.rows()
                if [row.kernel_shape for row in rows] == kernels:
                    configs.setdefault(tuple(row.name for row in rows), config)
    return list(configs.values())


def _matrix(kernel: Array) -> Array:
    """(classes, features)."""
    if kernel.ndim not in (2, 4) or set(kernel.shape[2:]) - {1}:
        raise CheckpointError(f"the classifier's kernel has shape {kernel.shape}", OTHER_NETWORK)
    return kernel.reshape(kernel.shape[:2])
