"""The three knobs of MobileNet v1, its block table, and its cost by formula.

Howard et al. 2017, "MobileNets" (arXiv 1704.04861), Table 1 and section 3. Imports neither
numpy nor torch: it stands behind `--help`. The one table here drives the PyTorch module
(`mobilenet.torch_module`) and the ML Program (`export.formats.coreml.build`).
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Self

from mobilenet.common.errors import ConfigError

Head = Literal["classifier", "features"]
Activation = Literal["relu6", "relu"]
Padding = Literal["same", "symmetric", "keras"]
WidthRule = Literal["slim", "keras", "timm"]
Kind = Literal["stem", "depthwise", "pointwise"]
Pads = tuple[int, int, int, int]

STEM_CHANNELS = 32
# (output channels, stride) of the 13 depthwise separable blocks: Table 1. Block 13 is printed
# there with stride 2 on both 7x7 rows; the authors' code, and the sizes in the table, say 1.
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip
SHALLOW_LEAVES_OUT = range(7, 12)  # blocks 7 to 11: the five of 14x14x512 (section 4.1, Table 5)

MIN_RESOLUTION, MAX_RESOLUTION = 32, 1024
MAX_ALPHA = 8.0
MAX_CLASSES = 1_000_000


class ConvSpec(NamedTuple):
    """One convolution of the network: a row of the table both back ends are built from."""

    name: str
    kind: Kind
    in_channels: int
    out_channels: int
    stride: int
    in_size: int
    out_size: int
    pads: Pads  # top, bottom, left, right

    @property
    def kernel(self) -> int:
        return 1 if self.kind == "pointwise" else 3

    @property
    def groups(self) -> int:
        return self.in_channels if self.kind == "depthwise" else 1

    @property
    def weights(self) -> int:
        return self.kernel**2 * self.in_channels // self.groups * self.out_channels

    @property
    def macs(self) -> int:
        return self.weights * self.out_size**2


class Cost(NamedTuple):
    """Multiply-accumulates of convolutions and classifier, and parameters."""

    macs: int
    parameters: int  # weights and biases once batch norm is folded
    parameters_unfolded: int  # weights, gammas, betas, and the classifier's bias


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

        layers = [row.name for row in self.convolutions()]
        _require(
            not self.until or (self.head == "features" and self.until in layers),
            f"until is {self.until!r} with head {self.head}",
            f"a layer of a feature extractor: {layers[0]} to {layers[-1]}",
        )

    @property
    def feature_channels(self) -> int:
        """Channels of the features: of the pooled vector, or of the map of `until`."""
        return self.convolutions()[-1].out_channels

    def channels(self, width: int) -> int:
        """Channel count of a layer that is `width` wide at alpha 1."""
        return WIDTH_RULES[self.width_rule](width * self.alpha)

    def convolutions(self) -> tuple[ConvSpec, ...]:
        """The 27 (shallow: 17) convolutions in order, with their shapes at this resolution."""
        rows: list[ConvSpec] = []
        size = self.resolution

        def add(name: str, kind: Kind, inputs: int, outputs: int, stride: int = 1) -> None:
            nonlocal size
            pads = NO_PADS if kind == "pointwise" else self.pads(size, stride, kind)
            after = (size + pads[0] + pads[1] - (1 if kind == "pointwise" else 3)) // stride + 1
            rows.append(ConvSpec(name, kind, inputs, outputs, stride, size, after, pads))
            size = after

        width = self.channels(STEM_CHANNELS)
        add("conv0", "stem", 3, width, 2)
        for number, (outputs, stride) in enumerate(BLOCKS, start=1):
            if self.shallow and number in SHALLOW_LEAVES_OUT:
                continue
            add(f"conv{number}_depthwise", "depthwise", width, width, stride)
            add(f"conv{number}_pointwise", "pointwise", width, self.channels(outputs))
            width = self.channels(outputs)
        names = [row.name for row in rows]
        end = names.index(self.until) + 1 if self.until in names else len(rows)
        return tuple(rows[:end])

    def pads(self, size: int, stride: int, kind: Kind = "depthwise") -> Pads:
        """(top, bottom, left, right) of a 3x3 convolution over a square map of side `size`."""
        if self.padding == "symmetric":
            return (1, 1, 1, 1)
        if self.padding == "keras" and stride == 2 and kind == "depthwise":
            return (0, 1, 0, 1)  # keras/applications/mobilenet.py: ZeroPadding2D(((0, 1), (0, 1)))
        before, after = same_padding(size, stride)
        return (before, after, before, after)

    def cost(self) -> Cost:
        """Multiply-accumulates and parameters, as the paper counts them (Tables 4 to 7)."""
        return self._cost([(c.weights, c.macs, c.out_channels) for c in self.convolutions()])

    def full_convolution_cost(self) -> Cost:
        """The same for the twin with a full 3x3 convolution in place of each block (Table 4)."""
        rows = self.convolutions()
        full = [(rows[0].weights, rows[0].macs, rows[0].out_channels)]
        for depthwise, pointwise in zip(rows[1::2], rows[2::2], strict=True):
            weights = 9 * pointwise.in_channels * pointwise.out_channels
            full.append((weights, weights * depthwise.out_size**2, pointwise.out_channels))
        return self._cost(full)

    def _cost(self, rows: list[tuple[int, int, int]]) -> Cost:
        weights, macs, channels = (sum(column) for column in zip(*rows, strict=True))
        fc = self.feature_channels * self.classes if self.head == "classifier" else 0
        bias = self.classes if self.head == "classifier" else 0
        return Cost(macs + fc, weights + channels + fc + bias, weights + 2 * channels + fc + bias)

    def at(self, resolution: int) -> Self:
        """The same network over another input size: the weights do not depend on it."""
        return replace(self, resolution=resolution)

    @property
    def slug(self) -> str:
        """A short name without dots, fit for a file and a Swift class: `MobileNetV1_075_192`."""
        percent = self.alpha * 100
        whole = math.isclose(percent, round(percent), abs_tol=1e-9)
        width = f"{round(percent):03d}" if whole else f"{self.alpha:g}".replace(".", "p")
        return f"MobileNetV1_{width}_{self.resolution}" + ("_shallow" if self.shallow else "")


NO_PADS: Pads = (0, 0, 0, 0)


def same_padding(size: int, stride: int, kernel: int = 3) -> tuple[int, int]:
    """TensorFlow's SAME: (before, after) along one axis; the odd pixel goes behind."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


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


def _floor8(channels: float) -> int:
    # tensorflow/models slim/nets/mobilenet_v1.py: max(int(depth * multiplier), min_depth=8)
    return max(int(channels), 8)


def _floor(channels: float) -> int:
    return max(int(channels), 1)  # keras/applications/mobilenet.py: int(filters * alpha)


def _multiple_of_8(channels: float) -> int:
    # timm/layers/helpers.py: make_divisible(v, divisor=8, round_limit=0.9)
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


WIDTH_RULES = {"slim": _floor8, "keras": _floor, "timm": _multiple_of_8}


def _require(condition: bool, message: str, hint: str) -> None:
    if not condition:
        raise ConfigError(message, hint)
