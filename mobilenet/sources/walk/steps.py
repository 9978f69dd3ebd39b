"""What a value of the graph is a function of, as far as the walk has come.

A value is what its maker gives (the picture, a convolution, a mean over a map, a matrix), scaled
and normalized, then an activation, the addition of an earlier value, and a scale and a shift
again. Values are never changed: a second reader sees a value as it was there.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import Node
from mobilenet.networks.rows import Pads
from mobilenet.sources.walk.expressions import Expression, NormConstants
from mobilenet.sources.walk.layout import Array, Layout, Places

NO_PADS: Pads = (0, 0, 0, 0)
MAX_INTEGERS = 64  # of an operand that names axes, sides or pads
EXPORT_MODULE = "export(module, ...) from Python takes any PyTorch module as it is"


class Clip(NamedTuple):
    """An activation that cuts values off."""

    low: float
    high: float


Applied = Clip | str
"""A clip, or "sigmoid", "tanh", "softmax"."""


class Affine(NamedTuple):
    """scale * x + shift, in the order of the map: (C, 1, 1) or (C, H, W), float64."""

    scale: Array
    shift: Array

    def then(self, scale: Array | float, shift: Array | float) -> "Affine":
        """Followed by another."""
        return Affine(self.scale * scale, self.shift * scale + shift)


@dataclass(frozen=True)
class Picture:
    """The graph's input."""


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution of a map, without its bias."""

    number: int  # of all convolutions, in the order of the graph
    node: Node
    reads: "GraphValue"
    kernel: Expression  # (out, in / groups, height, width)
    stride: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    pads: Pads  # at the file's size, those of a Pad before it counted in
    is_same: bool  # whether the file says TensorFlow's SAME rather than numbers


@dataclass(frozen=True, eq=False)
class Pooling:
    """The mean of each channel's whole map."""

    reads: "GraphValue"


@dataclass(frozen=True, eq=False)
class Matrix:
    """A dense layer without its bias, or a convolution behind a mean."""

    node: Node
    reads: "GraphValue"
    kernel: Expression
    has_units_first: bool  # (out, in), or (out, in, 1, 1), rather than (in, out)
    units: int
    number: int | None = None  # as of a convolution, where it is written as one


@dataclass(frozen=True, eq=False)
class Spread:
    """One number of each channel, at every place of a map."""

    reads: "GraphValue"


@dataclass(frozen=True, eq=False)
class Joined:
    """The channels of two maps, one behind the other."""

    parts: "tuple[GraphValue, GraphValue]"


@dataclass(frozen=True, eq=False)
class Enlarged:
    """A map in another size, bilinear, corners on corners."""

    reads: "GraphValue"


@dataclass(frozen=True, eq=False)
class BestClass:
    """The number of the highest channel at each place."""

    reads: "GraphValue"


@dataclass(frozen=True, eq=False)
class Predictions:
    """The numbers of several maps, one map's behind another's."""

    parts: "tuple[GraphValue, ...]"
    places: Places  # of each number, in the flat maps laid end to end


Maker = (
    Picture | Convolution | Pooling | Matrix | Spread | Joined | Enlarged | BestClass | Predictions
)


@dataclass(frozen=True, eq=False)
class GraphValue:
    """activation(norm(affine(what the maker gives))) + `adds`, then `after`."""

    name: str  # of a value in the graph that holds it in the map's order, without zeros around
    maker: Maker
    layout: Layout
    affine: Affine | None = None
    norm: NormConstants | None = None
    factor: "tuple[Expression, GraphValue] | None" = None
    """What was multiplied last, and the value before: half of a batch norm, perhaps."""
    activation: Applied | None = None
    linear: str = ""  # name of the value before the activation
    adds: "GraphValue | None" = None
    after: Affine | None = None
    pads: Pads = NO_PADS  # zeros around it

    @property
    def is_linear(self) -> bool:
        """Whether a scale or a shift still counts as the maker's own."""
        return self.activation is None and self.adds is None and self.after is None

    @property
    def is_padded(self) -> bool:
        """Whether zeros stand around it."""
        return self.pads != NO_PADS

    @property
    def pending(self) -> Affine | None:
        """A scale and a shift that whoever reads the value has to count in."""
        return self.affine if isinstance(self.maker, Pooling) else self.after

    def scaled(self, name: str, scale: Array | float, shift: Array | float) -> "GraphValue":
        """With a scale and a shift behind all that is there."""
        if not self.is_linear:
            after = (self.after or self._identity).then(scale, shift)
            return replace(self, name=name, after=after)
        affine = (self.affine or self._identity) if self.norm is None else self._normalized
        affine = affine.then(scale, shift)
        return replace(self, name=name, affine=affine, norm=None, factor=None)

    @property
    def _identity(self) -> Affine:
        return Affine(np.ones((self.layout.natural[0], 1, 1)), np.zeros((1, 1, 1)))

    @property
    def _normalized(self) -> Affine:
        assert self.norm is not None, "asked for after a norm"
        scale, shift = (vector.reshape(-1, 1, 1) for vector in self.norm.affine)
        return (self.affine or self._identity).then(scale, shift)


class Visit(NamedTuple):
    """A node that the walk has come to, and what it is applied to."""

    node: Node
    operands: tuple[GraphValue | Expression | None, ...]

    @property
    def values(self) -> list[GraphValue]:
        """Those of its operands that depend on the picture."""
        return [each for each in self.operands if isinstance(each, GraphValue)]

    @property
    def value(self) -> GraphValue:
        """The first operand. Raises `CheckpointError` where that is not what is computed."""
        first = self.operands[0] if self.operands else None
        if not isinstance(first, GraphValue) or len(self.values) > 1:
            raise self.refusal("is not applied to one value and constants")
        return first

    @property
    def name(self) -> str:
        """What the result is called in the graph."""
        return self.node.output

    def expression(self, index: int) -> Expression | None:
        """A constant operand, or None where there is none."""
        operand = self.operands[index] if index < len(self.operands) else None
        if isinstance(operand, GraphValue):
            raise self.refusal("is not applied to one value and constants")
        return operand

    def integers(self, index: int, attribute: str) -> tuple[int, ...] | None:
        """Whole numbers that ONNX takes as an operand, or took as an attribute."""
        operand = self.expression(index)
        if operand is not None:
            values = operand.value
            if values.size > MAX_INTEGERS or not np.isfinite(values).all():
                raise self.refusal(f"has {values.size} numbers as {attribute}")
            return tuple(int(number) for number in values.ravel())
        numbers = self.node.attributes.get(attribute)
        return numbers if isinstance(numbers, tuple) else None

    def pair(self, attribute: str, usual: int = 1) -> tuple[int, int]:
        """An attribute of height and width."""
        numbers = self.node.attributes.get(attribute, (usual, usual))
        if not isinstance(numbers, tuple) or len(numbers) != 2:
            raise self.refusal(f"has {attribute} {numbers}")
        return numbers[0], numbers[1]

    def number(self, attribute: str, usual: int) -> int:
        """An attribute that is one whole number."""
        number = self.node.attributes.get(attribute, usual)
        if not isinstance(number, int):
            raise self.refusal(f"has {attribute} {number}")
        return number

    def refusal(self, problem: str, hint: str = EXPORT_MODULE) -> CheckpointError:
        """What the walk says of a node that has no place in a network read here."""
        return CheckpointError(f"{self.node.title} {problem}", hint)
