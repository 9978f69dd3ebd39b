"""timm's MobileNet v1 and v2 (`mobilenetv1_100`, `mobilenetv2_140`), safetensors or `.pth`.

timm/models/efficientnet.py, _gen_mobilenet_v1 and _gen_mobilenet_v2: symmetric padding, epsilon
1e-5, ReLU6, channels rounded to multiples of 8; `_100h` has a `conv_head` behind v1's blocks. How
to prepare an image is in the repository's config.json; without it, what timm's own table says of
the published checkpoints.
"""

import math
import re
from collections.abc import Iterator

import msgspec

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.labels import labels_for, unique
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.preprocess import (
    IMAGENET,
    INCEPTION,
    Geometry,
    Interpolation,
    Normalization,
    Triple,
)
from mobilenet.sources.assemble import assemble, licence_of
from mobilenet.sources.conventions import Conventions
from mobilenet.sources.foreign_tensors import EXPORT_MODULE
from mobilenet.sources.stored import Tensors

ARCHITECTURES = re.compile(r"mobilenetv[12]_\d{3}h?")
CONFIG = "config.json"


class Preprocessing(msgspec.Struct):
    """`pretrained_cfg` of a config.json, or of `default_cfgs` in efficientnet.py."""

    input_size: tuple[int, int, int] | None = None
    interpolation: Interpolation = "bicubic"
    crop_pct: float | None = None
    mean: Triple | None = None
    std: Triple | None = None


class TimmConfig(msgspec.Struct):
    """What we need of the config.json of a timm repository."""

    architecture: str
    label_names: tuple[str, ...] | dict[str, str] = ()
    pretrained_cfg: Preprocessing = msgspec.field(default_factory=Preprocessing)


def read(
    tensors: Tensors, conventions: Conventions, config: TimmConfig | None = None
) -> Checkpoint:
    """The network in timm's tensors. Raises `CheckpointError` naming the tensor."""
    if config and not ARCHITECTURES.fullmatch(config.architecture):
        raise CheckpointError(
            f"{CONFIG} says {one_line(config.architecture, 60)}: read are mobilenetv1_100, _125, "
            "_100h and mobilenetv2_035 to _140 (110d and 120d repeat more blocks)",
            EXPORT_MODULE,
        )
    use = config.pretrained_cfg if config else Preprocessing()
    is_v2 = any(".conv_pwl." in name for name in tensors.names)
    convolutions = list(_convolutions(tensors))
    logits = None
    if "classifier.weight" in tensors.names:
        logits = Layer(tensors.take("classifier.weight", (0, 1)), tensors.take("classifier.bias"))
    tensors.refuse_rest()
    kind: type[BaseConfig] = MobileNetV2Config if is_v2 else MobileNetConfig
    usual = kind(width_rule="timm", padding="symmetric", bn_epsilon=1e-5)
    if use.input_size:
        usual = usual.at(use.input_size[1:])
    usual = conventions.at_resolution(
        usual, CONFIG if use.input_size else "timm", said=use.input_size is not None
    )
    network, layers = assemble(convolutions, logits, conventions.network(usual, "timm"))
    return Checkpoint(
        network,
        layers,
        Provenance("timm", True, licence_of(network.classes)),
        _normalization(use, IMAGENET if is_v2 else INCEPTION, conventions),
        Geometry(use.crop_pct or _crop(network), use.interpolation),
        _labels(config, network.classes) if logits else (),
        conventions.reading("names"),
    )


def _labels(config: TimmConfig | None, classes: int) -> tuple[str, ...]:
    """Those of a fine-tuned network, which stand beside it; else ImageNet's."""
    names = config.label_names if config else ()
    is_complete = isinstance(names, tuple) and len(names) == classes
    return unique(names) if is_complete else labels_for(classes)


def _crop(network: BaseConfig) -> float:
    return (
        0.9
        if isinstance(network, MobileNetConfig) and math.isclose(network.alpha, 1.25)
        else 0.875
    )


def _normalization(
    use: Preprocessing, usual: Normalization, conventions: Conventions
) -> Normalization:
    if use.mean and use.std:
        said = Normalization.from_mean_std(use.mean, use.std)
        return conventions.normalization(said, CONFIG, said=True)
    return conventions.normalization(usual, "timm")


def _convolutions(tensors: Tensors) -> Iterator[Layer]:
    yield tensors.convolution("conv_stem.weight", "bn1.")
    for stage, block in tensors.numbered(r"blocks\.(\d{1,3})\.(\d{1,3})\."):
        prefix = f"blocks.{stage}.{block}"
        is_inverted = f"{prefix}.conv_pwl.weight" in tensors.names
        kernels = ("conv_pw", "conv_dw", "conv_pwl") if is_inverted else ("conv_dw", "conv_pw")
        for number, kernel in enumerate(kernels, start=1):
            yield tensors.convolution(f"{prefix}.{kernel}.weight", f"{prefix}.bn{number}.")
    if "conv_head.weight" in tensors.names:
        yield tensors.convolution("conv_head.weight", "bn2.")
