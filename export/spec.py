"""What to export and how: the options of `python -m export`, checked against each other.

Stands behind `--help`: no numpy, no torch, no coremltools.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from export.file_kinds import FILE_KINDS, FileFormat, FileKind, kind_for, kind_named
from export.targets import TARGETS, Precision, Target, TargetRule, compression_min_ios
from mobilenet.common.errors import ConfigError
from mobilenet.networks.families import NetworkName
from mobilenet.networks.v1 import resolution_of
from mobilenet.overrides import Overrides

InputKind = Literal["image", "tensor"]
Outputs = Literal[
    "classifier", "probabilities", "logits", "features",
    "labels", "mask",
    "detections", "boxes", "tensors",
]  # fmt: skip

MULTIFUNCTION_MIN_IOS = 18


@dataclass(frozen=True, kw_only=True)
class WeightOptions:
    """What stands in the network: a single one, or every one of a grid."""

    weights: str | None = None
    """A file; slim, keras, timm, torchvision, transformers, quant, person (a detector);
    imagenet, untrained, auto."""
    overrides: Overrides | None = None
    """How the file's weights were trained, where it does not say it itself."""
    head: Literal["classifier", "deeplab", "ssdlite"] | None = None
    """deeplab: a class for each pixel (513 x 513); ssdlite: boxes (300). Default: the file's."""
    output_stride: int | None = None
    """Of deeplab: side of the picture / side of its map, 16 or 8. Default: 16, or the file's."""


@dataclass(frozen=True, kw_only=True)
class Variant(WeightOptions):
    """Which network: its three knobs and its weights."""

    network: NetworkName | None = None
    """MobileNet v1 or v2. Default: v1, or the file's."""
    alpha: float | None = None
    """Width multiplier. Published: 1, 0.75, 0.5, 0.25; v2: 1.4 to 0.35. Default: 1; the file's."""
    rho: float | None = None
    """Resolution multiplier in (0, 1]: 0.857 is 192 pixels. Instead of --resolution."""
    resolution: int | None = None
    """Side of the square input in pixels. Published: 224, 192, 160, 128; v2: 96. Default: 224."""
    shallow: bool | None = None
    """Leave out the five 14x14x512 blocks of v1. Never published with weights."""

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


@dataclass(frozen=True, kw_only=True)
class PackageForm:
    """How to write a package: a single one, or every one of a grid."""

    precision: Precision | None = None
    """fp16 (half the size; needed by the Neural Engine) or fp32. Default: fp32 for cpu only."""
    min_ios: int | None = None
    """Oldest iOS that can load it: 13 to 18, 26, 27. Default: 15, or what other options need."""
    input: InputKind = "image"
    """image: a picture, preprocessing inside. tensor: (1, 3, H, W) floats, normalized already."""
    outputs: Outputs | None = None
    """An array of that name; classifier: label and probabilities; mask: a grey picture."""
    layer: str | None = None
    """With features: the map of this layer, such as conv11_pointwise; else the pooled end."""
    compress: str | None = None
    """int8, int4, palette2, palette4, palette6, palette8, prune50 (any percent), or w8a8."""
    iou: float | None = None
    """Of a detector: of two boxes that share more (0 to 1), the better stays. Default: 0.6."""
    confidence: float | None = None
    """Of a detector: the least score of a box, 0 to 1. Default: 0.3."""
    agnostic: bool = False
    """Of a detector: boxes of all classes are held against each other, not of one alone."""


@dataclass(frozen=True, kw_only=True)
class ExportSpec(PackageForm):
    """How to write it. Raises `ConfigError` for options that contradict each other.

    `outputs` is by default what the head gives: classifier, or probabilities of independent
    classes (sigmoid); labels, the class of each pixel, of a segmenter; features without a top;
    logits of a single number; of a detector detections, those of its boxes that stay, for Vision.
    """

    target: Target = "all"
    """Where it will run; decides precision, head form and recommended compute units."""
    format: FileFormat | None = None
    """mlprogram (.mlpackage), neuralnetwork (.mlmodel, iOS 13, 14), coreai (.aimodel, iOS 27)."""
    resolutions: str | None = None
    """128,160,192,224: one package with a function for each, r128 ... r224, sharing weights."""

    def __post_init__(self) -> None:
        _check_min_ios(self)
        if self.target == "ane" and self.precision == "fp32":
            raise ConfigError(
                "target ane with precision fp32: the Neural Engine computes in float16 alone",
                "leave --precision out, or choose --target cpu",
            )
        if self.layer is not None and self.outputs != "features":
            raise ConfigError(
                f"layer {self.layer} without outputs features", "add --outputs features"
            )
        precision = self.precision or self.rule.precision
        if precision == "fp32" and self.compress and self.compress.startswith("palette"):
            raise ConfigError(
                f"compress {self.compress} with float32 weights, which have too many values for "
                "exact clustering",
                "add --precision fp16",
            )
        for name in ("iou", "confidence"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ConfigError(f"{name} is {share:g}", "a number from 0 to 1")
        self.sizes  # noqa: B018  # raises for what cannot be read

    @property
    def rule(self) -> TargetRule:
        """What the target decides."""
        return TARGETS[self.target]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The resolutions of a package with several, in ascending order; empty without."""
        if self.resolutions is None:
            return ()
        sides = [part.strip() for part in self.resolutions.split(",")]
        if len(set(sides)) < max(2, len(sides)) or not all(side.isdecimal() for side in sides):
            raise ConfigError(
                f"resolutions is {self.resolutions!r}",
                "two or more different numbers of pixels, as in 128,160,192,224",
            )
        return tuple(sorted(int(side) for side in sides))

    @property
    def needs(self) -> dict[str, int]:
        """Options that need a newer iOS than a plain MobileNet: its version by the option."""
        versions = {}
        if self.rule.min_ios > TARGETS["all"].min_ios:
            versions[f"target {self.target}"] = self.rule.min_ios
        if self.compress is not None:
            versions[f"compress {self.compress}"] = compression_min_ios(self.compress)
        if self.resolutions is not None:
            versions[f"resolutions {self.resolutions}"] = MULTIFUNCTION_MIN_IOS
        return versions

    def resolved(self) -> "ExportSpec":
        """The same with every default filled in that does not depend on the network."""
        return replace(
            self,
            precision=self.precision or self.rule.precision,
            min_ios=self.min_ios or max(self.file_kind.min_ios[0], *self.needs.values(), 0),
            format=self._format,
        )

    @property
    def file_kind(self) -> FileKind:
        """What is written."""
        return FILE_KINDS[self._format]

    @property
    def _format(self) -> FileFormat:
        return self.format or kind_for(self.min_ios)

    def for_file(self, suffix: str) -> "ExportSpec":
        """The same, in the format that a file of this suffix has."""
        named = kind_named(suffix)
        if named is None or named == self._format:
            return self
        if self.format is not None or self.min_ios is not None:
            chosen = f"format {self.format}" if self.format else f"min-ios {self.min_ios}"
            raise ConfigError(
                f"{chosen} with an output that ends in {suffix}",
                f"{suffix} is the {named} format, for iOS {_listed(FILE_KINDS[named].min_ios)}",
            )
        return replace(self, format=named)

    @property
    def suffix(self) -> str:
        """What sets this file's name apart from the plain one's; empty for the defaults."""
        spec = self.resolved()
        parts: list[str] = [str(size) for size in reversed(self.sizes[:-1])]
        if self.target != "all":
            parts.append(self.target)
        if spec.format != ExportSpec().resolved().format:
            parts.append(str(spec.format))
        if spec.precision != self.rule.precision:
            parts.append(str(spec.precision))
        if self.input != "image":
            parts.append(self.input)
        if self.outputs not in (None, "classifier", "labels", "detections"):
            parts.append(str(self.outputs))
        parts += [part for part in (self.layer, self.compress) if part is not None]
        return "".join(f"_{part}" for part in parts)


def _check_min_ios(spec: ExportSpec) -> None:
    versions = [version for kind in FILE_KINDS.values() for version in kind.min_ios]
    if spec.min_ios is not None and spec.min_ios not in versions:
        raise ConfigError(f"min-ios is {spec.min_ios}", f"one of {_listed(sorted(versions))}")
    kind = spec.file_kind
    if spec.min_ios is not None and spec.min_ios not in kind.min_ios:
        other = next(name for name, each in FILE_KINDS.items() if spec.min_ios in each.min_ios)
        raise ConfigError(
            f"format {spec._format} with min-ios {spec.min_ios}",
            f"it is for iOS {_listed(kind.min_ios)}; for {spec.min_ios} there is --format {other}",
        )
    for option, version in spec.needs.items():
        if spec.format is not None and version > kind.min_ios[-1]:
            raise ConfigError(
                f"{option} needs iOS {version}, an {kind.suffix} is for iOS "
                f"{_listed(kind.min_ios)}",
                "ask for an .mlpackage: leave --format out, and .mlmodel in --output",
            )
        if spec.min_ios is not None and spec.min_ios < version:
            raise ConfigError(
                f"{option} needs iOS {version}, min-ios is {spec.min_ios}",
                f"leave --min-ios out, or leave --{option.split()[0]} out",
            )


def _listed(versions: Iterable[int]) -> str:
    return ", ".join(map(str, versions))
