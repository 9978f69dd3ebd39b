"""What every MobileNet's config has: knobs, conventions of its publisher, input size and head."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, NamedTuple, Self

from mobilenet.common.errors import ConfigError
from mobilenet.common.size import Sides, Size
from mobilenet.networks.classifier import Head, Hidden, Readout, Scores
from mobilenet.networks.deeplab import add_deeplab
from mobilenet.networks.row_builder import RowBuilder
from mobilenet.networks.rows import Activation, Cost, Padding, Row, cost
from mobilenet.networks.ssdlite import Detection, add_ssdlite, predictors
from mobilenet.networks.widths import MAX_ALPHA, Rules, WidthRule

MIN_RESOLUTION, MAX_RESOLUTION = 32, 1024
MAX_CLASSES = 1_000_000
MAX_HIDDEN = 8  # matrices before the logits
HEADS = {"deeplab": "DeepLab", "ssdlite": "SSDLite"}  # that are networks of their own name
LEFT_OUT = "left out of files at its default"
LATER = {LEFT_OUT: True}  # of fields that the first files did not have


class PublishedSizes(NamedTuple):
    """Of which sizes the authors published weights, the largest first."""

    alphas: tuple[float, ...]  # those above 1 at the first resolution alone
    resolutions: tuple[int, ...]


@dataclass(frozen=True)
class BaseConfig:
    """Everything that fixes the shape and arithmetic of one MobileNet.

    `alpha` thins every layer, `resolution` is the height of the input in pixels and its width,
    too, unless `input_width` is given; `shallow` leaves out the layers that a family can do
    without. The rest follows the checkpoint: TF-Slim pads as TensorFlow's SAME, timm and Caffe
    symmetrically; Keras' blocks as SAME would an even map, be it even or odd; `width_rule` is how
    a fractional channel count is rounded by the code the weights come from.

    Raises `ConfigError` for a value that no MobileNet can have.
    """

    published: ClassVar[PublishedSizes]

    alpha: float = 1.0
    resolution: int = 224
    shallow: bool = False
    classes: int = 1000
    head: Head = "classifier"
    activation: Activation = "relu6"
    padding: Padding = "same"
    bn_epsilon: float = 1e-3
    width_rule: WidthRule = "slim"
    until: str = ""  # name of the layer whose map is the features; "": all layers, then pooled
    input_width: int | None = field(default=None, metadata=LATER)
    output_stride: int | None = field(default=None, metadata=LATER)  # None: the family's own, 32
    last_channels: int | None = field(default=None, metadata=LATER)  # None: the family's own
    hidden: tuple[Hidden, ...] = field(default=(), metadata=LATER)
    pool: Literal["mean", "flatten"] = field(default="mean", metadata=LATER)
    scores: Scores = field(default="softmax", metadata=LATER)
    detection: Detection = field(default=Detection(), metadata=LATER)  # of SSDLite

    def __post_init__(self) -> None:
        if self.input_width == self.resolution:
            object.__setattr__(self, "input_width", None)
        self._check_knobs()
        self._check_head()

    def _check_knobs(self) -> None:
        require(
            math.isfinite(self.alpha) and 0 < self.alpha <= MAX_ALPHA,
            f"alpha is {self.alpha}",
            f"a width multiplier above 0, at most {MAX_ALPHA:g}; published: "
            f"{', '.join(f'{alpha:g}' for alpha in self.published.alphas)}",
        )
        require(
            all(MIN_RESOLUTION <= side <= MAX_RESOLUTION for side in self.size),
            f"resolution is {self.size if self.input_width else self.resolution}",
            f"{MIN_RESOLUTION} to {MAX_RESOLUTION} pixels; published: "
            f"{', '.join(map(str, self.published.resolutions))}",
        )
        require(
            self.output_stride in (None, 8, 16, 32),
            f"output_stride is {self.output_stride}",
            "8, 16 or 32",
        )
        require(
            self.last_channels is None or 1 <= self.last_channels <= MAX_CLASSES,
            f"last_channels is {self.last_channels}",
            f"1 to {MAX_CLASSES}",
        )
        require(
            math.isfinite(self.bn_epsilon) and self.bn_epsilon > 0,
            f"bn_epsilon is {self.bn_epsilon}",
            "a small number above 0: 1e-3 (TF-Slim, Keras) or 1e-5 (timm, Caffe)",
        )

    def _check_head(self) -> None:
        units = [hidden.units for hidden in self.hidden]
        require(
            all(1 <= count <= MAX_CLASSES for count in (self.classes, *units)),
            f"classes is {max(self.classes, *units) if units else self.classes}",
            f"1 to {MAX_CLASSES}",
        )
        require(len(units) <= MAX_HIDDEN, f"hidden has {len(units)} layers", f"up to {MAX_HIDDEN}")
        layers = [row.name for row in self.rows()]
        require(
            not self.until or (self.head == "features" and self.until in layers),
            f"layer is {self.until!r} with head {self.head}",
            f"a layer of a feature extractor: {layers[0]} to {layers[-1]}",
        )

    def rows(self) -> tuple[Row, ...]:
        """The convolutions in order; fewer where the features end early."""
        raise NotImplementedError

    @property
    def version(self) -> str:
        """What sets the family apart: "v1"."""
        raise NotImplementedError

    def fitted(self, widths: Sequence[int], classes: int | None) -> Self:
        """The network whose convolutions are so wide, in order; `classes` None: features.

        Raises `CheckpointError` when no network of the family is.
        """
        raise NotImplementedError

    @property
    def family(self) -> str:
        """In words: "MobileNet v1"."""
        return f"MobileNet {self.version}"

    @property
    def size(self) -> Size:
        """Of the input."""
        return Size(self.resolution, self.input_width or self.resolution)

    @property
    def taps(self) -> tuple[str, str]:
        """Names of the two rows that a detector looks at."""
        raise NotImplementedError

    def builder(self) -> RowBuilder:
        """For the rows, by this network's conventions."""
        return RowBuilder(
            self.size, self.padding, self.activation, self.bn_epsilon, self.output_stride
        )

    def channels(self, width: int) -> int:
        """Channel count of a layer that is `width` wide at alpha 1."""
        return self.width_rules[self.width_rule](width * self.alpha)

    @property
    def width_rules(self) -> Rules:
        """How each publisher of the family rounds."""
        raise NotImplementedError

    def completed(self, network: RowBuilder) -> tuple[Row, ...]:
        """The backbone's rows with those of the head, or up to where the features end."""
        if self.head == "deeplab":
            add_deeplab(network, self.classes)
        if self.head == "ssdlite":
            add_ssdlite(network, self.taps, self.classes, self.detection)
        names = [row.name for row in network.rows]
        return tuple(network.rows[: names.index(self.until) + 1 if self.until in names else None])

    @property
    def readout(self) -> Readout:
        """The head, on the last row."""
        last = self.rows()[-1]
        where = (last.name, last.out_channels, last.out_size)
        if self.head == "deeplab":
            return Readout(*where, self.classes, "none", picture=self.size)
        if self.head == "ssdlite":
            looking = predictors(self.rows(), self.detection)
            return Readout(*where, None, "none", predictors=looking, detection=self.detection)
        if self.head == "features":
            return Readout(*where, None, "none" if self.until else "mean")
        return Readout(*where, self.classes, self.pool, self.hidden, self.scores)

    def cost(self) -> Cost:
        """Multiply-accumulates and parameters, as the paper counts them."""
        return cost(self.rows()) + self.readout.cost

    def at(self, resolution: Sides) -> Self:
        """The same network over another input size: the weights do not depend on it.

        But for a head that reads every pixel of the map: `ConfigError`.
        """
        size = Size.of(resolution)
        sized = replace(self, resolution=size.height, input_width=size.width)
        require(
            self.readout.pool != "flatten" or sized.readout.size == self.readout.size,
            f"resolution {size} for a head that reads every pixel of a map of {self.readout.size}",
            f"its weights fit {self.size} alone: leave the resolution out",
        )
        return sized

    def with_knobs(self, alpha: float | None, shallow: bool | None) -> Self:
        """The same network in another width or depth; None leaves the one it has."""
        alpha = self.alpha if alpha is None else alpha
        return replace(self, alpha=alpha, shallow=self.shallow if shallow is None else shallow)

    def with_classes(self, classes: int, scores: Scores | None = None) -> Self:
        """The same network with a classifier of so many classes; None leaves its `scores`."""
        scores = scores or self.scores
        return replace(self, classes=classes, scores=scores, head="classifier", until="")

    def as_features(self, until: str = "") -> Self:
        """Without the classifier: pooled features, or the map of the layer `until`."""
        return replace(self, head="features", until=until)

    @property
    def title(self) -> str:
        """In words: "MobileNet v1, alpha 0.75, 192 x 192, 1000 classes"."""
        parts = [self.family, f"alpha {self.alpha:g}", str(self.size)]
        if self.shallow:
            parts.append("shallow")
        if self.output_stride is not None:
            parts.append(f"output stride {self.output_stride}")
        if self.head in HEADS:
            parts += [HEADS[self.head], f"{self.classes} class{'es' * (self.classes != 1)}"]
        else:
            parts.append(self.readout.title)
        return ", ".join(parts)

    @property
    def slug(self) -> str:
        """A short name without dots, fit for a file and a Swift class: `MobileNetV1_075_192`."""
        name = HEADS.get(self.head, "MobileNet") + self.version.upper()
        marks = ["shallow"] if self.shallow else []
        if self.output_stride is not None:
            marks.append(f"os{self.output_stride}")
        return "_".join([name, self.percent, self.size.slug, *marks])

    @property
    def percent(self) -> str:
        """Alpha as file names and Swift classes bear it: "075"."""
        percent = self.alpha * 100
        whole = math.isclose(percent, round(percent), abs_tol=1e-9)
        return f"{round(percent):03d}" if whole else f"{self.alpha:g}".replace(".", "p")


def require(condition: bool, message: str, hint: str) -> None:
    """Raise `ConfigError` where the condition does not hold."""
    if not condition:
        raise ConfigError(message, hint)
