"""transformers' MobileNetV1 and V2, classifiers or segmenters: tensors, or a folder with its JSON.

transformers/models/mobilenet_v1/modeling_mobilenet_v1.py: convolution 0 is the stem, then
depthwise and pointwise in turn. mobilenet_v2/modeling_mobilenet_v2.py: the first block is part of
the stem; a segmenter's head is DeepLab's, and the last convolution of its backbone is there and
not used. The defaults here are those of MobileNetV1Config and MobileNetV2Config.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

import msgspec

from mobilenet.checkpoint import Checkpoint, Layer, Provenance, known_labels
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import preferred, unique
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.rows import Activation
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.preprocess import INCEPTION, Geometry, Interpolation, Normalization, Triple
from mobilenet.sources.assemble import assemble, licence_of
from mobilenet.sources.conventions import GRAPH, Conventions
from mobilenet.sources.foreign_tensors import EXPORT_MODULE
from mobilenet.sources.stored import OIHW, Tensors

CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
V1, V2 = "mobilenet_v1", "mobilenet_v2"
STEM = {V1: "conv_stem", V2: "conv_stem.first_conv"}
USUAL_STRIDE = 32  # of the whole network; less is done by dilation
SEGMENTER_STRIDE = 8  # of google/deeplabv3_mobilenet_v2_1.0_513
HEAD = "segmentation_head"
_RESAMPLING: dict[int, Interpolation] = {
    0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic",
}  # PIL.Image.Resampling  # fmt: skip


Pixels = Annotated[int, msgspec.Meta(ge=0, le=1 << 16)]


class TransformersConfig(msgspec.Struct):
    """What we need of config.json."""

    model_type: Literal["mobilenet_v1", "mobilenet_v2"]
    image_size: int = 224
    hidden_act: Activation = "relu6"
    tf_padding: bool = True
    layer_norm_eps: float = 0.001
    output_stride: int = USUAL_STRIDE
    id2label: dict[int, str] = {}


class Side(msgspec.Struct, frozen=True):
    """Pixels; 0 where it is not given."""

    shortest_edge: Pixels = 0
    height: Pixels = 0


class Processor(msgspec.Struct):
    """What we need of preprocessor_config.json."""

    image_mean: Triple = (0.5, 0.5, 0.5)
    image_std: Triple = (0.5, 0.5, 0.5)
    do_rescale: bool = True
    rescale_factor: float = 1 / 255
    do_normalize: bool = True
    do_flip_channel_order: bool = False
    size: Side = Side(shortest_edge=256)
    crop_size: Side = Side(height=224)
    resample: int = 2

    def geometry(self) -> Geometry:
        """The centre crop as a fraction of the shorter side."""
        crop = self.crop_size.height / max(self.size.shortest_edge or self.size.height, 1)
        fraction = crop if 0 < crop <= 1 else 0.875
        return Geometry(fraction, _RESAMPLING.get(self.resample, "bilinear"))

    def normalization(self) -> Normalization:
        """(pixel x factor - mean) / std, each step unless it is left out."""
        factor = 255 * self.rescale_factor if self.do_rescale else 255.0
        mean, std = ((0.0,) * 3, (1.0,) * 3)
        if self.do_normalize:
            mean, std = self.image_mean, self.image_std
        use = Normalization.from_mean_std(
            mean, std, "BGR" if self.do_flip_channel_order else "RGB"
        )
        first, second, third = (scale * factor for scale in use.scale)
        return Normalization((first, second, third), use.bias, use.order)


def model_of(tensors: Tensors) -> tuple[str, str] | None:
    """Which of the two models names are of, and what stands before them; None for others.

    A bare model has none of it, one with a classifier "mobilenet_v1.".
    """
    for model, stem in STEM.items():
        for prefix in (f"{model}.", ""):
            if f"{prefix}{stem}.convolution.weight" in tensors.names:
                return model, prefix
    return None


def read(
    tensors: Tensors,
    conventions: Conventions,
    config: TransformersConfig | None = None,
    processor: Processor | None = None,
) -> Checkpoint:
    """The network in transformers' tensors. Raises `CheckpointError` naming the tensor."""
    found = model_of(tensors)
    assert found is not None, "its names were recognised"
    model, prefix = found
    is_segmenter = f"{HEAD}.classifier.convolution.weight" in tensors.names
    stride = config.output_stride if config else USUAL_STRIDE
    if config and (config.model_type != model or not (is_segmenter or stride == USUAL_STRIDE)):
        raise CheckpointError(
            f"{CONFIG} says {config.model_type} with output stride {stride}, the tensors are "
            f"those of {model} with {USUAL_STRIDE}",
            EXPORT_MODULE,
        )
    prefixes = (_of_v1 if model == V1 else _of_v2)(tensors, prefix)
    convolutions = [_convolution(tensors, each) for each in prefixes]
    logits = None
    if is_segmenter:
        places = ("conv_pool", "conv_aspp", "conv_projection")
        convolutions[-1:] = [_convolution(tensors, f"{HEAD}.{place}") for place in places]
        convolutions.append(_biased(tensors, f"{HEAD}.classifier.convolution"))
    elif "classifier.weight" in tensors.names:
        logits = Layer(tensors.take("classifier.weight", (0, 1)), tensors.take("classifier.bias"))
    tensors.refuse_rest()
    usual = _template(model, config or TransformersConfig("mobilenet_v1"))
    by = CONFIG if config else "transformers"
    if is_segmenter:
        usual = replace(
            usual, head="deeplab", output_stride=stride if config else SEGMENTER_STRIDE
        )
        if not config:
            conventions.assume(f"output stride {SEGMENTER_STRIDE}", by)
    usual = conventions.network(usual, by, GRAPH if config else ())
    usual = conventions.at_resolution(usual, by, said=config is not None)
    network, layers = assemble(convolutions, logits, usual)
    return Checkpoint(
        network,
        layers,
        Provenance("transformers", True, licence_of(network.classes)),
        _normalization(processor, conventions),
        (processor or Processor()).geometry(),
        _labels(config.id2label if config else {}, network),
        conventions.reading("names"),
    )


def _convolution(tensors: Tensors, place: str) -> Layer:
    return tensors.convolution(f"{place}.convolution.weight", f"{place}.normalization.")


def _biased(tensors: Tensors, place: str) -> Layer:
    return Layer(tensors.take(f"{place}.weight", OIHW), tensors.take(f"{place}.bias"))


def _of_v1(tensors: Tensors, prefix: str) -> Iterator[str]:
    yield f"{prefix}conv_stem"
    for (number,) in tensors.numbered(rf"{prefix}layer\.(\d{{1,3}})\."):
        yield f"{prefix}layer.{number}"


def _of_v2(tensors: Tensors, prefix: str) -> Iterator[str]:
    yield from (f"{prefix}conv_stem.{name}" for name in ("first_conv", "conv_3x3", "reduce_1x1"))
    for (number,) in tensors.numbered(rf"{prefix}layer\.(\d{{1,3}})\."):
        block = f"{prefix}layer.{number}"
        yield from (f"{block}.{name}" for name in ("expand_1x1", "conv_3x3", "reduce_1x1"))
    yield f"{prefix}conv_1x1"


def _template(model: str, config: TransformersConfig) -> BaseConfig:
    kind: type[BaseConfig] = MobileNetConfig if model == V1 else MobileNetV2Config
    return kind(
        width_rule="slim" if model == V1 else "transformers",
        resolution=config.image_size,
        activation=config.hidden_act,
        padding="same" if config.tf_padding else "symmetric",
        bn_epsilon=config.layer_norm_eps,
    )


def _normalization(processor: Processor | None, conventions: Conventions) -> Normalization:
    if processor is None:
        return conventions.normalization(INCEPTION, "transformers")
    return conventions.normalization(processor.normalization(), PROCESSOR, said=True)


def _labels(by_index: dict[int, str], network: BaseConfig) -> tuple[str, ...]:
    """The file's labels, but ours where they are a data set's: unique, and without synonyms."""
    usual = known_labels(network).labels
    if network.head == "features" or set(by_index) != set(range(network.classes)):
        return usual
    return preferred(unique(by_index[index] for index in range(network.classes))) or usual
