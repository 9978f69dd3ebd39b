"""What a Core ML segmenter gives: its small map's scores enlarged, or the class of each pixel."""

from types import ModuleType
from typing import Any

from export.compression.stored_weights import HALF
from export.formats.coreml.ml_model import MLModel
from mobilenet.common.size import Size
from mobilenet.networks.deeplab import LARGE


def enlarged(mb: Any, scores: Any, picture: Size, name: str) -> Any:
    """Scores (1, C, h, w) to (1, C, H, W): bilinear, corners on corners.

    research/deeplab/model.py, `_get_logits` and `resize_bilinear(align_corners=True)`.
    """
    return mb.resize_bilinear(
        x=scores, target_size_height=picture.height, target_size_width=picture.width,
        sampling_mode="STRICT_ALIGN_CORNERS", name=name,
    )  # fmt: skip


def classes_of_pixels(mb: Any, scores: Any, output: str, *, typed: bool) -> Any:
    """Enlarged scores (1, C, H, W) to classes (1, H, W), or for a picture (1, 1, H, W).

    Integers; of a picture, and in the format without types, as float32.
    """
    is_picture = output == "mask"
    if typed and not is_picture:
        return mb.reduce_argmax(x=scores, axis=1, keep_dims=False, name=output)
    classes = mb.reduce_argmax(x=scores, axis=1, keep_dims=is_picture, name=f"{output}_classes")
    return mb.cast(x=classes, dtype="fp32", name=output)


def scores_name(output: str, *, half: bool) -> str:
    """What the enlarged scores are called; where they are the output, a cast takes its name."""
    if output != "logits":
        return LARGE
    return f"{output}{HALF}" if half else output


def declared(ct: ModuleType, model: MLModel, output: str, picture: Size) -> MLModel:
    """The converted model with its output declared as what it is: integers, or a grey picture.

    coremltools does so for programs of its own frontends alone.
    """
    message, types = model.get_spec(), ct.proto.FeatureTypes_pb2
    (feature,) = (item for item in message.description.output if item.name == output)
    if output == "mask":
        image = feature.type.imageType
        image.height, image.width = picture
        image.colorSpace = types.ImageFeatureType.GRAYSCALE
    else:
        array = feature.type.multiArrayType
        array.shape[:] = [1, *picture]
        array.dataType = types.ArrayFeatureType.INT32
    typed: MLModel = ct.models.MLModel(
        message, weights_dir=model.weights_dir, skip_model_load=True
    )
    return typed
