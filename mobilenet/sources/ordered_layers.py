"""State dicts of anybody's module: layers in the order of the file, known by their shapes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

import numpy as np

from mobilenet.checkpoint import Array, BatchNorm, Checkpoint, Layer, Provenance
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.labels import labels_for
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.preprocess import INCEPTION
from mobilenet.sources import foreign_tensors
from mobilenet.sources.assemble import assemble, fitting
from mobilenet.sources.conventions import Conventions
from mobilenet.sources.foreign_tensors import EXPORT_MODULE
from mobilenet.sources.stored import OTHER_NETWORK, TORCH_COUNTER, TORCH_NORM, Tensors

TEMPLATES: tuple[BaseConfig, ...] = (MobileNetConfig(), MobileNetV2Config())


class OrderedLayers(NamedTuple):
    """Convolutions with their norms, and the matrix behind them."""

    convolutions: list[Layer]
    logits: Layer | None


class TensorModule(NamedTuple):
    """The tensors of one module: a name without its last word, and arrays by that word."""

    name: str  # or what the only one is called
    arrays: dict[str, Array]

    @property
    def kernel(self) -> Array | None:
        """Of a convolution or a matrix."""
        weight = self.arrays.get("weight")
        is_alone = set(self.arrays) <= {"weight", "bias"}
        return weight if weight is not None and weight.ndim in (2, 4) and is_alone else None

    @property
    def is_matrix(self) -> bool:
        """Of the head."""
        return self.kernel is not None and self.kernel.ndim == 2

    @property
    def norm(self) -> BatchNorm | None:
        """Of a batch norm."""
        if set(self.arrays) != set(TORCH_NORM) or any(a.ndim != 1 for a in self.arrays.values()):
            return None
        return BatchNorm(*(self.arrays[field] for field in TORCH_NORM))


def read(tensors: Tensors, conventions: Conventions) -> Checkpoint:
    """The network whose kernels these are, of which the file says nothing else.

    Raises `CheckpointError` for kernels of another network, and for what has to be given.
    """
    if other := foreign_tensors.network(tensors):
        raise CheckpointError(
            f"{conventions.file} is {other} by its tensors, no MobileNet that is read here",
            EXPORT_MODULE,
        )
    some = one_line(", ".join(tensors.in_order[:3]), 100)
    unknown = f"{conventions.file} holds no MobileNet that is known here (tensors: {some} ...)"
    try:
        layers = in_order(tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{unknown}: {error.message}", error.hint) from error
    configs = fitting(*layers, TEMPLATES)
    if len(configs) != 1:
        raise CheckpointError(
            f"{unknown}: the shapes of its {len(layers.convolutions)} convolutions, in their "
            "order, are not those of v1 or v2 at any alpha",
            EXPORT_MODULE,
        )
    conventions.require_all()
    config, named = assemble(*layers, configs[0])
    conventions.assume("strides and places of activations", f"as of a {config.family}")
    if layers.logits is not None:
        conventions.assume("mean of the last map, scores by softmax", "as of a classifier")
    config = conventions.at_resolution(conventions.network(config, ""), "")
    return Checkpoint(
        config,
        named,
        Provenance("PyTorch state dict", True),
        conventions.normalization(INCEPTION, ""),
        labels=labels_for(config.classes) if layers.logits else (),
        reading=conventions.reading("shapes in order"),
    )


def in_order(tensors: Tensors) -> OrderedLayers:
    """Each convolution with the norm right behind it; the head is a matrix, or a 1 x 1 at the end.

    Raises `CheckpointError` naming what stands where none of these can.
    """
    modules = list(_modules(tensors))
    matrices = [module for module in modules if module.is_matrix]
    units = [module for module in modules if not module.is_matrix]
    if not matrices and units and units[-1].norm is None:
        matrices.append(units.pop())
    if len(matrices) > 1:
        names = ", ".join(matrix.name for matrix in matrices)
        raise CheckpointError(
            f"{one_line(names, 100)} are several matrices, and what is between them is not said",
            EXPORT_MODULE,
        )
    if len(units) % 2:
        raise CheckpointError(f"no batch norm follows {units[-1].name}", EXPORT_MODULE)
    pairs = zip(units[::2], units[1::2], strict=True)
    convolutions = [_convolution(convolution, norm) for convolution, norm in pairs]
    return OrderedLayers(convolutions, _logits(matrices[0]) if matrices else None)


def natural(names: Iterable[str]) -> list[str]:
    """Names in the order of their numbers: a file's that has none of its own."""

    def key(name: str) -> list[tuple[bool, int, str]]:
        parts = re.split(r"(\d{1,9})", name)
        return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]

    return sorted(names, key=key)


def _modules(tensors: Tensors) -> Iterator[TensorModule]:
    names = [name for name in tensors.in_order if not name.endswith(TORCH_COUNTER)]
    for parent, fields in groupby(names, lambda name: name.rpartition(".")[0]):
        arrays = {name.rpartition(".")[2]: tensors.take(name, None) for name in fields}
        yield TensorModule(parent or next(iter(arrays)), arrays)


def _convolution(convolution: TensorModule, batch_norm: TensorModule) -> Layer:
    kernel, norm = convolution.kernel, batch_norm.norm
    if kernel is None or kernel.ndim != 4:
        raise CheckpointError(
            f"{convolution.name} stands where a convolution is expected", EXPORT_MODULE
        )
    if norm is None or norm.gamma.shape != kernel.shape[:1]:
        raise CheckpointError(
            f"no batch norm of {kernel.shape[0]} channels follows {convolution.name}",
            EXPORT_MODULE,
        )
    bias = convolution.arrays.get("bias")
    if bias is None:
        return Layer(kernel, norm=norm)
    if bias.shape != norm.mean.shape:
        raise CheckpointError(f"{convolution.name}.bias has shape {bias.shape}", OTHER_NETWORK)
    # a bias that a norm follows: gamma (x + bias - mean) ...
    return Layer(kernel, norm=replace(norm, mean=norm.mean - bias))


def _logits(module: TensorModule) -> Layer:
    kernel = module.kernel
    if kernel is None:
        raise CheckpointError(
            f"{module.name} stands where a classifier or a batch norm is expected", EXPORT_MODULE
        )
    bias = module.arrays.get("bias")
    return Layer(kernel, np.zeros(len(kernel), np.float32) if bias is None else bias)
