"""Layers that give elements another shape or order, join them and take them apart."""

import math
from functools import partial

import numpy as np

from export.mil.program import Constant
from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.plain_values import fixed

# MIL's operation and its parameter for the block's size, in the order of `ReorganizationType`
REORGANIZATIONS = (
    ("space_to_depth", "block_size"), ("depth_to_space", "block_size"),
    ("pixel_shuffle", "upscale_factor"),
)  # fmt: skip


def _concat(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last("concat", values=tuple(layer.inputs), axis=int(p.axis), interleave=p.interleave)


def _split(layer: LayerTranslation) -> None:
    layer.last("split", x=layer.inputs[0], axis=-3, num_splits=int(layer.params.nOutputs))


def _split_nd(layer: LayerTranslation) -> None:
    """Into parts of given sizes, or as equal as can be: the first ones are longer by one."""
    p, shape, axis = layer.params, layer.shape(), int(layer.params.axis)
    sizes = [int(size) for size in p.splitSizes]
    if not sizes and shape is not None:
        count = int(p.numSplits)
        sizes = [shape[axis] // count + (at < shape[axis] % count) for at in range(count)]
    parts = {"split_sizes": sizes} if sizes else {"num_splits": int(p.numSplits)}
    layer.last("split", x=layer.inputs[0], axis=axis, **parts)


def _with(kind: str, field: str, parameter: str, layer: LayerTranslation) -> None:
    """An operation of one input whose list of numbers has another name."""
    value = getattr(layer.params, field)
    numbers = int(value) if isinstance(value, int) else [int(number) for number in value]
    layer.last(kind, x=layer.inputs[0], **{parameter: numbers})


def _squeeze(layer: LayerTranslation) -> None:
    p = layer.params
    axes = {} if p.squeezeAll else {"axes": [int(axis) for axis in p.axes]}
    layer.last("squeeze", x=layer.inputs[0], **axes)


def _flatten_2d(layer: LayerTranslation) -> None:
    axis, shape = int(layer.params.axis), layer.shape()
    if shape is None:
        layer.last("flatten2d", x=layer.inputs[0], axis=axis)
        return
    sizes = [math.prod(shape[:axis]), math.prod(shape[axis:])]
    layer.last("reshape", x=layer.inputs[0], shape=sizes)


def _transpose(layer: LayerTranslation) -> None:
    """Axes without the batch, which is 1, are those of an image that was an array of rank 3."""
    axes, shape = [int(axis) for axis in layer.params.axes], layer.shape()
    if shape and len(axes) == len(shape) - 1 and shape[0] == 1:
        axes = [0, *(axis + 1 for axis in axes)]
    layer.last("transpose", x=layer.inputs[0], perm=axes)


def _stack(layer: LayerTranslation) -> None:
    layer.last("stack", values=tuple(layer.inputs), axis=int(layer.params.axis))


def _reshape_like(layer: LayerTranslation) -> None:
    x, other = layer.inputs
    shape = layer.shape(1)
    sizes = [*shape] if shape else layer.step("shape", "int32", x=other)
    layer.last("reshape", x=x, shape=sizes)


def _reshape_dynamic(layer: LayerTranslation) -> None:
    layer.last("reshape", x=layer.inputs[0], shape=layer.known(1) or layer.counted(1))


def _tile(layer: LayerTranslation) -> None:
    """Fewer numbers than axes are those of the last axes, as numpy has it."""
    reps = [int(count) for count in layer.params.reps]
    if len(layer.inputs) == 1:
        missing = (layer.rank() or len(reps)) - len(reps)
        layer.last("tile", x=layer.inputs[0], reps=[1] * missing + reps)
        return
    counts, shape = layer.counted(1), layer.shape(1)
    missing = (layer.rank() or 0) - shape[0] if shape else 0
    if missing:
        ones: Constant = fixed(f"{layer.name}.ones", [1] * missing, np.int32)
        counts = layer.step("concat", "int32", values=(ones, counts), axis=0, interleave=False)
    layer.last("tile", x=layer.inputs[0], reps=counts)


def _reverse(layer: LayerTranslation) -> None:
    axes = [axis for axis, turned in enumerate(layer.params.reverseDim) if turned]
    if not axes:
        layer.last("identity", x=layer.inputs[0])
        return
    layer.last("reverse", x=layer.inputs[0], axes=axes)


def _reverse_sequence(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last(
        "reverse_sequence", x=layer.inputs[0], lengths=layer.counted(1),
        seq_axis=int(p.sequenceAxis), batch_axis=int(p.batchAxis),
    )  # fmt: skip


def _sliding_windows(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last(
        "sliding_windows", x=layer.inputs[0], axis=int(p.axis), size=int(p.windowSize),
        stride=int(p.step),
    )  # fmt: skip


def _reorganize(layer: LayerTranslation) -> None:
    kind, parameter = REORGANIZATIONS[layer.params.mode]
    layer.last_of_maps(kind, x=layer.maps(), **{parameter: int(layer.params.blockSize)})


RULES: dict[str, LayerRule] = {
    "concatND": _concat,
    "expandDims": partial(_with, "expand_dims", "axes", "axes"),
    "flattenTo2D": _flatten_2d,
    "rankPreservingReshape": partial(_with, "reshape", "targetShape", "shape"),
    "reorganizeData": _reorganize,
    "reshapeDynamic": _reshape_dynamic,
    "reshapeLike": _reshape_like,
    "reshapeStatic": partial(_with, "reshape", "targetShape", "shape"),
    "reverse": _reverse,
    "reverseSeq": _reverse_sequence,
    "slidingWindows": _sliding_windows,
    "split": _split,
    "splitND": _split_nd,
    "squeeze": _squeeze,
    "stack": _stack,
    "tile": _tile,
    "transpose": _transpose,
}
