"""A trained network as data: layers in numpy, and everything needed to use them rightly."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.common.size import Sides
from mobilenet.common.text import one_line
from mobilenet.labels import labels_for, labels_of_boxes, labels_of_pixels
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.rows import Row
from mobilenet.preprocess import (
    IN_CORNER,
    INCEPTION,
    SQUASHED,
    STANDARD_CROP,
    Geometry,
    Normalization,
)
from mobilenet.reading import Reading

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
    """A convolution (out, in / groups, k, k), or a matrix of the head (classes, features).

    `norm` is None once folded and for the head; `bias` is None while a norm follows.
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
    equals: str | msgspec.UnsetType = msgspec.UNSET  # of a file: published weights that it holds

    @classmethod
    def drawn(cls, seed: int = 0) -> "Provenance":
        """Of random weights; those that are asked for by name have seed 0."""
        return cls(f"untrained, seed {seed}", trained=False, licence="none needed")

    @property
    def mark(self) -> str:
        """What every name and table says of weights that were never trained."""
        return "" if self.trained else "untrained"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Layers by name in the order of the network's rows, then its head's, and their use.

    Raises `CheckpointError`, naming the tensor, when layers and config do not fit each other.
    """

    config: NetworkConfig
    layers: dict[str, Layer]
    provenance: Provenance
    normalization: Normalization = INCEPTION
    geometry: Geometry = STANDARD_CROP
    """Of heads that say where things are: one that keeps the whole picture, or else the usual."""
    labels: tuple[str, ...] = ()
    reading: Reading | None = None
    labels_from: str = ""
    """In words, where they come from, if not from the weights: "labels.txt beside the weights"."""

    def __post_init__(self) -> None:
        if not self.geometry.whole:
            object.__setattr__(self, "geometry", _usual_geometry(self.config) or self.geometry)
        rows, kernels = self.config.rows(), self.config.readout.kernels
        names = [*(row.name for row in rows), *kernels]
        if missing := [name for name in names if name not in self.layers]:
            raise CheckpointError(f"layer {missing[0]} is missing", "is the file complete?")
        if extra := [name for name in self.layers if name not in names]:
            raise CheckpointError(
                f"layer {one_line(extra[0], 100)} does not belong to this network",
                f"is it a {self.config.family}?",
            )
        # files have an order of their own (safetensors: by name); all others rely on the network's
        object.__setattr__(self, "layers", {name: self.layers[name] for name in names})
        for row in rows:
            _check_convolution(row, self.layers[row.name])
        for name, shape in kernels.items():
            _check_matrix(name, shape, self.layers[name])
        two_sided = self.config.readout.is_binary and len(self.labels) == 2
        if self.labels and len(self.labels) != self.config.classes and not two_sided:
            raise CheckpointError(
                f"{len(self.labels)} labels for {self.config.classes} classes",
                "give one label per output, in the order of training",
            )

    @property
    def folded(self) -> bool:
        """Whether no layer has batch norm left."""
        return all(layer.norm is None for layer in self.layers.values())

    def at(self, resolution: Sides) -> "Checkpoint":
        """The same weights over another input size."""
        return replace(self, config=self.config.at(resolution))

    def as_features(self, until: str = "") -> "Checkpoint":
        """Without the classifier: pooled features, or the map of the layer `until`."""
        config = self.config.as_features(until)
        layers = {row.name: self.layers[row.name] for row in config.rows()}
        return replace(self, config=config, layers=layers, labels=())

    def without_background(self) -> "Checkpoint":
        """Drop class 0 of a 1001-class network; the other logits stay what they were."""
        logits = self.layers[LOGITS]
        assert logits.bias is not None  # checked when the checkpoint was made
        layers = {**self.layers, LOGITS: Layer(logits.kernel[1:], logits.bias[1:])}
        config = self.config.with_classes(self.config.classes - 1)
        return replace(self, config=config, layers=layers, labels=self.labels[1:])

    def as_two_classes(self) -> "Checkpoint":
        """Of one sigmoid the classifier of two classes that gives the same probabilities.

        softmax(0, z) is (1 - sigmoid(z), sigmoid(z)): Keras' `class_indices` have the class that
        the sigmoid is for as number 1.
        """
        logits = self.layers[LOGITS]
        assert logits.bias is not None  # checked when the checkpoint was made
        kernel, bias = (
            np.concatenate([np.zeros_like(part), part]) for part in (logits.kernel, logits.bias)
        )
        config = self.config.with_classes(2, "softmax")
        labels = self.labels if len(self.labels) == 2 else ()
        return replace(
            self, config=config, layers={**self.layers, LOGITS: Layer(kernel, bias)}, labels=labels
        )


def _usual_geometry(config: NetworkConfig) -> Geometry | None:
    """Of a head's authors; None for heads that see a crop."""
    if config.readout.detection is not None:
        return SQUASHED
    return None if config.readout.picture is None else IN_CORNER


class KnownLabels(NamedTuple):
    """What classes are called where a file does not say it."""

    labels: tuple[str, ...] = ()
    whose: str = ""  # "ImageNet's"


def known_labels(config: NetworkConfig) -> KnownLabels:
    """Those of the data set that has as many classes, by the head; else none."""
    readout, classes = config.readout, config.classes
    if readout.detection is not None:
        return KnownLabels(labels_of_boxes(classes), "COCO's")
    if readout.picture is not None:
        return KnownLabels(labels_of_pixels(classes), "Pascal VOC's")
    return (
        KnownLabels()
        if readout.classes is None
        else KnownLabels(labels_for(classes), "ImageNet's")
    )


def _check_convolution(row: Row, layer: Layer) -> None:
    _check(f"{row.name}.kernel", layer.kernel, row.kernel_shape)
    if (layer.norm is None) == (layer.bias is None):
        raise CheckpointError(
            f"layer {row.name} must have either a batch norm or a bias", "is the file complete?"
        )
    if layer.bias is not None:
        _check(f"{row.name}.bias", layer.bias, (row.out_channels,))
    if layer.norm is not None:
        for field in ("gamma", "beta", "mean", "variance"):
            _check(f"{row.name}.{field}", getattr(layer.norm, field), (row.out_channels,))
        if (layer.norm.variance < 0).any():
            raise CheckpointError(
                f"{row.name}.variance has a negative value ({layer.norm.variance.min():g})",
                "the file is damaged, or its tensors are mixed up",
            )


def _check_matrix(name: str, shape: tuple[int, int], layer: Layer) -> None:
    _check(f"{name}.kernel", layer.kernel, shape)
    if layer.bias is None or layer.norm is not None:
        raise CheckpointError(f"layer {name} must have a bias and no batch norm", "zeros will do")
    _check(f"{name}.bias", layer.bias, shape[:1])


def _check(name: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise CheckpointError(
            f"{name} has shape {array.shape}, this network needs {shape}",
            "are alpha, classes and shallow those of the weights?",
        )
    if array.dtype != np.float32:
        raise CheckpointError(f"{name} is {array.dtype}, not float32", "convert it first")
    if not np.isfinite(array).all():
        where = int(np.argmin(np.isfinite(array)))
        raise CheckpointError(
            f"{name} holds {array.flat[where]} at position {where}", "the file is damaged"
        )
