"""Operators that move, join, cut or reduce along axes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mobilenet.sources.tensorflow.elementwise_operators import Values, unchanged
from mobilenet.sources.tensorflow.operations import TfOperation
from mobilenet.sources.tensorflow.operator_translation import (
    CHANNELS_FIRST_AXIS,
    FREE,
    Shape,
    TfValue,
    Translation,
    axes_of,
    checked_axes,
    graph_axis,
    whole_numbers,
)  # fmt: skip

REDUCTIONS = {"Mean": "ReduceMean", "Max": "ReduceMax", "Min": "ReduceMin"}
_END = {1: np.iinfo(np.int64).max, -1: np.iinfo(np.int64).min}


def reduce(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Over axes that the file names."""
    value, keeps = inputs[0], op.attribute("keep_dims", bool, False)
    axes = axes_of(op, inputs[1], len(value.shape))
    kept = [axis for axis in range(len(value.shape)) if axis not in axes]
    value = _in_file_order(t, op, value, [] if keeps else kept)
    shape = tuple(1 if axis in axes else side for axis, side in enumerate(value.shape))
    if not keeps:
        shape = tuple(value.shape[axis] for axis in kept)
    in_graph = tuple(sorted(graph_axis(value, axis) for axis in axes))
    if op.kind == "Sum":
        return t.node(op, "ReduceSum", [value, t.array(op, "axes", in_graph)], shape,
                      keepdims=int(keeps))  # fmt: skip
    return t.node(op, REDUCTIONS[op.kind], [value], shape, axes=in_graph, keepdims=int(keeps))


def argmax(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """The place of the largest number along one axis."""
    value = inputs[0]
    (axis,) = axes_of(op, inputs[1], len(value.shape))
    kept = [other for other in range(len(value.shape)) if other != axis]
    value = _in_file_order(t, op, value, kept)
    shape = tuple(value.shape[other] for other in kept)
    result = t.node(op, "ArgMax", [value], shape, axis=graph_axis(value, axis), keepdims=0)
    return result._replace(is_whole=True)


def squeeze(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Axes of one number are left out: those that the file names, else all."""
    value, rank = inputs[0], len(inputs[0].shape)
    named = op.attributes.get("squeeze_dims") or op.attributes.get("axis") or ()
    if not named and None in value.shape:
        raise op.refused(f"leaves out axes of a value of {value.shape}")
    ones = [axis for axis, side in enumerate(value.shape) if side == 1]
    axes = checked_axes(op, named, rank) if named else ones
    if any(value.shape[axis] not in {1, None} for axis in axes):
        raise op.refused(f"leaves out axes {axes} of a value of {value.shape}")
    kept = [axis for axis in range(rank) if axis not in axes]
    if (constant := t.reshaped(op, value, tuple(value.shape[axis] for axis in kept))) is not None:
        return constant
    value = _in_file_order(t, op, value, kept)
    places = t.array(op, "axes", sorted(graph_axis(value, axis) for axis in axes))
    return t.node(op, "Squeeze", [value, places], tuple(value.shape[axis] for axis in kept))


def expand(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """One more axis, of one number."""
    value, rank = inputs[0], len(inputs[0].shape) + 1
    (axis,) = axes_of(op, inputs[1], rank)
    shape = (*value.shape[:axis], 1, *value.shape[axis:])
    if rank > 4:
        raise op.refused(f"makes a value of {rank} axes")
    if (constant := t.reshaped(op, value, shape)) is not None:
        return constant
    return t.from_channels_last(op, "Unsqueeze", [value, t.array(op, "axes", [axis])], shape)


def reshape(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """To the file's own target; numbers keep their order with channels last."""
    value, target = inputs[0], whole_numbers(op, inputs[1], "shape").reshape(-1)
    sides = np.where(target == FREE, -1, target)
    if (sides == -1).sum() > 1 or (sides < -1).any() or (sides == 0).any() or len(sides) > 4:
        raise op.refused(f"has shape {sides.tolist()[:8]}")
    shape: Shape = tuple(None if side == -1 else side for side in sides.tolist())
    if None not in value.shape:
        size = math.prod(side or 0 for side in value.shape)
        known = math.prod(side for side in shape if side is not None)
        if size % known or (None not in shape and size != known):
            raise op.refused(f"gives {value.shape} the shape {sides.tolist()}")
        shape = tuple(size // known if side is None else side for side in shape)
    if (constant := t.reshaped(op, value, shape)) is not None:
        return constant
    last = t.channels_last(op, value)
    return t.from_channels_last(op, "Reshape", [last, t.array(op, "shape", sides)], shape)


def transpose(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """In an order that the file has."""
    value, order = inputs[0], whole_numbers(op, inputs[1], "order").tolist()
    if sorted(order) != list(range(len(value.shape))):
        raise op.refused(f"has order {order[:8]} for a value of {value.shape}")
    shape = tuple(value.shape[axis] for axis in order)
    last = t.channels_last(op, value)
    return t.from_channels_last(op, "Transpose", [last], shape, perm=tuple(order))


def pad(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """By zeros, or by the number that the file has."""
    value, rank = inputs[0], len(inputs[0].shape)
    pads = whole_numbers(op, inputs[1], "paddings")
    if pads.shape != (rank, 2) or (pads < 0).any():
        raise op.refused(f"has paddings {pads.tolist()} for a value of {value.shape}")
    shape = tuple(
        side if side is None else side + before + behind
        for side, (before, behind) in zip(value.shape, pads.tolist(), strict=True)
    )
    order = sorted(range(rank), key=lambda axis: graph_axis(value, axis))
    numbers = t.array(op, "pads", pads[order].T.reshape(-1))
    filled = inputs[2:] if op.kind == "PadV2" else (t.array(op, "value", 0.0),)
    return t.node(op, "Pad", [value, numbers, *filled], shape, mode="constant")


def concat(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Along one axis; the first of the inputs names it in the oldest graphs, the last else."""
    axis_first = op.kind == "Concat"
    axis_value, values = (inputs[0], inputs[1:]) if axis_first else (inputs[-1], inputs[:-1])
    rank = len(values[0].shape)
    (axis,) = axes_of(op, axis_value, rank)
    others = {value.shape[:axis] + value.shape[axis + 1 :] for value in values}
    if len(others) != 1 or any(len(value.shape) != rank for value in values):
        raise op.refused(f"joins values of {' and '.join(str(v.shape) for v in values[:3])}")
    sides = [value.shape[axis] for value in values]
    total = None if None in sides else sum(side or 0 for side in sides)
    shape = (*values[0].shape[:axis], total, *values[0].shape[axis + 1 :])
    if rank == 4:
        values = tuple(t.beside_map(op, value) for value in values)
    in_graph = CHANNELS_FIRST_AXIS[axis] if rank == 4 else axis
    return t.node(op, "Concat", values, shape, axis=in_graph)


def reverse(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Backwards along axes, such as RGB to BGR."""
    value = inputs[0]
    axes = axes_of(op, inputs[1], len(value.shape))
    return _cut(t, op, value, [AxisSlice(axis, -1, _END[-1], -1) for axis in axes], value.shape)


def gather(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Numbers at places that the file has, along one axis."""
    op.must_be("batch_dims", 0, 0)
    value, places = inputs[0], whole_numbers(op, inputs[1], "places")
    (axis,) = axes_of(op, inputs[2], len(value.shape))
    side = value.shape[axis]
    if places.ndim != 1 or side is None or (places < 0).any() or (places >= side).any():
        raise op.refused(f"takes places {places.tolist()} of {value.shape}")
    shape = (*value.shape[:axis], len(places), *value.shape[axis + 1 :])
    numbers = t.array(op, "places", places)
    return t.node(op, "Gather", [value, numbers], shape, axis=graph_axis(value, axis))


def split(t: Translation, op: TfOperation, inputs: Values) -> Values:
    """Into equal parts along an axis."""
    axis_value, value = inputs
    (axis,), count = axes_of(op, axis_value, len(value.shape)), op.attribute("num_split", int)
    side = value.shape[axis]
    if not 0 < count <= 64 or side is None or side % count:
        raise op.refused(f"makes {count} parts of {value.shape} along axis {axis}")
    part = side // count
    shape = (*value.shape[:axis], part, *value.shape[axis + 1 :])
    return tuple(
        _cut(t, op, value, [AxisSlice(axis, index * part, (index + 1) * part, 1)], shape,
             part=f"part {index}")
        for index in range(count)
    )  # fmt: skip


class AxisSlice(NamedTuple):
    """What is taken along one axis of TensorFlow's."""

    axis: int
    start: int
    end: int
    step: int


def strided_slice(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """What numpy's `x[...]` takes, of whole slices: masks tell of `...`, `:` and of places."""
    value, rank = inputs[0], len(inputs[0].shape)
    op.must_be("new_axis_mask", 0, 0)
    op.must_be("shrink_axis_mask", 0, 0)
    begins, ends, steps = (whole_numbers(op, read, "slice").tolist() for read in inputs[1:])
    masks = {key: op.attribute(f"{key}_mask", int, 0) for key in ("begin", "end", "ellipsis")}
    count, slices, axis = len(begins), list[AxisSlice](), 0
    for place in range(count):
        if masks["ellipsis"] >> place & 1:
            axis = rank - (count - place - 1)
            continue
        step = steps[place]
        starts_at_end, ends_at_end = (masks[key] >> place & 1 for key in ("begin", "end"))
        start = (0 if step > 0 else -1) if starts_at_end else begins[place]
        end = _END[1 if step > 0 else -1] if ends_at_end else ends[place]
        slices.append(AxisSlice(axis, start, end, step))
        axis += 1
    if axis > rank or not all(steps):
        raise op.refused(f"cuts {count} axes of a value of {value.shape}")
    return _cut(t, op, value, slices, _cut_shape(op, value, slices))


def _cut_shape(op: TfOperation, value: TfValue, slices: Sequence[AxisSlice]) -> Shape:
    shape = list(value.shape)
    for axis, start, end, step in slices:
        is_whole = abs(step) == 1 and end == _END[step] and start == (0 if step > 0 else -1)
        if not is_whole and (side := shape[axis]) is not None:
            stop = None if end in _END.values() else end
            shape[axis] = len(range(side)[start:stop:step])
        if shape[axis] == 0 or (not is_whole and shape[axis] is None):
            raise op.refused(f"takes {start}:{end}:{step} of a value of {value.shape}")
    return tuple(shape)


def _cut(
    t: Translation, op: TfOperation, value: TfValue, slices: Sequence[AxisSlice], shape: Shape, *,
    part: str = "",
) -> TfValue:  # fmt: skip
    if not slices:
        return unchanged(t, op, (value,))
    columns = zip(*((s.start, s.end, graph_axis(value, s.axis), s.step) for s in slices),
                  strict=True)  # fmt: skip
    names = ("starts", "ends", "axes", "steps")
    arrays = [t.array(op, f"{part} {name}".strip(), column)
              for name, column in zip(names, columns, strict=True)]  # fmt: skip
    return t.node(op, "Slice", [value, *arrays], shape, part)


def _in_file_order(
    t: Translation, op: TfOperation, value: TfValue, kept: Sequence[int]
) -> TfValue:
    """The value with channels last if the axes that are kept would change places else."""
    in_graph = [graph_axis(value, axis) for axis in kept]
    if in_graph == sorted(in_graph):
        return value
    return t.channels_last(op, value)
