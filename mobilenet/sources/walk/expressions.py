"""What a graph computes of constants alone, such as a batch norm in plain operators.

Values are float64. An expression is kept as it is written until it is known what it is for: a
batch norm in plain operators is recognised by its form, and stays one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant, Node

Array = NDArray[np.float64]

MAX_COMPUTED = 1 << 20  # numbers: batch norms have a few thousand
MAX_DEPTH = 32  # operations on operations: a batch norm in plain operators has six
_COMPUTED: dict[str, Callable[..., Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Pow": np.power,
    "Max": np.maximum, "Min": np.minimum, "Sqrt": np.sqrt, "Reciprocal": np.reciprocal,
    "Neg": np.negative,
}  # fmt: skip
_OF_ONE = ("Sqrt", "Reciprocal", "Neg")
_SAME = ("Identity", "Cast")


@dataclass(frozen=True, eq=False)
class Expression:
    """A constant (`op` is ""), or an operation on expressions."""

    title: str  # for messages
    op: str = ""
    parts: tuple["Expression", ...] = ()
    constant: FileConstant | None = None
    depth: int = 0

    @property
    def bare(self) -> "Expression":
        """Before it was brought into a shape: the same numbers in the same order."""
        return self.parts[0].bare if self.op == "Reshape" else self

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its value, which is not loaded for it where it is a constant."""
        return self.value.shape if self.constant is None else tuple(self.constant.shape)

    @property
    def stored(self) -> NDArray[Any]:
        """Its value as the file holds it, float32 or whole numbers; in float64 if computed."""
        return self.value if self.constant is None else self.constant.load()

    @cached_property
    def value(self) -> Array:
        """In float64. Raises `CheckpointError` for parts that do not fit each other."""
        if self.constant is not None:
            return np.asarray(self.constant.load(), np.float64)
        shapes = [part.shape for part in self.parts]
        try:
            with np.errstate(all="ignore"):  # what is no number is refused where it is used
                return self._computed(shapes)
        except (ValueError, OverflowError) as error:
            raise CheckpointError(
                f"{self.title} computes a constant of shapes {shapes}", "is the file complete?"
            ) from error

    def _computed(self, shapes: list[tuple[int, ...]]) -> Array:
        if self.op == "Reshape":
            values, target = (part.value for part in self.parts)
            return values.reshape([int(side) for side in target.reshape(-1)])
        if math.prod(np.broadcast_shapes(*shapes)) > MAX_COMPUTED:
            raise ValueError("too large")
        return np.asarray(_COMPUTED[self.op](*(part.value for part in self.parts)))


def computed(node: Node, parts: Sequence[Expression]) -> Expression | None:
    """What `node` makes of constants; None for an operation that is not computed here."""
    if len(parts) != (1 if node.op in (*_OF_ONE, *_SAME) else 2):
        return None
    if node.op in _SAME:
        return parts[0]
    depth = 1 + max(part.depth for part in parts)
    if node.op not in (*_COMPUTED, "Reshape") or depth > MAX_DEPTH:
        return None
    return Expression(node.title, node.op, tuple(parts), depth=depth)


@dataclass(frozen=True, eq=False)
class NormConstants:
    """Of gamma (x - mean) / sqrt(variance + epsilon) + beta; `gamma` None is 1."""

    gamma: Expression | None
    beta: Expression
    mean: Expression
    variance: Expression
    epsilon: float

    @property
    def affine(self) -> tuple[Array, Array]:
        """(scale, shift), each (C,), of the same function."""
        gamma = 1.0 if self.gamma is None else self.gamma.value
        scale = gamma / np.sqrt(self.variance.value + self.epsilon)
        return scale, self.beta.value - self.mean.value * scale


def as_norm(scale: Expression, shift: Expression) -> NormConstants | None:
    """The batch norm whose inference is x * scale + shift, as TensorFlow writes it.

    tensorflow/python/ops/nn_impl.py, `batch_normalization`: inv = rsqrt(variance + epsilon) *
    gamma, then x * inv + (beta - mean * inv).
    """
    scale, shift = scale.bare, shift.bare
    if shift.op != "Sub":
        return None
    beta, product = shift.parts
    for gamma, inverse in _factors(scale):
        root = _under_root(inverse)
        if root is None or root.op != "Add":
            continue
        means = [mean for mean, other in _pairs(product, "Mul") if other is scale]
        sums = [(of, eps) for of, eps in _pairs(root, "Add") if eps.value.size == 1]
        if means and sums:
            variance, epsilon = sums[0]
            return NormConstants(gamma, beta, means[0], variance, float(epsilon.value.flat[0]))
    return None


def _factors(scale: Expression) -> list[tuple[Expression | None, Expression]]:
    """(gamma, inverse of the deviation), either way round."""
    return [(None, scale), *_pairs(scale, "Mul")]


def _pairs(of: Expression, op: str) -> list[tuple[Expression, Expression]]:
    if of.op != op:
        return []
    first, second = of.parts
    return [(first, second), (second, first)]


def _under_root(of: Expression) -> Expression | None:
    """x of 1 / sqrt(x)."""
    if of.op == "Reciprocal" and of.parts[0].op == "Sqrt":
        return of.parts[0].parts[0]
    if of.op == "Div" and of.parts[1].op == "Sqrt" and (of.parts[0].value == 1).all():
        return of.parts[1].parts[0]
    return None
