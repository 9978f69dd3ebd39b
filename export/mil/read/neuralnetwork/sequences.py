"""Layers of the oldest models that know the first axis, the sequence.

Their values have rank 5, (sequence, batch, C, H, W); NeuralNetwork.proto counts the axes without
the batch: 0 is the sequence, 1 to 3 are C, H and W.
"""

import math

from export.mil.program import Shape
from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation

AXES = (0, 2, 3, 4)  # of rank 5, by what the file calls them


def _permute(layer: LayerTranslation) -> None:
    axes = [int(axis) for axis in layer.params.axis] or [0, 1, 2, 3]
    if axes[0] == 0 and layer.rank() in (None, 4):
        layer.last("transpose", x=layer.inputs[0], perm=axes)
        return
    first, *others = (AXES[axis] for axis in axes)
    layer.last("transpose", x=layer.unfold(), perm=[first, 1, *others])


def _reshape(layer: LayerTranslation) -> None:
    p = layer.params
    *sequence, channels, height, width = (int(size) for size in p.targetShape)
    lead = _leading(layer, sequence, channels * height * width)
    x = layer.inputs[0]
    if p.mode == 0:
        layer.last("reshape", x=x, shape=[*lead, channels, height, width])
        return
    batch = [*range(len(lead))]
    rank = len(batch) + 3
    x = layer.step("transpose", x=x, perm=[*batch, rank - 2, rank - 1, rank - 3])
    x = layer.step("reshape", x=x, shape=[*lead, height, width, channels])
    layer.last("transpose", x=x, perm=[*batch, rank - 1, rank - 3, rank - 2])


def _leading(layer: LayerTranslation, sequence: list[int], size: int) -> Shape:
    """Of what a reshape to `size` elements gives: the axes before C, H and W.

    Without a `sequence` that of the input stays, unless `size` is that of all its steps together.
    """
    shape = layer.shape()
    if not sequence and shape is not None and len(shape) == 5:
        joined = size != math.prod(shape[2:]) and size == math.prod(shape)
        return (1, 1) if joined else shape[:2]
    if sequence in ([], [1]) and layer.rank() != 5:
        return shape[:-3] if shape else (1,)
    layer.unfold()
    return (*sequence, (layer.shape() or (1, 1))[1])


def _flatten(layer: LayerTranslation) -> None:
    x, shape = layer.inputs[0], layer.shape() or (1, 1, 1, 1)
    rank = len(shape)
    if layer.params.mode == 1:
        perm = [*range(rank - 3), rank - 2, rank - 1, rank - 3]
        x = layer.step("transpose", x=x, perm=perm)
    layer.last("reshape", x=x, shape=[*shape[:-3], -1, 1, 1])


def _repeat(layer: LayerTranslation) -> None:
    x, count = layer.unfold(), max(int(layer.params.nRepetitions), 1)
    layer.last("tile", x=x, reps=[count, 1, 1, 1, 1])


def _concat(layer: LayerTranslation) -> None:
    if layer.params.sequenceConcat:
        layer.unfold()
    axis = -5 if layer.params.sequenceConcat else -3
    layer.last("concat", values=tuple(layer.inputs), axis=axis, interleave=False)


RULES: dict[str, LayerRule] = {
    "concat": _concat,
    "flatten": _flatten,
    "permute": _permute,
    "reshape": _reshape,
    "sequenceRepeat": _repeat,
}
