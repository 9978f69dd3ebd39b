"""What becomes of a picture before the first convolution, worked out from the program."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.mil.description import ImageInput
from export.mil.program import Function, Op

Array = NDArray[np.float64]

PASSES = ("cast", "identity", "pad", "transpose")  # do not change what a pixel is worth
KERNELS = ("conv", "linear", "matmul")


@dataclass(frozen=True, eq=False)
class InputScaling:
    """Per channel, in the model's order, the first layer sees scale * pixel + bias."""

    input: ImageInput
    scale: Array  # (C,)
    bias: Array  # (C,)
    steps: tuple[Op, ...]  # every operation in between
    first: Op | None  # the layer they reach; None when the path forks or is not affine

    @property
    def low(self) -> Array:
        """The least value that a pixel becomes, (C,)."""
        return np.minimum(self.bias, 255 * self.scale + self.bias)

    @property
    def high(self) -> Array:
        """The greatest value that a pixel becomes, (C,)."""
        return np.maximum(self.bias, 255 * self.scale + self.bias)

    @property
    def span(self) -> float:
        """Of the widest channel."""
        return float((self.high - self.low).max())

    @property
    def range(self) -> str:
        """What the pixels 0 to 255 become: "-1 to 1", for each channel where they differ."""
        pairs = zip(self.low, self.high, strict=True)
        return ", ".join(dict.fromkeys(f"{low:.4g} to {high:.4g}" for low, high in pairs))

    @property
    def arithmetic(self) -> tuple[Op, ...]:
        """The steps that compute."""
        return tuple(step for step in self.steps if step.type not in PASSES)


def input_scalings(function: Function) -> tuple[InputScaling, ...]:
    """That of each image input."""
    images = [
        item
        for item in function.description.inputs
        if isinstance(item, ImageInput) and item.mode != "F"  # halves may have any range
    ]
    users = _users(function)
    return tuple(_follow(function, users, image) for image in images)


def _users(function: Function) -> dict[str, list[Op]]:
    """The operations that take each value, in order, each once."""
    users: dict[str, list[Op]] = {}
    for op in function.ops:
        taken = {name for names in op.inputs.values() for name in names if isinstance(name, str)}
        for name in taken:
            users.setdefault(name, []).append(op)
    return users


def _follow(function: Function, users: dict[str, list[Op]], image: ImageInput) -> InputScaling:
    """Takes what it follows out of `users`: a damaged program cannot lead it in circles."""
    channels = 3 if image.color in ("RGB", "BGR") else 1
    scale, bias = np.ones(channels), np.zeros(channels)
    steps: list[Op] = []
    name = image.name
    while True:
        following = users.pop(name, [])
        if len(following) != 1:
            return InputScaling(image, scale, bias, tuple(steps), None)
        op = following[0]
        if op.type in KERNELS:
            return InputScaling(image, scale, bias, tuple(steps), op)
        if op.type not in PASSES:
            try:
                factor, shift = _affine(function, op, name, channels)
            except _NotAffine:
                return InputScaling(image, scale, bias, tuple(steps), None)
            scale, bias = scale * factor, bias * factor + shift
        steps.append(op)
        name = op.outputs[0].name


class _NotAffine(Exception):  # noqa: N818  # a way out of here, no error of anybody's
    pass


def _affine(function: Function, op: Op, x: str, channels: int) -> tuple[Array, Array]:
    """Scale and bias of one operation on `x`."""

    def operand(name: str, default: float = 0.0) -> Array:
        if not op.inputs.get(name):
            return np.full(channels, default)
        constant = function.argument(op, name)
        if constant is None or constant.type.elements not in (1, channels):
            raise _NotAffine
        value = function.array(op, name)
        if value is None:
            raise _NotAffine
        return _per_channel(value.astype(np.float64), channels)

    ones, zeros = np.ones(channels), np.zeros(channels)
    if op.type in ("mul", "add", "sub", "real_div"):
        forward = op.inputs.get("x") == (x,)
        other = operand("y" if forward else "x")
        if op.type == "real_div" and not forward:
            raise _NotAffine
        return {
            "mul": (other, zeros),
            "add": (ones, other),
            "sub": (ones, -other) if forward else (-ones, other),
            "real_div": (ones / np.where(other == 0, np.nan, other), zeros),
        }[op.type]
    if op.type == "linear_activation":
        return operand("alpha", 1.0), operand("beta")
    if op.type == "batch_norm":
        variance = operand("variance", 1.0) + operand("epsilon", 1e-5)
        scale = operand("gamma", 1.0) / np.sqrt(np.abs(variance))
        return scale, operand("beta") - operand("mean") * scale
    raise _NotAffine


def _per_channel(value: Array, channels: int) -> Array:
    """A number, or one for each channel and nothing along the other axes."""
    if value.size == 1:
        return np.full(channels, value.reshape(()))
    if value.size == channels == max(value.shape):
        return value.reshape(-1)
    raise _NotAffine
