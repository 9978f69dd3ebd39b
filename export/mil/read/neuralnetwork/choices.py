"""Layers that choose: the largest, those at given places, boxes that overlap no better one.

The operations count in integers, values of this format are floats: what counts is cast.
"""

from collections.abc import Collection
from functools import partial

from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.plain_values import PlainValue


def last_with_integers(
    layer: LayerTranslation, kind: str, integers: Collection[int], **inputs: PlainValue
) -> None:
    """As `last`; the outputs at `integers`, which the operation counts in, are cast."""
    network = layer.network
    results = [network.define(f"{layer.name}_{kind}") for _ in layer.outputs]
    dtypes = ["int32" if at in integers else "float32" for at in range(len(results))]
    network.add(kind, results[0], results, inputs, dtypes)
    for at, (name, result) in enumerate(zip(layer.outputs, results, strict=True)):
        output = network.define(name)
        if at in integers:
            network.add("cast", output, [output], {"x": result, "dtype": "fp32"})
        else:
            network.add("identity", output, [output], {"x": result})
    if layer.folded:
        network.folded |= {network.current[name] for name in layer.outputs}


def _extreme(kind: str, layer: LayerTranslation) -> None:
    p = layer.params
    last_with_integers(
        layer, kind, (0,), x=layer.inputs[0], axis=int(p.axis), keep_dims=not p.removeDim
    )


def _top(layer: LayerTranslation) -> None:
    p = layer.params
    if len(layer.inputs) > 1:  # the number is computed
        layer.refuse()
        return
    last_with_integers(
        layer, "topk", (1,), x=layer.inputs[0], k=int(p.K), axis=int(p.axis),
        ascending=bool(p.useBottomK),
    )  # fmt: skip


def _gather(layer: LayerTranslation) -> None:
    layer.last("gather", x=layer.inputs[0], indices=layer.counted(1), axis=int(layer.params.axis))


def _suppression(layer: LayerTranslation) -> None:
    p = layer.params
    if len(layer.inputs) > 2:  # thresholds are computed
        layer.refuse()
        return
    boxes, scores = layer.inputs
    last_with_integers(
        layer, "non_maximum_suppression", (2, 3), boxes=boxes, scores=scores,
        iou_threshold=float(p.iouThreshold), score_threshold=float(p.scoreThreshold),
        max_boxes=int(p.maxBoxes), per_class_suppression=bool(p.perClassSuppression),
    )  # fmt: skip


RULES: dict[str, LayerRule] = {
    "NonMaximumSuppression": _suppression,
    "argMax": partial(_extreme, "reduce_argmax"),
    "argMin": partial(_extreme, "reduce_argmin"),
    "gather": _gather,
    "topK": _top,
}
