"""The classifier's head: what becomes of a row's map, and the matrices to the classes' scores.

Without the matrices it gives features: the mean of the map, or the map itself.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from mobilenet.networks.rows import Cost, Size

Head = Literal["classifier", "features"]
Pool = Literal["mean", "flatten", "none"]  # flatten: every pixel, channel by channel
Scores = Literal["softmax", "sigmoid"]  # sigmoid: each class is a question of its own
DenseActivation = Literal["relu6", "relu", "sigmoid", "tanh"]
LOGITS = "logits"  # name of the last matrix among the layers
POOL = "pool"  # name of the value that the first matrix reads


@dataclass(frozen=True)
class Hidden:
    """A matrix with a bias between the pooled map and the logits, and what follows it."""

    units: int
    activation: DenseActivation | None = None


class Dense(NamedTuple):
    """One matrix of the head."""

    name: str
    outputs: int
    inputs: int
    activation: DenseActivation | None

    @property
    def kernel_shape(self) -> tuple[int, int]:
        """(out, in)."""
        return self.outputs, self.inputs


class Readout(NamedTuple):
    """What is read of the value of one row."""

    reads: str
    channels: int
    size: Size  # of the map
    classes: int | None  # None: features
    pool: Pool = "mean"
    hidden: tuple[Hidden, ...] = ()
    scores: Scores = "softmax"

    @property
    def pooled(self) -> bool:
        """Whether a vector comes out rather than the map."""
        return self.pool != "none"

    @property
    def until(self) -> str:
        """Name of the row whose map is the result; "" when it is pooled."""
        return "" if self.pooled else self.reads

    @property
    def is_plain(self) -> bool:
        """Whether it is that of the published classifiers: one matrix on the mean, and softmax."""
        return not self.hidden and self.pool == "mean" and self.scores == "softmax"

    @property
    def dense(self) -> tuple[Dense, ...]:
        """Its matrices in order, the logits' last; none for features."""
        if self.classes is None:
            return ()
        inputs = self.channels * (self.size.area if self.pool == "flatten" else 1)
        layers = []
        for number, hidden in enumerate(self.hidden, start=1):
            layers.append(Dense(f"dense{number}", hidden.units, inputs, hidden.activation))
            inputs = hidden.units
        return (*layers, Dense(LOGITS, self.classes, inputs, None))

    @property
    def kernels(self) -> dict[str, tuple[int, int]]:
        """Shapes (out, in) of its matrices by the layer's name."""
        return {layer.name: layer.kernel_shape for layer in self.dense}

    @property
    def title(self) -> str:
        """In words: "1000 classes"."""
        if self.classes is None:
            return "pooled features" if self.pooled else f"map of {self.reads}"
        kind = "classes" if self.scores == "softmax" else "independent classes"
        layers = [
            f"{hidden.units} units{f' ({hidden.activation})' if hidden.activation else ''}"
            for hidden in self.hidden
        ]
        flat = ["flat map"] if self.pool == "flatten" else []
        return ", ".join([*flat, *layers, f"{self.classes} {kind}"])

    @property
    def cost(self) -> Cost:
        """Of the matrices and their biases."""
        weights = sum(layer.outputs * layer.inputs for layer in self.dense)
        parameters = weights + sum(layer.outputs for layer in self.dense)
        return Cost(weights, parameters, parameters)
