"""What to export and how: the options of `python -m export`, checked against each other.

Stands behind `--help`: no numpy, no torch, no coremltools.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from mobilenet.config import resolution_of
from mobilenet.errors import ConfigError

Target = Literal["all", "ane", "gpu", "cpu"]
Precision = Literal["fp16", "fp32"]
InputKind = Literal["image", "tensor"]
Outputs = Literal["classifier", "probabilities", "logits", "features"]
HeadForm = Literal["linear", "conv"]

MIN_IOS = (15, 16, 17, 18, 26)
DEFAULT_MIN_IOS = 15  # the last that an iPhone 6s runs; nothing a plain MobileNet needs came later


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Which network: the three knobs and its weights."""

    alpha: float | None = None
    """Width multiplier, any above 0. Published: 1, 0.75, 0.5, 0.25. Default: 1, or the file's."""
    rho: float | None = None
    """Resolution multiplier in (0, 1]: 0.857 is 192 pixels. Instead of --resolution."""
    resolution: int | None = None
    """Side of the square input in pixels. Published: 224, 192, 160, 128. Default: 224."""
    shallow: bool | None = None
    """Leave out the five 14x14x512 blocks. Never published with weights."""
    weights: str | None = None
    """A file, a family (slim, keras, timm, transformers, quant), imagenet, untrained, or auto."""

    @property
    def pixels(self) -> int | None:
        """The resolution asked for, by either name; None when neither is given."""
        if self.rho is None:
            return self.resolution
        if self.resolution not in (None, resolution_of(self.rho)):
            raise ConfigError(
                f"rho {self.rho} means {resolution_of(self.rho)} pixels, resolution says "
                f"{self.resolution}",
                "give one of the two",
            )
        return resolution_of(self.rho)


class TargetRule(NamedTuple):
    """What a target decides. Sources stand beside `TARGETS`."""

    compute_units: str  # a case of Swift's MLComputeUnits
    precision: Precision
    head: HeadForm
    min_ios: int


# - The Neural Engine computes in float16 alone; the CPU and GPU in both
#   (coremltools guide, "Typed Execution": float 32 rules the Neural Engine out).
# - The head as a 1x1 convolution keeps the (B, C, 1, S) layout the Neural Engine works in
#   (apple/ml-ane-transformers, Principle 1).
# - MLComputeUnits.cpuAndNeuralEngine exists from iOS 16 (Apple, MLComputeUnits).
# - float32 on the CPU is exact; ask for fp16 to halve the file.
TARGETS: dict[Target, TargetRule] = {
    "all": TargetRule("all", "fp16", "linear", 15),
    "ane": TargetRule("cpuAndNeuralEngine", "fp16", "conv", 16),
    "gpu": TargetRule("cpuAndGPU", "fp16", "linear", 15),
    "cpu": TargetRule("cpuOnly", "fp32", "linear", 15),
}


@dataclass(frozen=True, kw_only=True)
class ExportSpec:
    """How to write it. Raises `ConfigError` for options that contradict each other."""

    target: Target = "all"
    """Where it will run; decides precision, head form and recommended compute units."""
    precision: Precision | None = None
    """fp16 (half the size; needed by the Neural Engine) or fp32. Default: fp32 for cpu only."""
    min_ios: int | None = None
    """Oldest iOS that can load it: 15, 16, 17, 18 or 26. Default: 15 (16 for target ane)."""
    input: InputKind = "image"
    """image: a picture, preprocessing inside. tensor: (1, 3, H, W) floats, normalized already."""
    outputs: Outputs = "classifier"
    """classifier: classLabel and classLabel_probs. The others: one array of that name."""

    def __post_init__(self) -> None:
        if self.min_ios is not None and self.min_ios not in MIN_IOS:
            raise ConfigError(
                f"min-ios is {self.min_ios}",
                f"one of {', '.join(map(str, MIN_IOS))}: the versions that brought a new opset",
            )
        if self.min_ios is not None and self.min_ios < self.rule.min_ios:
            raise ConfigError(
                f"target {self.target} needs iOS {self.rule.min_ios}, min-ios is {self.min_ios}",
                "leave --min-ios out, or choose --target all",
            )
        if self.target == "ane" and self.precision == "fp32":
            raise ConfigError(
                "target ane with precision fp32: the Neural Engine computes in float16 alone",
                "leave --precision out, or choose --target cpu",
            )

    @property
    def rule(self) -> TargetRule:
        return TARGETS[self.target]

    def resolved(self) -> "ExportSpec":
        """The same with every default filled in."""
        return replace(
            self,
            precision=self.precision or self.rule.precision,
            min_ios=self.min_ios or max(DEFAULT_MIN_IOS, self.rule.min_ios),
        )

    @property
    def suffix(self) -> str:
        """What sets this file's name apart from the plain one's; empty for the defaults."""
        spec = self.resolved()
        parts: list[str] = [self.target] if self.target != "all" else []
        if spec.precision != self.rule.precision:
            parts.append(str(spec.precision))
        if self.input != "image":
            parts.append(self.input)
        if self.outputs != "classifier":
            parts.append(self.outputs)
        return "".join(f"_{part}" for part in parts)
