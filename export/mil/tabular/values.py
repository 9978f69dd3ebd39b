"""Values that models of tables take and give, in the types that `MLModel.predict` has for them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import UnsupportedError
from mobilenet.common.text import one_line

Values = Mapping[str, Any]
Floats = NDArray[np.float64]
Key = str | int  # a category or a class
Evaluator = Callable[[Values], dict[str, Any]]  # from the inputs to the outputs, by their names

T = TypeVar("T")

MAX_SHOWN = 80  # characters of a value
PYTHON_TYPES: dict[str, type] = {"string": str, "dictionary": dict, "sequence": list}


@dataclass(frozen=True)
class OutputType:
    """What an output is declared to be; `dtype` and `shape` are those of an array."""

    name: str
    kind: str  # as `ModelOutput` has it
    dtype: str = "float64"
    shape: tuple[int, ...] = ()  # () where it is not declared

    def typed(self, value: Any) -> Any:
        """`value` as it is given out.

        Raises `UnsupportedError` for what cannot be: a fraction as an integer, an array of
        another size.
        """
        if self.kind == "number":
            return float(np.asarray(value).reshape(()))
        if self.kind == "integer":
            return whole(self.name, np.asarray(value).reshape(()).item())
        if self.kind in PYTHON_TYPES and not isinstance(value, PYTHON_TYPES[self.kind]):
            raise UnsupportedError(
                f"output {self.name!r} is {type(value).__name__}",
                f"it is declared as a {self.kind}: make the model again",
            )
        return self._array(np.asarray(value)) if self.kind == "array" else value

    def _array(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.shape and values.size != math.prod(self.shape):
            raise UnsupportedError(
                f"output {self.name!r} has {values.size} elements",
                f"it is declared as {self.shape}: make the model again",
            )
        if self.dtype == "int32" and values.dtype.kind == "f" and (values % 1).any():
            raise UnsupportedError(f"output {self.name!r} has fractions", "it is declared int32")
        return values.astype(self.dtype).reshape(self.shape or values.shape)


@dataclass(frozen=True)
class VectorInput:
    """All inputs of a model one behind the other, as Core ML numbers its features.

    `sizes` are the elements of each by its name, in order; None is not declared.
    """

    sizes: Mapping[str, int | None]
    least: int = 0  # elements that there have to be
    most: int | None = None

    @property
    def size(self) -> int | None:
        """Elements in all, where they are declared."""
        sizes = [size for size in self.sizes.values() if size is not None]
        return sum(sizes) if len(sizes) == len(self.sizes) else None

    def of(self, values: Values) -> Floats:
        """(features,); NaN for an input that is missing. Raises `UnsupportedError` for too few
        or too many."""
        vector = np.concatenate([self._part(name, values.get(name)) for name in self.sizes])
        if len(vector) < self.least or (self.most is not None and len(vector) > self.most):
            raise UnsupportedError(
                f"{', '.join(map(repr, self.sizes))} have {len(vector)} elements",
                f"give {self.least}" + ("" if self.most else " or more"),
            )
        return vector

    def _part(self, name: str, value: Any) -> Floats:
        size = self.sizes[name]
        return np.full(size or 1, np.nan) if value is None else flat(name, value, size)


def flat(name: str, value: Any, size: int | None) -> Floats:
    """The input `name` as (elements,). Raises `UnsupportedError` unless it has `size` of them."""
    values = np.asarray(value, np.float64).reshape(-1)
    if size is not None and values.size != size:
        raise UnsupportedError(f"input {name!r} has {values.size} elements", f"give {size}")
    return values


def whole(name: str, value: float) -> int:
    """An integer. Raises `UnsupportedError` for a fraction, and for what is no number."""
    if not math.isfinite(value) or value != int(value):
        raise UnsupportedError(f"{name!r} becomes {value}", "it is declared as an integer")
    return int(value)


def index_of(known: Mapping[Any, T], name: str, key: Key) -> T:
    """What stands for a category. Raises `UnsupportedError` for one that is not known."""
    if key not in known:
        listed = ", ".join(one_line(repr(each), MAX_SHOWN) for each in islice(known, 5))
        raise UnsupportedError(
            f"input {name!r} is {one_line(repr(key), MAX_SHOWN)}, which the model does not know",
            f"it knows {listed}{', ...' if len(known) > 5 else ''}",
        )
    return known[key]


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + e^-x), without overflow."""
    small = np.exp(-np.abs(values))
    result: Floats = np.where(values >= 0, 1, small) / (1 + small)
    return result


def softmax(values: Floats) -> Floats:
    """e^x by the sum of all."""
    powers = np.exp(values - values.max())
    result: Floats = powers / powers.sum()
    return result


def plain(values: Floats) -> Floats:
    """As they are."""
    return values


def with_reference(values: Floats) -> Floats:
    """Softmax of the values behind a 0 that stands for the first class."""
    return softmax(np.concatenate([[0.0], values]))
