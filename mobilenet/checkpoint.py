"""A trained network as data: layers in numpy, and everything needed to use them rightly."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.networks.v1 import ConvSpec, MobileNetConfig
from mobilenet.preprocess import INCEPTION, STANDARD_CROP, Geometry, Normalization

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """Vectors (C,): at inference, gamma (x - mean) / sqrt(variance + epsilon) + beta."""

    gamma: Array
    beta: Array
    mean: Array
    variance: Array


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution (out, in / groups, k, k), or the classifier (classes, features).

    `norm` is None once folded and for the classifier; `bias` is None while a norm follows.
    """

    kernel: Array
    bias: Array | None = None
    norm: BatchNorm | None = None


@dataclass(frozen=True)
class Provenance:
    """Where the weights come from, and on what terms."""

    source: str  # who published them, in words
    trained: bool
    licence: str = "unknown"
    url: str = ""
    sha256: str = ""  # of the file that was read
    published_top1: float | None = None  # percent, of the unfolded float checkpoint
    published_top5: float | None = None

    @property
    def mark(self) -> str:
        """What every name and table says of weights that were never trained."""
        return "" if self.trained else "untrained"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Layers by name in the network's order (then "logits"), and their use.

    Raises `CheckpointError`, naming the tensor, when layers and config do not fit each other.
    """

    config: MobileNetConfig
    layers: dict[str, Layer]
    provenance: Provenance
    normalization: Normalization = INCEPTION
    geometry: Geometry = STANDARD_CROP
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        expected = [spec.name for spec in self.config.convolutions()]
        if self.config.head == "classifier":
            expected.append("logits")
        if missing := [name for name in expected if name not in self.layers]:
            raise CheckpointError(f"layer {missing[0]} is missing", "is the file complete?")
        if extra := [name for name in self.layers if name not in expected]:
            raise CheckpointError(
                f"layer {extra[0]} does not belong to this network", "is it a MobileNet v1?"
            )
        # files have an order of their own (safetensors: by name); all others rely on the network's
        object.__setattr__(self, "layers", {name: self.layers[name] for name in expected})
        for spec in self.config.convolutions():
            _check_convolution(spec, self.layers[spec.name])
        if self.config.head == "classifier":
            _check_classifier(self.config, self.layers["logits"])
        if self.labels and len(self.labels) != self.config.classes:
            raise CheckpointError(
                f"{len(self.labels)} labels for {self.config.classes} classes",
                "give one label per output, in the order of training",
            )

    @property
    def folded(self) -> bool:
        """Whether no layer has batch norm left."""
        return all(layer.norm is None for layer in self.layers.values())

    def with_config(self, **changes: Any) -> "Checkpoint":
        """The same weights under another resolution, head, or other field that keeps shapes."""
        config = replace(self.config, **changes)
        kept = {spec.name for spec in config.convolutions()}
        if config.head == "classifier":
            kept.add("logits")
        layers = {name: layer for name, layer in self.layers.items() if name in kept}
        labels = self.labels if config.head == "classifier" else ()
        return replace(self, config=config, layers=layers, labels=labels)

    def without_background(self) -> "Checkpoint":
        """Drop class 0 of a 1001-class network; the other logits stay what they were."""
        logits = self.layers["logits"]
        assert logits.bias is not None  # checked when the checkpoint was made
        layers = {**self.layers, "logits": Layer(logits.kernel[1:], logits.bias[1:])}
        config = replace(self.config, classes=self.config.classes - 1)
        return replace(self, config=config, layers=layers, labels=self.labels[1:])


def _check_convolution(spec: ConvSpec, layer: Layer) -> None:
    kernel = (spec.out_channels, spec.in_channels // spec.groups, spec.kernel, spec.kernel)
    _check(f"{spec.name}.kernel", layer.kernel, kernel)
    if (layer.norm is None) == (layer.bias is None):
        raise CheckpointError(
            f"layer {spec.name} must have either a batch norm or a bias", "is the file complete?"
        )
    if layer.bias is not None:
        _check(f"{spec.name}.bias", layer.bias, (spec.out_channels,))
    if layer.norm is not None:
        for field in ("gamma", "beta", "mean", "variance"):
            _check(f"{spec.name}.{field}", getattr(layer.norm, field), (spec.out_channels,))
        if (layer.norm.variance < 0).any():
            raise CheckpointError(
                f"{spec.name}.variance has a negative value ({layer.norm.variance.min():g})",
                "the file is damaged, or its tensors are mixed up",
            )


def _check_classifier(config: MobileNetConfig, layer: Layer) -> None:
    _check("logits.kernel", layer.kernel, (config.classes, config.feature_channels))
    if layer.bias is None or layer.norm is not None:
        raise CheckpointError("layer logits must have a bias and no batch norm", "zeros will do")
    _check("logits.bias", layer.bias, (config.classes,))


def _check(name: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise CheckpointError(
            f"{name} has shape {array.shape}, this network needs {shape}",
            "are alpha, classes and shallow those of the weights?",
        )
    if array.dtype != np.float32:
        raise CheckpointError(f"{name} is {array.dtype}, not float32", "convert it first")
    if not np.isfinite(array).all():
        where = int(np.flatnonzero(~np.isfinite(array))[0])
        raise CheckpointError(
            f"{name} holds {array.flat[where]} at position {where}", "the file is damaged"
        )
