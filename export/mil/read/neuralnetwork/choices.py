"""Layers that choose: the largest, those at given places, boxes that overlap no better one."""

import math
from functools import partial

from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.specification import enum_name


def _extreme(kind: str, layer: LayerTranslation) -> None:
    p = layer.params
    keep = not p.removeDim
    layer.last_counts(kind, (0,), x=layer.inputs[0], axis=int(p.axis), keep_dims=keep)


def _top(layer: LayerTranslation) -> None:
    p = layer.params
    count = layer.counted(1) if len(layer.inputs) > 1 else int(p.K)
    layer.last_counts(
        "topk", (1,), x=layer.inputs[0], k=count, axis=int(p.axis), ascending=bool(p.useBottomK)
    )


def _sorted(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last_counts(
        "argsort", (0,), x=layer.inputs[0], axis=int(p.axis), ascending=not p.descending
    )


def _gather(layer: LayerTranslation) -> None:
    layer.last("gather", x=layer.inputs[0], indices=layer.counted(1), axis=int(layer.params.axis))


def _gather_nd(layer: LayerTranslation) -> None:
    layer.last("gather_nd", x=layer.inputs[0], indices=layer.counted(1))


def _gather_along(layer: LayerTranslation) -> None:
    axis = int(layer.params.axis)
    layer.last("gather_along_axis", x=layer.inputs[0], indices=layer.counted(1), axis=axis)


def _mode(layer: LayerTranslation) -> str:
    """How a scatter puts values: "update", "add", "sub", ..."""
    return enum_name(layer.params, "mode").removeprefix("SCATTER_").lower()


def _scatter(layer: LayerTranslation) -> None:
    """Indices may have any rank, which take the place of one axis of the updates; MIL's have 1."""
    data, _, updates = layer.inputs
    axis, indices, places = int(layer.params.axis), layer.counted(1), layer.shape(1)
    shape, sizes = layer.shape(2), layer.shape(0)
    if layer.rank(1) != 1:
        if places is None or shape is None or sizes is None:
            layer.refuse()
            return
        axis %= len(sizes)
        count = math.prod(places)
        indices = layer.step("reshape", "int32", x=indices, shape=[count])
        flat = [*sizes[:axis], count, *sizes[axis + 1 :]]
        updates = layer.step("reshape", x=updates, shape=flat)
    layer.last(
        "scatter", data=data, indices=indices, updates=updates, axis=axis, mode=_mode(layer)
    )


def _scatter_nd(layer: LayerTranslation) -> None:
    data, _, updates = layer.inputs
    layer.last(
        "scatter_nd", data=data, indices=layer.counted(1), updates=updates, mode=_mode(layer)
    )


def _scatter_along(layer: LayerTranslation) -> None:
    data, _, updates = layer.inputs
    layer.last(
        "scatter_along_axis", data=data, indices=layer.counted(1), updates=updates,
        axis=int(layer.params.axis), mode=_mode(layer),
    )  # fmt: skip


def _non_zero(layer: LayerTranslation) -> None:
    layer.last_counts("non_zero", (0,), x=layer.inputs[0])


def _suppression(layer: LayerTranslation) -> None:
    p = layer.params
    if len(layer.inputs) > 2:  # thresholds are computed
        layer.refuse()
        return
    boxes, scores = layer.inputs
    layer.last_counts(
        "non_maximum_suppression", (2, 3), boxes=boxes, scores=scores,
        iou_threshold=float(p.iouThreshold), score_threshold=float(p.scoreThreshold),
        max_boxes=int(p.maxBoxes), per_class_suppression=bool(p.perClassSuppression),
    )  # fmt: skip


RULES: dict[str, LayerRule] = {
    "NonMaximumSuppression": _suppression,
    "argMax": partial(_extreme, "reduce_argmax"),
    "argMin": partial(_extreme, "reduce_argmin"),
    "argSort": _sorted,
    "gather": _gather,
    "gatherAlongAxis": _gather_along,
    "gatherND": _gather_nd,
    "scatter": _scatter,
    "scatterAlongAxis": _scatter_along,
    "scatterND": _scatter_nd,
    "topK": _top,
    "whereNonZero": _non_zero,
}
