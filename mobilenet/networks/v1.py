"""MobileNet v1: its three knobs, its block table, and its rows.

Howard et al. 2017, "MobileNets" (arXiv 1704.04861), Table 1 and section 3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.networks.classifier import Head, Readout
from mobilenet.networks.rows import Activation, Cost, Padding, Row, RowBuilder, cost
from mobilenet.networks.widths import WIDTH_RULES, WidthRule, roundest_alpha

STEM_CHANNELS = 32
# (output channels, stride) of the 13 depthwise separable blocks: Table 1. Block 13 is printed
# there with stride 2 on both 7x7 rows; the authors' code, and the sizes in the table, say 1.
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip
SHALLOW_LEAVES_OUT = range(7, 12)  # blocks 7 to 11: the five of 14x14x512 (section 4.1, Table 5)
ROWS, SHALLOW_ROWS = 1 + 2 * len(BLOCKS), 1 + 2 * (len(BLOCKS) - len(SHALLOW_LEAVES_OUT))

MIN_RESOLUTION, MAX_RESOLUTION = 32, 1024
MAX_ALPHA = 8.0
MAX_CLASSES = 1_000_000


@dataclass(frozen=True)
class MobileNetConfig:
    """Everything that fixes the shape and arithmetic of one MobileNet v1.

    `alpha` thins every layer, `resolution` is the side of the square input in pixels, `shallow`
    leaves out the five 14x14x512 blocks. The rest follows the checkpoint: TF-Slim pads
    as TensorFlow's SAME, timm and Caffe symmetrically; Keras' blocks as SAME would an even
    map, be it even or odd; `width_rule` is how a fractional channel count is rounded by the code
    the weights come from.

    Raises `ConfigError` for a value that no MobileNet can have.
    """

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

    def __post_init__(self) -> None:
        _require(
            math.isfinite(self.alpha) and 0 < self.alpha <= MAX_ALPHA,
            f"alpha is {self.alpha}",
            f"a width multiplier above 0, at most {MAX_ALPHA:g}; published: 1, 0.75, 0.5, 0.25",
        )
        _require(
            MIN_RESOLUTION <= self.resolution <= MAX_RESOLUTION,
            f"resolution is {self.resolution}",
            f"{MIN_RESOLUTION} to {MAX_RESOLUTION} pixels; published: 224, 192, 160, 128",
        )
        _require(
            1 <= self.classes <= MAX_CLASSES, f"classes is {self.classes}", f"1 to {MAX_CLASSES}"
        )
        _require(
            math.isfinite(self.bn_epsilon) and self.bn_epsilon > 0,
            f"bn_epsilon is {self.bn_epsilon}",
            "a small number above 0: 1e-3 (TF-Slim, Keras) or 1e-5 (timm, Caffe)",
        )
        layers = [row.name for row in self.rows()]
        _require(
            not self.until or (self.head == "features" and self.until in layers),
            f"until is {self.until!r} with head {self.head}",
            f"a layer of a feature extractor: {layers[0]} to {layers[-1]}",
        )

    def rows(self) -> tuple[Row, ...]:
        """The 27 (shallow: 17) convolutions in order; fewer where the features end early."""
        network = RowBuilder(self.resolution, self.padding, self.activation, self.bn_epsilon)
        network.add("conv0", self.channels(STEM_CHANNELS), kernel=3, stride=2)
        for number, (outputs, stride) in enumerate(BLOCKS, start=1):
            if self.shallow and number in SHALLOW_LEAVES_OUT:
                continue
            network.depthwise(f"conv{number}_depthwise", stride=stride)
            network.add(f"conv{number}_pointwise", self.channels(outputs))
        names = [row.name for row in network.rows]
        end = names.index(self.until) + 1 if self.until in names else len(names)
        return tuple(network.rows[:end])

    def channels(self, width: int) -> int:
        """Channel count of a layer that is `width` wide at alpha 1."""
        return WIDTH_RULES[self.width_rule](width * self.alpha)

    @property
    def readout(self) -> Readout:
        """The head, on the last row."""
        last = self.rows()[-1]
        classes = self.classes if self.head == "classifier" else None
        return Readout(last.name, last.out_channels, classes, pooled=not self.until)

    def cost(self) -> Cost:
        """Multiply-accumulates and parameters, as the paper counts them (Tables 4 to 7)."""
        return cost(self.rows()) + self.readout.cost

    def at(self, resolution: int) -> Self:
        """The same network over another input size: the weights do not depend on it."""
        return replace(self, resolution=resolution)

    def with_knobs(self, alpha: float | None, shallow: bool | None) -> Self:
        """The same network in another width or depth; None leaves the one it has."""
        alpha = self.alpha if alpha is None else alpha
        return replace(self, alpha=alpha, shallow=self.shallow if shallow is None else shallow)

    def with_classes(self, classes: int) -> Self:
        """The same network with a classifier of so many classes."""
        return replace(self, classes=classes, head="classifier", until="")

    def as_features(self, until: str = "") -> Self:
        """Without the classifier: pooled features, or the map of the layer `until`."""
        return replace(self, head="features", until=until)

    def fitted(self, widths: Sequence[int], classes: int | None) -> Self:
        """With the alpha and the depth whose convolutions are so wide, in order.

        `classes` is None for features. Raises `CheckpointError` where no alpha gives the widths.
        """
        if len(widths) not in (ROWS, SHALLOW_ROWS):
            raise CheckpointError(
                f"{len(widths)} convolutions are in the file, {self.family} has {ROWS} "
                f"(shallow: {SHALLOW_ROWS})",
                f"is it a {self.family}?",
            )
        alpha = self._alpha_of(widths[0], widths[-1])
        sized = replace(self, alpha=alpha, shallow=len(widths) == SHALLOW_ROWS)
        return sized.as_features() if classes is None else sized.with_classes(classes)

    def _alpha_of(self, first: int, last: int) -> float:
        rule, widest = WIDTH_RULES[self.width_rule], BLOCKS[-1][0]

        def fits(alpha: float) -> bool:
            widths = (rule(STEM_CHANNELS * alpha), rule(widest * alpha))
            return alpha <= MAX_ALPHA and widths == (first, last)

        alpha = roundest_alpha(last, widest, fits)
        if alpha is None:
            raise CheckpointError(
                f"the first layer is {first} channels wide and the last {last}: "
                "no alpha gives both",
                f"is it a {self.family}?",
            )
        return alpha

    @property
    def family(self) -> str:
        """In words."""
        return "MobileNet v1"

    @property
    def title(self) -> str:
        """In words: "MobileNet v1, alpha 0.75, 192 x 192, 1000 classes"."""
        parts = [self.family, f"alpha {self.alpha:g}", f"{self.resolution} x {self.resolution}"]
        if self.shallow:
            parts.append("shallow")
        return ", ".join([*parts, self.readout.title])

    @property
    def slug(self) -> str:
        """A short name without dots, fit for a file and a Swift class: `MobileNetV1_075_192`."""
        percent = self.alpha * 100
        whole = math.isclose(percent, round(percent), abs_tol=1e-9)
        width = f"{round(percent):03d}" if whole else f"{self.alpha:g}".replace(".", "p")
        return f"MobileNetV1_{width}_{self.resolution}" + ("_shallow" if self.shallow else "")


def resolution_of(rho: float) -> int:
    """Input side for a resolution multiplier: 224 x rho, to the nearest multiple of 32.

    >>> resolution_of(0.857)
    192
    """
    _require(
        math.isfinite(rho) and 0 < rho <= 1,
        f"rho is {rho}",
        "a resolution multiplier above 0, at most 1; 0.857 gives 192",
    )
    return max(32, round(224 * rho / 32) * 32)


def _require(condition: bool, message: str, hint: str) -> None:
    if not condition:
        raise ConfigError(message, hint)
