"""The way from Core AI's picture, pixel by pixel, to the planes that a network takes.

An asset takes what the camera gives, BGRA in rows of pixels; what it does to have (1, C, H, W) is
Core ML's business in a package, declared as the channels' order. Here too it becomes that: with
the package's own order, for which the constants of the first layer change sides.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.coreai.messages import GraphOperation, ImageType
from export.mil.description import ImageInput
from export.mil.program import Constant
from export.mil.read.aimodel.graph_constants import MAX_ELEMENTS, MOVES, remade
from export.mil.read.aimodel.graph_translation import GraphTranslation

Order = Literal["RGB", "BGR"]
ORDERS: tuple[Order, ...] = ("RGB", "BGR")
CHANNEL_AXES = {"add": -3, "sub": -3, "mul": -3, "divide": -3, "conv2d": 1}  # of a constant


@dataclass(frozen=True)
class PictureInput:
    """An image input, and all values that stand for it: pixels, and where known, planes."""

    feature: ImageInput
    values: tuple[int, ...]


def picture_input(
    translation: GraphTranslation, value: int, name: str, kind: ImageType, order: Order
) -> PictureInput:
    """Input `name` of the graph, described in `order` if the first layer can be turned to it."""
    feature = ImageInput(name, kind.width, kind.height, order)
    reached = _planes(translation, value, kind)
    if reached is None:
        return PictureInput(feature, (value,))
    values, stored = reached
    if stored != order:
        turned = _turned(translation, values[-1])
        if turned is None:
            feature = ImageInput(name, kind.width, kind.height, stored)
        else:
            translation.values |= turned.constants
            translation.unlike |= turned.values
    return PictureInput(feature, values)


def _planes(
    translation: GraphTranslation, value: int, kind: ImageType
) -> tuple[tuple[int, ...], Order] | None:
    """The values up to the planes (1, 3, H, W), and their order.

    Found by moving numbers as the graph moves pixels.
    """
    letters = kind.pixels.lstrip("0123456789")
    operation = _only_user(translation, value)
    size = (kind.height, kind.width, len(letters))
    if operation is None or operation.kind != "image_to_tensor" or math.prod(size) > MAX_ELEMENTS:
        return None
    pixels: NDArray[Any] = np.arange(math.prod(size)).reshape(size)
    moved, values = pixels, [value, operation.results[0]]
    while moved.shape != (1, 3, kind.height, kind.width):
        operation = _only_user(translation, values[-1])
        if operation is None or operation.kind not in MOVES or operation.operands[0] != values[-1]:
            return None
        operands = [translation.values.get(operand) for operand in operation.operands[1:]]
        constants = [np.asarray(each.load()) for each in operands if isinstance(each, Constant)]
        try:
            moved = MOVES[operation.kind](moved, *constants)
        except (ValueError, IndexError, TypeError):  # TypeError: not all are constants
            return None
        values.append(operation.results[0])
    for order in ORDERS:
        places = [letters.find(letter) for letter in order]
        if min(places) >= 0 and np.array_equal(moved[0], np.moveaxis(pixels[..., places], 2, 0)):
            return tuple(values), order
    return None


def _only_user(translation: GraphTranslation, value: int) -> GraphOperation | None:
    users = translation.users[value]
    return users[0] if len(users) == 1 and not translation.names.is_output(value) else None


class TurnedColors(NamedTuple):
    """What changes when channels come the other way round."""

    constants: dict[int, Constant]
    values: set[int]  # between the picture and the first convolution


def _turned(translation: GraphTranslation, value: int) -> TurnedColors | None:
    """All up to the first convolution.

    None where the way to it forks, or a constant is taken elsewhere as well.
    """
    turned = TurnedColors({}, {value})
    while (operation := _only_user(translation, value)) is not None:
        kind = operation.kind.removeprefix("decomposable.broadcasting_")
        for number in operation.operands if kind in CHANNEL_AXES else ():
            constant = translation.values.get(number)
            if number != value and not isinstance(constant, Constant):
                return None
            if isinstance(constant, Constant) and len(constant.type.shape) > 2:
                turned.constants[number] = _reversed(constant, CHANNEL_AXES[kind])
        if kind == "conv2d":
            weight = turned.constants.get(operation.operands[1])
            is_whole = weight is not None and weight.type.shape[1] == len(ORDERS[0])
            own = all(len(translation.users[number]) == 1 for number in turned.constants)
            return turned if is_whole and own else None
        if kind not in CHANNEL_AXES and kind not in ("cast", "pad"):
            return None
        value = operation.results[0]
        turned.values.add(value)
    return None


def _reversed(constant: Constant, axis: int) -> Constant:
    return remade(constant, "reverse", np.flip(np.asarray(constant.load()), axis))
