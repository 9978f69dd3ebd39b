"""timm's MobileNet v1 (`mobilenetv1_100`, `mobilenetv1_125`), safetensors or `.pth`.

timm/models/efficientnet.py, _gen_mobilenet_v1: symmetric padding, epsilon 1e-5, ReLU6, channels
rounded to multiples of 8. How to prepare an image is in the repository's config.json; without
it, what timm's own table says of the two published checkpoints.
"""

import math
from collections.abc import Iterator

import msgspec

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.labels import labels_for
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import Geometry, Interpolation, Normalization, Triple
from mobilenet.sources.assemble import assemble, licence_of
from mobilenet.sources.stored import Tensors

HALF: Triple = (0.5, 0.5, 0.5)


class Preprocessing(msgspec.Struct):
    """`pretrained_cfg` of a config.json, or of `default_cfgs` in efficientnet.py."""

    input_size: tuple[int, int, int] = (3, 224, 224)
    interpolation: Interpolation = "bicubic"
    crop_pct: float | None = None
    mean: Triple = HALF
    std: Triple = HALF


class TimmConfig(msgspec.Struct):
    """What we need of the config.json of a timm repository."""

    architecture: str
    pretrained_cfg: Preprocessing = msgspec.field(default_factory=Preprocessing)


def read(tensors: Tensors, config: TimmConfig | None = None) -> Checkpoint:
    """The network in timm's tensors. Raises `CheckpointError` naming the tensor."""
    use = config.pretrained_cfg if config else Preprocessing()
    convolutions = list(_convolutions(tensors))
    logits = Layer(tensors.take("classifier.weight", (0, 1)), tensors.take("classifier.bias"))
    tensors.refuse_rest()
    template = MobileNetConfig(width_rule="timm", padding="symmetric", bn_epsilon=1e-5)
    template = template.at(use.input_size[1:])
    network, layers = assemble(convolutions, logits, template)
    crop = use.crop_pct or (0.9 if math.isclose(network.alpha, 1.25) else 0.875)
    return Checkpoint(
        network,
        layers,
        Provenance("timm", True, licence_of(network.classes)),
        Normalization.from_mean_std(use.mean, use.std),
        Geometry(crop, use.interpolation),
        labels_for(network.classes),
    )


def _convolutions(tensors: Tensors) -> Iterator[Layer]:
    yield tensors.convolution("conv_stem.weight", "bn1.")
    for stage, block in tensors.numbered(r"blocks\.(\d{1,3})\.(\d{1,3})\."):
        prefix = f"blocks.{stage}.{block}"
        yield tensors.convolution(f"{prefix}.conv_dw.weight", f"{prefix}.bn1.")
        yield tensors.convolution(f"{prefix}.conv_pw.weight", f"{prefix}.bn2.")
