"""Layers that take a part of a value, or put it into a larger one."""

from functools import partial

import numpy as np

from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.windows import borders
from export.mil.read.plain_values import fixed

PAD_MODES = {"reflection": "reflect", "replication": "replicate"}
# What a slice of iOS 13 may be given, one behind the other; else the layer has it
SLICE_FIELDS = ("beginIds", "endIds", "strides", "beginMasks", "endMasks", "squeezeMasks")
MAX_DIAGONAL = 1 << 24  # elements of a mask that leaves out more than half


def _crop(layer: LayerTranslation) -> None:
    """By amounts, or to the size of the second input from an offset on."""
    p, shape = layer.params, layer.shape()
    if shape is None:
        layer.refuse()
        return
    lead, (height, width) = list(shape[:-2]), shape[-2:]
    top, bottom, left, right = borders(p.cropAmounts) or (0, 0, 0, 0)
    ends = [height - bottom, width - right]
    if len(layer.inputs) > 1:
        other = layer.shape(1)
        if other is None:
            layer.refuse()
            return
        top, left = [int(size) for size in p.offset] or (0, 0)
        ends = [top + other[-2], left + other[-1]]
    layer.last(
        "slice_by_index", x=layer.inputs[0], begin=[0] * len(lead) + [top, left],
        end=[*lead, *ends],
    )  # fmt: skip


def _pad(layer: LayerTranslation) -> None:
    p = layer.params
    mode = PAD_MODES.get(p.WhichOneof("PaddingType"), "constant")
    pads, value = borders(p.paddingAmounts), float(p.constant.value)
    layer.last("pad", x=layer.inputs[0], pad=pads, mode=mode, constant_val=value)


def _constant_pad(layer: LayerTranslation) -> None:
    """Before and after each axis; or to sizes, which stand where it is to grow, else 0."""
    p, shape = layer.params, layer.shape()
    pads = [int(size) for size in p.padAmounts] if len(layer.inputs) == 1 else layer.known(1)
    if p.padToGivenOutputSizeMode:
        if shape is None or pads is None:
            layer.refuse()
            return
        sizes = [size for size in shape for _ in range(2)]
        pads = [wanted and wanted - size for wanted, size in zip(pads, sizes, strict=True)]
    layer.last(
        "pad", x=layer.inputs[0], pad=layer.counted(1) if pads is None else pads,
        mode="constant", constant_val=float(p.value),
    )  # fmt: skip


def _slice(layer: LayerTranslation) -> None:
    p, rank = layer.params, layer.rank() or 4
    axis, ends = rank - 3 + int(p.axis), [0] * rank
    begin, strides, mask = [0] * rank, [1] * rank, [True] * rank
    begin[axis], strides[axis] = int(p.startIndex), max(int(p.stride), 1)
    ends[axis], mask[axis] = int(p.endIndex), int(p.endIndex) == 0
    layer.last(
        "slice_by_index", x=layer.inputs[0], begin=begin, end=ends, stride=strides, end_mask=mask
    )


def _slice_nd(layer: LayerTranslation) -> None:
    """Bounds may be computed; steps and masks may not."""
    p = layer.params
    rank = layer.rank()  # builders may write five numbers of each
    own = {name: [int(number) for number in getattr(p, name, ())][:rank] for name in SLICE_FIELDS}
    given = {name: layer.known(at) for at, name in enumerate(SLICE_FIELDS, 1)
             if at < len(layer.inputs)}  # fmt: skip
    computed = {name for name, numbers in given.items() if numbers is None}
    if computed - {"beginIds", "endIds"}:
        layer.refuse()
        return
    numbers = own | {name: values for name, values in given.items() if values is not None}
    begin, end = (
        layer.counted(at) if name in computed else numbers[name]
        for at, name in enumerate(SLICE_FIELDS[:2], 1)
    )
    masks = {
        mil: [bool(number) for number in numbers[name]]
        for name, mil in zip(SLICE_FIELDS[3:], ("begin_mask", "end_mask", "squeeze_mask"),
                             strict=True)
        if numbers[name]
    }  # fmt: skip
    steps = {"stride": numbers["strides"]} if numbers["strides"] else {}
    layer.last("slice_by_index", x=layer.inputs[0], begin=begin, end=end, **steps, **masks)


def _slice_by_size(layer: LayerTranslation) -> None:
    """Along one axis, from a computed place on."""
    p = layer.params
    count = fixed(f"{layer.name}.places", np.arange(int(p.size)))
    places = layer.step("add", x=layer.inputs[1], y=count)
    indices = layer.step("cast", "int32", x=places, dtype="int32")
    layer.last("gather", x=layer.inputs[0], indices=indices, axis=int(p.axis))


def _band(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last("band_part", x=layer.inputs[0], lower=int(p.numLower), upper=int(p.numUpper))


def _triangle(lower: bool, layer: LayerTranslation) -> None:
    """What is not above the `k`th diagonal, or not below it; negative ones are below the first."""
    k, x, shape = int(layer.params.k), layer.inputs[0], layer.shape()
    if (k >= 0) == lower or k == 0:
        sides = {"lower": -1, "upper": k} if lower else {"lower": -k, "upper": -1}
        layer.last("band_part", x=x, **sides)
        return
    if shape is None or shape[-2] * shape[-1] > MAX_DIAGONAL:
        layer.refuse()
        return
    kept = (np.tril if lower else np.triu)(np.ones(shape[-2:], bool), k)
    mask = fixed(f"{layer.name}.mask", kept, np.bool_)
    layer.last("select", cond=mask, a=x, b=0.0)


RULES: dict[str, LayerRule] = {
    "constantPad": _constant_pad,
    "crop": _crop,
    "lowerTriangular": partial(_triangle, True),
    "matrixBandPart": _band,
    "padding": _pad,
    "slice": _slice,
    "sliceBySize": _slice_by_size,
    "sliceDynamic": _slice_nd,
    "sliceStatic": _slice_nd,
    "upperTriangular": partial(_triangle, False),
}
