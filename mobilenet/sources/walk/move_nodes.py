"""Nodes that compute nothing, and move numbers at most."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mobilenet.sources.walk.layout import Layout, Shape
from mobilenet.sources.walk.steps import GraphValue, Visit

FLOAT = 1  # ONNX's number of float32
MAX_AXES = 8  # of a value while it is moved


def unchanged(visit: Visit) -> GraphValue:
    """Identity, and what is the identity at inference."""
    value = visit.value
    if visit.node.op == "Cast" and visit.number("to", FLOAT) != FLOAT:
        raise visit.refusal("rounds what it is applied to")
    return value if value.is_padded else replace(value, name=visit.name)


def moved(visit: Visit) -> GraphValue:
    """The same numbers in other places, or of another shape.

    The name stays that of the value whose numbers lie in the map's order.
    """
    value = visit.value
    if value.is_padded:
        raise visit.refusal("moves a map with zeros around it")
    try:
        layout = _MOVES[visit.node.op](visit, value.layout)
    except (ValueError, IndexError, OverflowError) as error:
        raise visit.refusal(f"does not fit a value of shape {value.layout.shape}") from error
    if len(layout.shape) > MAX_AXES:
        raise visit.refusal(f"makes a value of {len(layout.shape)} axes")
    name = value.name if layout.places is not None else visit.name
    return replace(value, name=name, layout=layout)


def _reshape(visit: Visit, layout: Layout) -> Layout:
    target = visit.integers(1, "shape") or ()
    keeps_zero = visit.number("allowzero", 0)
    sides = [
        layout.shape[axis] if side == 0 and not keeps_zero else side
        for axis, side in enumerate(target)
    ]
    if sides.count(-1) == 1:
        known = int(np.prod([side for side in sides if side != -1], dtype=np.int64))
        sides[sides.index(-1)] = layout.numbers // max(known, 1)
    return layout.reshaped(tuple(sides))


def _flatten(visit: Visit, layout: Layout) -> Layout:
    axis = visit.number("axis", 1) % (len(layout.shape) + 1)
    before = int(np.prod(layout.shape[:axis], dtype=np.int64))
    return layout.reshaped((before, layout.numbers // before))


def _squeeze(visit: Visit, layout: Layout) -> Layout:
    axes = visit.integers(1, "axes")
    shape: Shape = tuple(side for side in layout.shape if side != 1)
    if axes is not None:
        dropped = {axis % len(layout.shape) for axis in axes}
        shape = tuple(s for axis, s in enumerate(layout.shape) if axis not in dropped)
    return layout.reshaped(shape)


def _unsqueeze(visit: Visit, layout: Layout) -> Layout:
    axes = visit.integers(1, "axes") or ()
    return layout.reshaped(np.expand_dims(np.broadcast_to(False, layout.shape), axes).shape)


def _transpose(visit: Visit, layout: Layout) -> Layout:
    order = visit.integers(1, "perm")
    return layout.moved(lambda places: places.transpose(order))


def _gather(visit: Visit, layout: Layout) -> Layout:
    taken, indices = visit.integers(1, "indices"), visit.expression(1)
    assert indices is not None, "two operands, as is checked before"
    places_taken = np.array(taken, np.int64).reshape(indices.shape)
    return layout.moved(lambda places: places.take(places_taken, visit.number("axis", 0)))


def _slice(visit: Visit, layout: Layout) -> Layout:
    starts, ends = visit.integers(1, "starts") or (), visit.integers(2, "ends") or ()
    axes = visit.integers(3, "axes") or tuple(range(len(starts)))
    steps = visit.integers(4, "steps") or (1,) * len(starts)
    cuts = [slice(None)] * len(layout.shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        side = layout.shape[axis]
        # behind the first number there is nothing, which a slice of Python calls None
        stop = None if step < 0 and end < -side else end
        cuts[axis] = slice(start, stop, step)
    return layout.moved(lambda places: places[tuple(cuts)])


_MOVES: dict[str, Callable[[Visit, Layout], Layout]] = {
    "Reshape": _reshape, "Flatten": _flatten, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze,
    "Transpose": _transpose, "Gather": _gather, "Slice": _slice,
}  # fmt: skip
UNCHANGED = ("Identity", "Cast", "Dropout")
MOVES = tuple(_MOVES)
