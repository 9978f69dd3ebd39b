"""Nodes that scale, shift, cut off, or add two values."""

import math
from dataclasses import replace

import numpy as np

from mobilenet.sources.walk.expressions import Expression, NormConstants, as_norm
from mobilenet.sources.walk.layout import Array
from mobilenet.sources.walk.steps import (
    Applied,
    Clip,
    Convolution,
    GraphValue,
    Matrix,
    Picture,
    Visit,
)

INFINITY = float("inf")
EPSILON = 1e-5  # of ONNX's BatchNormalization where it says nothing


def arithmetic(visit: Visit) -> GraphValue:
    """Add, Sub, Mul or Div with a constant; Add of two values."""
    if len(visit.values) == 2:
        return _sum(visit)
    (value,) = visit.values
    is_first = visit.operands[0] is value
    constant = visit.expression(1 if is_first else 0)
    assert constant is not None, "two operands, as is checked before"
    check_whole(visit, value)
    numbers = _numbers(visit, value, constant)
    match visit.node.op:
        case "Add":
            return _shifted(visit, value, constant, numbers)
        case "Mul":
            scaled = value.scaled(visit.name, numbers, 0.0)
            return replace(scaled, factor=(constant, value)) if value.is_linear else scaled
        case "Sub" if is_first:
            return value.scaled(visit.name, 1.0, -numbers)
        case "Sub":
            return value.scaled(visit.name, -1.0, numbers)
        case "Div" if is_first and numbers.all():
            return value.scaled(visit.name, 1 / numbers, 0.0)
    raise visit.refusal("divides by zero, or by what it is applied to")


def _shifted(visit: Visit, value: GraphValue, constant: Expression, numbers: Array) -> GraphValue:
    """A shift; behind a factor, the second half of a batch norm in plain operators."""
    if value.factor is not None:
        factor, before = value.factor
        norm = as_norm(factor, constant)
        if norm is not None and isinstance(value.maker, Convolution) and before.norm is None:
            return replace(before, name=visit.name, norm=norm, factor=None)
    return value.scaled(visit.name, 1.0, numbers)


def negated(visit: Visit) -> GraphValue:
    """Neg."""
    check_whole(visit, visit.value)
    return visit.value.scaled(visit.name, -1.0, 0.0)


def batch_norm(visit: Visit) -> GraphValue:
    """BatchNormalization: kept as it is behind a convolution, else a scale and a shift."""
    value = visit.value
    check_whole(visit, value)
    parts = [part for part in visit.operands[1:5] if isinstance(part, Expression)]
    if len(parts) != 4:
        raise visit.refusal("is not applied to one value and constants")
    channels = value.layout.shape[1] if len(value.layout.shape) > 1 else 0
    if {math.prod(part.shape) for part in parts} != {channels}:
        raise visit.refusal(f"does not have {channels} numbers for {channels} channels")
    epsilon = visit.node.attributes.get("epsilon", EPSILON)
    if not isinstance(epsilon, float):
        raise visit.refusal(f"has epsilon {epsilon}")
    norm = NormConstants(parts[0], parts[1], parts[2], parts[3], epsilon)
    is_behind = isinstance(value.maker, Convolution) and value.layout.is_map
    if is_behind and value.is_linear and value.norm is None:
        return replace(value, name=visit.name, norm=norm, factor=None)
    after_channel = (-1,) + (1,) * (len(value.layout.shape) - 2)
    scale, shift = (
        value.layout.natural_order(vector.reshape(after_channel)) for vector in norm.affine
    )
    return value.scaled(visit.name, scale, shift)


def activated(visit: Visit, applied: Applied) -> GraphValue:
    """`applied` to the one value; two cuts are one."""
    (value,) = visit.values
    before = value.activation
    check_whole(visit, value)
    if not isinstance(value.maker, Convolution | Matrix):
        raise visit.refusal("stands where no activation is: on pixels, or on a mean")
    if value.adds is not None or value.after is not None:
        raise visit.refusal("stands behind an addition or a scaling")
    if isinstance(before, Clip) and isinstance(applied, Clip):
        applied = Clip(max(before.low, applied.low), min(before.high, applied.high))
    elif before is not None:
        raise visit.refusal("stands behind another activation")
    return replace(
        value, name=visit.name, activation=applied, linear=value.linear or value.name, factor=None
    )


def curve(visit: Visit) -> GraphValue:
    """Sigmoid, Tanh, or Softmax over all numbers of the value."""
    if visit.node.op == "Softmax":
        shape, axis = visit.value.layout.shape, visit.number("axis", -1)
        if not -len(shape) <= axis < len(shape) or shape[axis] != visit.value.layout.numbers:
            raise visit.refusal(f"works along axis {axis} of a value of shape {shape}")
    return activated(visit, visit.node.op.lower())


def clipped(visit: Visit) -> GraphValue:
    """Relu, Clip, Max or Min with a constant."""
    match visit.node.op:
        case "Relu":
            return activated(visit, Clip(0.0, INFINITY))
        case "Clip":
            low, high = visit.expression(1), visit.expression(2)
            return activated(
                visit,
                Clip(
                    -INFINITY if low is None else _scalar(visit, low),
                    INFINITY if high is None else _scalar(visit, high),
                ),
            )
        case "Max":
            return activated(visit, Clip(_other(visit), INFINITY))
    return activated(visit, Clip(-INFINITY, _other(visit)))


def biased(visit: Visit, value: GraphValue, bias: Expression | None) -> GraphValue:
    """What a bias (C,) is added to, along the channels or along the last axis."""
    if bias is None:
        return value
    if bias.value.size not in (1, value.layout.natural[0]):
        raise visit.refusal(f"has a bias of {bias.value.size} numbers")
    return value.scaled(visit.name, 1.0, bias.value.reshape(-1, 1, 1))


def _other(visit: Visit) -> float:
    constants = [each for each in visit.operands if isinstance(each, Expression)]
    if len(constants) != 1 or len(visit.values) != 1:
        raise visit.refusal("is not applied to one value and a constant")
    return _scalar(visit, constants[0])


def _scalar(visit: Visit, constant: Expression) -> float:
    if constant.value.size != 1:
        raise visit.refusal("cuts off at a value of its own for each channel")
    return float(constant.value.flat[0])


def _sum(visit: Visit) -> GraphValue:
    """An earlier row's value added to the value of a later one."""
    earlier, later = visit.values
    if visit.node.op != "Add":
        raise visit.refusal("joins two values that depend on the picture")
    if not (isinstance(earlier.maker, Convolution) and isinstance(later.maker, Convolution)):
        raise visit.refusal("adds two values that are not both made by convolutions")
    if earlier.maker.number > later.maker.number:
        earlier, later = later, earlier
    for value in (earlier, later):
        check_whole(visit, value)
        if value.after is not None or not value.layout.is_map:
            raise visit.refusal("adds a value that is scaled or moved behind its activation")
    if earlier.maker is later.maker or later.adds is not None:
        raise visit.refusal("adds more than one earlier value")
    if earlier.layout.shape != later.layout.shape:
        raise visit.refusal(f"adds {earlier.layout.shape} to {later.layout.shape}")
    return replace(later, name=visit.name, adds=earlier, factor=None)


def _numbers(visit: Visit, value: GraphValue, constant: Expression) -> Array:
    try:
        numbers = value.layout.natural_order(constant.value)
    except ValueError as error:
        raise visit.refusal(
            f"has a constant of shape {constant.shape} for a value of shape {value.layout.shape}"
        ) from error
    if not np.isfinite(numbers).all():
        raise visit.refusal("has a constant that is no number", "the file is damaged")
    is_at_a_map = value.is_linear and isinstance(value.maker, Convolution | Picture)
    if is_at_a_map and numbers.shape[1:] != (1, 1):
        raise visit.refusal(
            "has a number of its own for each place of the map or picture",
            "of a mean picture, the mean of each colour can stand in its place",
        )
    return numbers


def check_whole(visit: Visit, value: GraphValue) -> None:
    """Raise `CheckpointError` for a map with zeros around it: they are for a convolution."""
    if value.is_padded:
        raise visit.refusal("is applied to a map with zeros around it")
