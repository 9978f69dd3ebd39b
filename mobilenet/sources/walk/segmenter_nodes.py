"""Nodes that a segmenter's head has: a mean spread over a map, maps joined, scores enlarged."""

from dataclasses import replace

import numpy as np

from mobilenet.sources.walk.affine_nodes import check_whole
from mobilenet.sources.walk.layout import Layout
from mobilenet.sources.walk.steps import (
    BestClass,
    Convolution,
    Enlarged,
    GraphValue,
    Joined,
    Matrix,
    Spread,
    Visit,
)

MAPS_JOINED = 2


def resized(visit: Visit) -> GraphValue:
    """Resize: of one place to many, of scores to the picture's size, or of nothing."""
    value, sides = visit.value, visit.integers(3, "sizes") or ()
    check_whole(visit, value)
    if visit.node.attributes.get("mode") != "linear" or any(visit.operands[1:3]):
        raise visit.refusal("resizes a map by other means than to a size, bilinearly")
    shape = value.layout.shape
    if len(shape) != 4 or len(sides) != 4 or sides[:2] != shape[:2] or min(sides) < 1:
        raise visit.refusal(f"resizes a value of shape {shape} to {sides}")
    if sides == shape:
        return replace(value, name=visit.name)
    layout = Layout.of_map(*sides[1:])
    if shape[2:] == (1, 1) and isinstance(value.maker, Matrix):
        return GraphValue(visit.name, Spread(value), layout)
    transformation = visit.node.attributes.get("coordinate_transformation_mode", "half_pixel")
    if transformation != "align_corners":
        raise visit.refusal(f"enlarges a map by {transformation}, not with its corners aligned")
    if not (isinstance(value.maker, Convolution) and value.is_linear and value.layout.is_map):
        raise visit.refusal("resizes what is no map of a convolution's own numbers")
    return GraphValue(visit.name, Enlarged(value), layout)


def joined(visit: Visit) -> GraphValue:
    """Concat of the channels of two maps."""
    values = visit.values
    if len(values) != len(visit.operands) or len(values) != MAPS_JOINED:
        raise visit.refusal(f"joins {len(visit.operands)} branches of the network")
    shapes = [value.layout.shape for value in values]
    if visit.number("axis", 1) not in (1, -3) or any(len(shape) != 4 for shape in shapes):
        raise visit.refusal(f"joins values of shapes {shapes}, not along their channels")
    for value in values:
        check_whole(visit, value)
        if not value.layout.is_map or value.after is not None:
            raise visit.refusal("joins a map that is moved, or scaled behind its activation")
    first, second = values
    if not isinstance(first.maker, Spread):
        raise visit.refusal(f"joins {len(values)} branches of the network")
    if first.layout.natural[1:] != second.layout.natural[1:]:
        raise visit.refusal(f"joins maps of shapes {shapes}")
    channels = first.layout.natural[0] + second.layout.natural[0]
    layout = Layout.of_map(channels, *first.layout.natural[1:])
    return GraphValue(visit.name, Joined((first, second)), layout)


def best_class(visit: Visit) -> GraphValue:
    """ArgMax over the channels of enlarged scores."""
    value, axis = visit.value, visit.number("axis", 0)
    if not isinstance(value.maker, Enlarged) or visit.number("select_last_index", 0):
        raise visit.refusal("chooses from what are no enlarged scores")
    channels, *sides = value.layout.natural
    layout = value.layout
    if len(layout.shape) == 4:
        layout = layout.moved(lambda places: np.moveaxis(places, axis, 1))
    if not layout.is_map:
        raise visit.refusal(f"chooses along axis {axis}, which are not the {channels} classes")
    keeps = visit.number("keepdims", 1) == 1
    shape = list(value.layout.shape)
    shape[axis : axis + 1] = [1] if keeps else []
    return GraphValue(visit.name, BestClass(value), Layout((1, sides[0], sides[1]), tuple(shape)))
