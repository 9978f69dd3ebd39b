"""transformers' MobileNetV1ForImageClassification, safetensors or a folder with its JSON.

transformers/models/mobilenet_v1/modeling_mobilenet_v1.py: convolution 0 is the stem, then
depthwise and pointwise in turn. The defaults here are those of MobileNetV1Config.
"""

from typing import Annotated, Literal

import msgspec

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.labels import labels_for, unique
from mobilenet.networks.rows import Activation
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import Geometry, Interpolation, Normalization, Triple
from mobilenet.sources.assemble import assemble, licence_of
from mobilenet.sources.stored import Tensors

PREFIX = "mobilenet_v1."
_RESAMPLING: dict[int, Interpolation] = {
    0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic",
}  # PIL.Image.Resampling  # fmt: skip


Pixels = Annotated[int, msgspec.Meta(ge=0, le=1 << 16)]


class TransformersConfig(msgspec.Struct):
    """What we need of config.json."""

    model_type: Literal["mobilenet_v1"]
    image_size: int = 224
    hidden_act: Activation = "relu6"
    tf_padding: bool = True
    layer_norm_eps: float = 0.001
    id2label: dict[int, str] = {}


class Side(msgspec.Struct, frozen=True):
    """Pixels; 0 where it is not given."""

    shortest_edge: Pixels = 0
    height: Pixels = 0


class Processor(msgspec.Struct):
    """What we need of preprocessor_config.json."""

    image_mean: Triple = (0.5, 0.5, 0.5)
    image_std: Triple = (0.5, 0.5, 0.5)
    size: Side = Side(shortest_edge=256)
    crop_size: Side = Side(height=224)
    resample: int = 2

    def geometry(self) -> Geometry:
        """The centre crop as a fraction of the shorter side."""
        crop = self.crop_size.height / max(self.size.shortest_edge or self.size.height, 1)
        fraction = crop if 0 < crop <= 1 else 0.875
        return Geometry(fraction, _RESAMPLING.get(self.resample, "bilinear"))


def read(
    tensors: Tensors, config: TransformersConfig | None = None, processor: Processor | None = None
) -> Checkpoint:
    """The network in transformers' tensors. Raises `CheckpointError` naming the tensor."""
    config, processor = config or TransformersConfig("mobilenet_v1"), processor or Processor()
    prefixes = [f"{PREFIX}conv_stem"]
    prefixes += [
        f"{PREFIX}layer.{n}" for (n,) in tensors.numbered(r"mobilenet_v1\.layer\.(\d{1,3})\.")
    ]
    convolutions = [
        tensors.convolution(f"{prefix}.convolution.weight", f"{prefix}.normalization.")
        for prefix in prefixes
    ]
    logits = Layer(tensors.take("classifier.weight", (0, 1)), tensors.take("classifier.bias"))
    tensors.refuse_rest()
    template = MobileNetConfig(
        width_rule="slim",
        resolution=config.image_size,
        activation=config.hidden_act,
        padding="same" if config.tf_padding else "symmetric",
        bn_epsilon=config.layer_norm_eps,
    )
    network, layers = assemble(convolutions, logits, template)
    return Checkpoint(
        network,
        layers,
        Provenance("transformers", True, licence_of(network.classes)),
        Normalization.from_mean_std(processor.image_mean, processor.image_std),
        processor.geometry(),
        _labels(config.id2label, network.classes),
    )


def _labels(by_index: dict[int, str], classes: int) -> tuple[str, ...]:
    """The file's labels, but ours where they are ImageNet's: unique, and without synonyms."""
    ours = labels_for(classes)
    if set(by_index) != set(range(classes)):
        return ours
    theirs = tuple(by_index[index] for index in range(classes))
    synonyms = bool(ours) and theirs[-1].partition(",")[0] == ours[-1]
    placeholders = theirs[-1] == f"LABEL_{classes - 1}"
    return ours if synonyms or placeholders else unique(theirs)
