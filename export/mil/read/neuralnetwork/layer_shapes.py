"""Layers that move data: padding, cutting, joining, new shapes."""

from functools import partial

from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.layer_weights import weight
from export.mil.read.neuralnetwork.windows import borders


def _crop(layer: LayerTranslation) -> None:
    shape = layer.shape()
    if len(layer.inputs) > 1 or shape is None:  # to the size of another value
        layer.refuse()
        return
    top, bottom, left, right = borders(layer.params.cropAmounts)
    lead, (height, width) = list(shape[:-2]), shape[-2:]
    layer.last(
        "slice_by_index", x=layer.inputs[0], begin=[0] * len(lead) + [top, left],
        end=[*lead, height - bottom, width - right],
    )  # fmt: skip


def _pad(layer: LayerTranslation) -> None:
    p = layer.params
    mode = {"reflection": "reflect", "replication": "replicate"}.get(
        p.WhichOneof("PaddingType"), "constant"
    )
    pads, value = borders(p.paddingAmounts), float(p.constant.value)
    layer.last("pad", x=layer.inputs[0], pad=pads, mode=mode, constant_val=value)


def _constant_pad(layer: LayerTranslation) -> None:
    p = layer.params
    if p.padToGivenOutputSizeMode or len(layer.inputs) > 1:
        layer.refuse()
        return
    pads = [int(size) for size in p.padAmounts]
    layer.last("pad", x=layer.inputs[0], pad=pads, mode="constant", constant_val=float(p.value))


def _load_constant(layer: LayerTranslation) -> None:
    shape = tuple(int(size) for size in layer.params.shape)
    layer.constant(weight(layer.params.data, layer.name, shape))


def _load_map(layer: LayerTranslation) -> None:
    lead = (1,) if layer.folded else (1, 1)
    shape = tuple(int(size) for size in layer.params.shape)
    layer.constant(weight(layer.params.data, layer.name, (*lead, *shape)))


def _concat_nd(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last("concat", values=tuple(layer.inputs), axis=int(p.axis), interleave=p.interleave)


def _split(layer: LayerTranslation) -> None:
    layer.last("split", x=layer.inputs[0], axis=-3, num_splits=int(layer.params.nOutputs))


def _split_nd(layer: LayerTranslation) -> None:
    p = layer.params
    sizes = {"split_sizes": [int(s) for s in p.splitSizes]} if p.splitSizes else {
        "num_splits": int(p.numSplits)}  # fmt: skip
    layer.last("split", x=layer.inputs[0], axis=int(p.axis), **sizes)


def _slice(layer: LayerTranslation) -> None:
    p, rank = layer.params, len(layer.shape() or (1, 1, 1, 1))
    axis, ends = rank - 3 + int(p.axis), [0] * rank
    begin, strides, mask = [0] * rank, [1] * rank, [True] * rank
    begin[axis], strides[axis] = int(p.startIndex), max(int(p.stride), 1)
    ends[axis], mask[axis] = int(p.endIndex), int(p.endIndex) == 0
    layer.last(
        "slice_by_index", x=layer.inputs[0], begin=begin, end=ends, stride=strides, end_mask=mask
    )


def _slice_static(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last(
        "slice_by_index", x=layer.inputs[0], begin=[int(i) for i in p.beginIds],
        end=[int(i) for i in p.endIds], stride=[int(i) for i in p.strides],
        begin_mask=list(p.beginMasks), end_mask=list(p.endMasks),
        squeeze_mask=list(p.squeezeMasks) or [False] * len(p.beginIds),
    )  # fmt: skip


def _with(kind: str, field: str, parameter: str, layer: LayerTranslation) -> None:
    """An operation of one input whose list of numbers has another name."""
    value = getattr(layer.params, field)
    numbers = int(value) if isinstance(value, int) else [int(number) for number in value]
    layer.last(kind, x=layer.inputs[0], **{parameter: numbers})


def _squeeze(layer: LayerTranslation) -> None:
    p = layer.params
    axes = {} if p.squeezeAll else {"axes": [int(axis) for axis in p.axes]}
    layer.last("squeeze", x=layer.inputs[0], **axes)


def _stack(layer: LayerTranslation) -> None:
    layer.last("stack", values=tuple(layer.inputs), axis=int(layer.params.axis))


RULES: dict[str, LayerRule] = {
    "concatND": _concat_nd,
    "constantPad": _constant_pad,
    "crop": _crop,
    "expandDims": partial(_with, "expand_dims", "axes", "axes"),
    "flattenTo2D": partial(_with, "flatten2d", "axis", "axis"),
    "loadConstant": _load_map,
    "loadConstantND": _load_constant,
    "padding": _pad,
    "rankPreservingReshape": partial(_with, "reshape", "targetShape", "shape"),
    "reshapeStatic": partial(_with, "reshape", "targetShape", "shape"),
    "slice": _slice,
    "sliceStatic": _slice_static,
    "split": _split,
    "splitND": _split_nd,
    "squeeze": _squeeze,
    "stack": _stack,
    "tile": partial(_with, "tile", "reps", "reps"),
    "transpose": partial(_with, "transpose", "axes", "perm"),
}
