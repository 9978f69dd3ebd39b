"""The best of many: the k largest along an axis, and boxes without those that overlap better ones.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/tensor_operation.py`, and those of
iOS16 and iOS17. What is left open there: of equal values the first in the tensor comes first.
"""

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers, same_shape
from export.mil.program import Shape

LOWEST = np.finfo(np.float32).min


def _count(call: Call, axis: int) -> int:
    """How many are chosen; iOS 17 says all of them as -1."""
    count = call.integer("k", 1)
    return call.shape()[axis] if count == -1 else count


def _top_shapes(call: Call) -> list[Shape]:
    shape, axis = list(call.shape()), call.integer("axis", -1)
    shape[axis] = _count(call, axis)
    return [tuple(shape)] * len(call.op.outputs)


@lowers("topk", shape=_top_shapes)
def topk(call: Lowering) -> tuple[str, ...]:
    """x tensor<[*d], T> -> tensor<[*d_out], T>, tensor<[*d_out], I>: the `k` largest along
    `axis`, or the smallest, and where they stand; in order also where no order is asked for."""
    count = call.int64([_count(call, call.integer("axis", -1))])
    values, indices = _ordered(call, count)
    if len(call.op.outputs) == 1:
        return (values,)
    return values, call.cast(indices, call.op.outputs[1].dtype)


@lowers("argsort", shape=same_shape)
def argsort(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], i32>: where the elements stand, in order along `axis`,
    the largest first unless `ascending`."""
    axis = call.int64([call.integer("axis", -1)])
    _, indices = _ordered(call, call.emit("Gather", call.emit("Shape", call["x"]), axis))
    return call.cast(indices, "int32")


def _ordered(call: Lowering, count: str) -> tuple[str, ...]:
    """The first `count` elements along `axis` in order, and where they stand."""
    x, short = call["x"], call.tensor_type().dtype == "uint16"
    x = call.cast(x, "int32") if short else x  # ONNX Runtime does not compare uint16
    largest = int(not call.flag("ascending", False))
    values, indices = call.emit_many(
        "TopK", 2, x, count, axis=call.integer("axis", -1), largest=largest,
    )  # fmt: skip
    return call.cast(values, "uint16") if short else values, indices


def _boxes_last(call: Call) -> bool:
    """As iOS 17 has it, which also lacks a threshold of scores."""
    return not call.has("score_threshold")


def _suppressed_shapes(call: Call) -> list[Shape]:
    shape, most, last = call.shape("scores"), call.integer("max_boxes"), _boxes_last(call)
    batch, classes = shape[0], shape[1 if last else 2]
    if last:
        return [(batch, 4, most), (batch, classes, most), (batch, most)]
    return [(batch, most, 4), (batch, most, classes), (batch, most), (batch,)]


@lowers("non_maximum_suppression", shape=_suppressed_shapes)
def non_maximum_suppression(call: Lowering) -> tuple[str, ...]:
    """boxes tensor<[n, B, 4], T>, scores tensor<[n, B, K], T> -> tensor<[n, max_boxes, 4], T>,
    tensor<[n, max_boxes, K], T>, tensor<[n, max_boxes], i32>, tensor<[n], i32>: boxes in the
    order of their best scores, without those whose IoU with a better one (of the same best
    class, `per_class_suppression`) is above the threshold.

    Behind the last box come zeros, and -1 as the index. The best box of all is given whatever
    its score, as coremltools' own test of the operation has it.
    """
    last = _boxes_last(call)
    boxes, scores = call["boxes"], call["scores"]
    if last:
        boxes, scores = (call.emit("Transpose", x, perm=[0, 2, 1]) for x in (boxes, scores))
    best = call.emit("ReduceMax", scores, call.int64([2]), keepdims=0)
    chosen, indices, count = _ranked(call, _kept(call, boxes, scores, best))
    outputs = [_rows(call, values, indices, chosen) for values in (boxes, scores)]
    if last:
        outputs = [call.emit("Transpose", x, perm=[0, 2, 1]) for x in outputs]
    none = call.int64(-1)
    named = call.cast(_padded(call, call.emit("Where", chosen, indices, none), none), "int32")
    return (*outputs, named) if last else (*outputs, named, call.cast(count, "int32"))


def _kept(call: Lowering, boxes: str, scores: str, best: str) -> str:
    """(n, B): the best score of each box that stays, `LOWEST` of the others."""
    rivals = call.emit("Unsqueeze", best, call.int64([1]))  # (n, 1, B)
    if call.flag("per_class_suppression", False):
        rivals = _by_class(call, scores, rivals)
    threshold = np.float32(call.number("score_threshold", -np.inf))
    selected = call.emit(
        "NonMaxSuppression", boxes, rivals,
        call.int64([call.integer("max_boxes")]),
        call.constant([call.number("iou_threshold")]),
        call.constant([np.nextafter(threshold, -np.inf)]),  # ONNX keeps what is above
        center_point_box=1,
    )  # fmt: skip
    places = call.emit("Gather", selected, call.int64([0, 2]), axis=1)
    return _with_the_best(call, best, places)


def _by_class(call: Lowering, scores: str, best: str) -> str:
    """(n, K, B): the best score of each box in its best class, nothing in the others."""
    winners = call.emit("ArgMax", scores, axis=2, keepdims=0)
    winners = call.emit("Unsqueeze", winners, call.int64([1]))
    classes = call.int64(np.arange(_sizes(call)[2]).reshape(1, -1, 1))
    return call.emit("Where", call.emit("Equal", winners, classes), best, call.constant(-np.inf))


def _with_the_best(call: Lowering, best: str, places: str) -> str:
    """`best` at `places`, rows of (batch, box), and where it is highest; `LOWEST` elsewhere."""
    batch, boxes, _ = _sizes(call)
    first = call.emit("ArgMax", best, axis=1, keepdims=1)
    numbers = call.int64(np.arange(batch).reshape(-1, 1))
    places = call.emit("Concat", places, call.emit("Concat", numbers, first, axis=1), axis=0)
    nothing = call.constant(np.full((batch, boxes), LOWEST))
    return call.emit("ScatterND", nothing, places, call.emit("GatherND", best, places))


def _ranked(call: Lowering, kept: str) -> tuple[str, str, str]:
    """Whether there is a box at each place of the result, (n, places); its index; their number."""
    _, boxes, _ = _sizes(call)
    most = call.int64([min(call.integer("max_boxes"), boxes)])
    values, indices = call.emit_many("TopK", 2, kept, most, axis=1)
    chosen = call.emit("Greater", values, call.constant(LOWEST))
    count = call.emit("ReduceSum", call.cast(chosen, "int32"), call.int64([1]),
                      keepdims=0)  # fmt: skip
    return chosen, indices, count


def _rows(call: Lowering, values: str, indices: str, chosen: str) -> str:
    """The rows of (n, B, values) at `indices`, zero where nothing was chosen."""
    last = call.int64([2])
    rows = call.emit("GatherND", values, call.emit("Unsqueeze", indices, last), batch_dims=1)
    zero = call.constant(0.0)
    rows = call.emit("Where", call.emit("Unsqueeze", chosen, last), rows, zero)
    return _padded(call, rows, zero)


def _padded(call: Lowering, values: str, filler: str) -> str:
    """(n, places, ...) with as many places as are declared."""
    _, boxes, _ = _sizes(call)
    missing = call.integer("max_boxes") - boxes
    if missing <= 0:
        return values
    axis, pads = call.int64([1]), call.int64([0, missing])
    return call.emit("Pad", values, pads, filler, axis)


def _sizes(call: Call) -> tuple[int, int, int]:
    """Pictures, boxes of each, and classes."""
    batch, boxes, classes = call.shape("scores")
    return (batch, classes, boxes) if _boxes_last(call) else (batch, boxes, classes)
