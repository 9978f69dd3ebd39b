"""Layers that sample maps at other points: larger or smaller, or parts of them."""

from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.specification import enum_name

# MIL's names of NeuralNetwork.proto's `SamplingMode`, in its order
SAMPLING = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS")


def _upsample(layer: LayerTranslation) -> None:
    p, shape = layer.params, layer.shape()
    factors = list(p.fractionalScalingFactor) or list(p.scalingFactor) or [1, 1]
    sides = dict(zip(("scale_factor_height", "scale_factor_width"), factors, strict=True))
    if p.mode == 0:
        layer.last_of_maps("upsample_nearest_neighbor", x=layer.maps(), **sides)
        return
    if p.linearUpsampleMode:
        aligned = p.linearUpsampleMode == 1
        layer.last_of_maps("upsample_bilinear", x=layer.maps(), align_corners=aligned, **sides)
        return
    if shape is None:
        layer.refuse()
        return
    height, width = shape[-2:]
    layer.last_of_maps(  # DEFAULT of before iOS 14: NeuralNetwork.proto, LinearUpsampleMode
        "resize_bilinear", x=layer.maps(), target_size_height=int(height * factors[0]),
        target_size_width=int(width * factors[1]), sampling_mode="DEFAULT",
    )  # fmt: skip


def _resize(layer: LayerTranslation) -> None:
    height, width = [int(size) for size in layer.params.targetSize] or (1, 1)
    layer.last_of_maps(
        "resize_bilinear", x=layer.maps(), target_size_height=height,
        target_size_width=width, sampling_mode=SAMPLING[layer.params.mode.samplingMethod],
    )  # fmt: skip


def _crop_resize(layer: LayerTranslation) -> None:
    """Boxes (N, 1, 4 or 5, 1, 1) of maps (1, batch, C, H, W), as (N, batch or 1, C, ...)."""
    p, rank = layer.params, layer.rank()
    height, width = [int(size) for size in p.targetSize] or (1, 1)
    maps, boxes = layer.inputs[0], layer.network.unfolded(layer.inputs[1])
    if rank == 5:
        maps = layer.step("squeeze", x=maps, axes=[0])
    layer.folded = False
    layer.last(
        "crop_resize", x=maps, roi=boxes, target_height=height, target_width=width,
        normalized_coordinates=bool(p.normalizedCoordinates),
        spatial_scale=float(p.spatialScale) or 1.0,
        box_coordinate_mode=enum_name(p.boxIndicesMode, "boxMode"),
        sampling_mode=SAMPLING[p.mode.samplingMethod],
    )  # fmt: skip


RULES: dict[str, LayerRule] = {
    "cropResize": _crop_resize,
    "resizeBilinear": _resize,
    "upsample": _upsample,
}
