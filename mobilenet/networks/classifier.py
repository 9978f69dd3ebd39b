"""The classifier's head: what becomes of a row's map, and the matrices to the classes' scores.

Without the matrices it gives features: the mean of the map, or the map itself.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from mobilenet.common.size import Size
from mobilenet.networks.rows import Cost
from mobilenet.networks.ssdlite import Detection, Predictor

Head = Literal["classifier", "features", "deeplab", "ssdlite"]
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
    map_size: Size = Size.square(1)  # of what it reads, flattened

    @property
    def kernel_shape(self) -> tuple[int, int]:
        """(out, in)."""
        return self.outputs, self.inputs

    @property
    def convolution_shape(self) -> tuple[int, int, int, int]:
        """(out, channels, height, width) of the same as a convolution over the whole map."""
        return self.outputs, self.inputs // self.map_size.area, *self.map_size

    @property
    def operations(self) -> dict[str, str]:
        """What is computed, by names, in order."""
        if self.activation is None:
            return {self.name: "linear"}
        return {self.name: "linear", f"{self.name}_{self.activation}": self.activation}


class Readout(NamedTuple):
    """What is read of the value of one row."""

    reads: str
    channels: int
    size: Size  # of the map
    classes: int | None  # None: features
    pool: Pool = "mean"
    hidden: tuple[Hidden, ...] = ()
    scores: Scores = "softmax"
    predictors: tuple[Predictor, ...] = ()  # of a detector, which reads their rows instead
    detection: Detection | None = None  # and what becomes of their values
    picture: Size | None = None  # of a segmenter: over which the map of its scores is spread

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the rows whose values it needs."""
        pairs = [(each.boxes, each.scores) for each in self.predictors]
        return tuple(name for pair in pairs for name in pair) or (self.reads,)

    @property
    def pooled(self) -> bool:
        """Whether a vector comes out rather than the map."""
        return self.pool != "none"

    @property
    def is_binary(self) -> bool:
        """Whether it is one sigmoid, which tells two classes apart."""
        return self.classes == 1 and self.scores == "sigmoid"

    @property
    def is_one_number(self) -> bool:
        """Whether it is one number as it is, such as of a regression, or before a sigmoid."""
        return self.classes == 1 and self.scores == "softmax"

    @property
    def until(self) -> str:
        """Name of the row whose map is the result; "" when it is pooled, or enlarged."""
        return "" if self.pooled or self.detection or self.picture is not None else self.reads

    @property
    def is_plain(self) -> bool:
        """Whether it is that of the published classifiers: one matrix on the mean, and softmax."""
        return not self.hidden and self.pool == "mean" and self.scores == "softmax"

    @property
    def dense(self) -> tuple[Dense, ...]:
        """Its matrices in order, the logits' last; none for features and segmenters."""
        if self.classes is None or not self.pooled:
            return ()
        size = self.size if self.pool == "flatten" else Size.square(1)
        inputs, layers = self.channels * size.area, list[Dense]()
        for number, hidden in enumerate(self.hidden, start=1):
            name = f"dense{number}"
            layers.append(Dense(name, hidden.units, inputs, hidden.activation, size))
            inputs, size = hidden.units, Size.square(1)
        return (*layers, Dense(LOGITS, self.classes, inputs, None, size))

    @property
    def kernels(self) -> dict[str, tuple[int, int]]:
        """Shapes (out, in) of its matrices by the layer's name."""
        return {layer.name: layer.kernel_shape for layer in self.dense}

    @property
    def title(self) -> str:
        """In words: "1000 classes"."""
        if self.predictors:
            anchors = sum(each.anchors * each.size.area for each in self.predictors)
            return f"{anchors} boxes"
        if self.picture is not None:
            return f"{self.classes} classes of pixels"
        if self.classes is None:
            return "pooled features" if self.pooled else f"map of {self.reads}"
        kind = "classes" if self.scores == "softmax" else "independent classes"
        result = "one number" if self.is_one_number else f"{self.classes} {kind}"
        layers = [
            f"{hidden.units} units{f' ({hidden.activation})' if hidden.activation else ''}"
            for hidden in self.hidden
        ]
        flat = ["flat map"] if self.pool == "flatten" else []
        return ", ".join([*flat, *layers, result])

    @property
    def cost(self) -> Cost:
        """Of the matrices and their biases."""
        weights = sum(layer.outputs * layer.inputs for layer in self.dense)
        parameters = weights + sum(layer.outputs for layer in self.dense)
        return Cost(weights, parameters, parameters)
