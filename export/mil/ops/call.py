"""One operation and its arguments, as shape rules, MAC counts and lowerings all see it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.mil.program import Argument, Constant, Op, Shape, is_fixed
from mobilenet.common.errors import OwnFaultError, UnsupportedError


class IncompleteCallError(OwnFaultError):
    """An operation is not given what it needs, as far as is known here."""


class UnsupportedCallError(UnsupportedError):
    """A form of an operation that is not known here, or what only a run of the model tells."""


# What a shape rule or a count ends in when it cannot tell.
CALL_ERRORS = (
    IncompleteCallError, UnsupportedCallError, KeyError, IndexError, ValueError, ArithmeticError,
    TypeError, AttributeError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """`op` among the values of its function.

    `shapes` are those of the values computed so far, -1 where a size is not fixed. A parameter
    that is optional has a default; without one, its absence raises `IncompleteCallError`, and a
    value that is computed at run time where a constant is needed `UnsupportedCallError`.
    """

    op: Op
    shapes: Mapping[str, Shape]
    constants: Mapping[str, Constant]

    def has(self, parameter: str) -> bool:
        """Whether anything is given as `parameter`."""
        return bool(self.op.inputs.get(parameter))

    def argument(self, parameter: str) -> Argument:
        """The one argument given as `parameter`."""
        arguments = self.op.inputs.get(parameter, ())
        if len(arguments) != 1:
            raise IncompleteCallError(
                f"{self.op.type} {self.op.name!r} has {len(arguments)} values for {parameter!r}, "
                "and needs exactly one"
            )
        return arguments[0]

    def shape(self, parameter: str = "x") -> Shape:
        """Shape of the one value given as `parameter`; every size is known."""
        return self._fixed_shape(parameter, self.argument(parameter))

    def rank(self, parameter: str = "x") -> int:
        """How many axes the one value given as `parameter` has; their sizes may be open."""
        return len(self.shape_of(self.argument(parameter)))

    def all_shapes(self, parameter: str) -> list[Shape]:
        """Shapes of all values given as `parameter`."""
        arguments = self.op.inputs.get(parameter, ())
        return [self._fixed_shape(parameter, argument) for argument in arguments]

    def output_shape(self) -> Shape:
        """Shape of the first output, as far as it is known: -1 where a size is not."""
        return self.shapes[self.op.outputs[0].name]

    def is_constant(self, parameter: str) -> bool:
        """Whether the one value given as `parameter` is known before the model runs."""
        return self._constant(self.argument(parameter)) is not None

    def array(self, parameter: str) -> NDArray[Any]:
        """The constant given as `parameter`."""
        return self._array(parameter, self.argument(parameter))

    def all_arrays(self, parameter: str) -> list[NDArray[Any]]:
        """All constants given as `parameter`."""
        arguments = self.op.inputs.get(parameter, ())
        return [self._array(parameter, argument) for argument in arguments]

    def ints(self, parameter: str, default: Iterable[int] | None = None) -> list[int]:
        """A list of constant integers."""
        if default is not None and not self.has(parameter):
            return list(default)
        return [int(value) for value in self.array(parameter).reshape(-1)]

    def integer(self, parameter: str, default: int | None = None) -> int:
        """One constant integer."""
        return self.ints(parameter, None if default is None else [default])[0]

    def number(self, parameter: str, default: float | None = None) -> float:
        """One constant number."""
        if default is not None and not self.has(parameter):
            return default
        return float(self.array(parameter).reshape(-1)[0])

    def flag(self, parameter: str, default: bool) -> bool:
        """One constant truth value."""
        return bool(self.integer(parameter, int(default)))

    def text(self, parameter: str, default: str) -> str:
        """One constant string."""
        return str(self.array(parameter)) if self.has(parameter) else default

    def unsupported(self, form: str) -> UnsupportedCallError:
        """The error for a form of this operation that is not known here."""
        return UnsupportedCallError(
            f"{self.op.type} {self.op.name!r} with {form} cannot be run here",
            "Core ML on a Mac runs it",
        )

    def _constant(self, argument: Argument) -> Constant | None:
        return self.constants.get(argument) if isinstance(argument, str) else argument

    def _array(self, parameter: str, argument: Argument) -> NDArray[Any]:
        constant = self._constant(argument)
        if constant is None:
            raise self.unsupported(f"a {parameter} that is computed at run time")
        return np.asarray(constant.load())

    def _fixed_shape(self, parameter: str, argument: Argument) -> Shape:
        shape = self.shape_of(argument)
        if not is_fixed(shape):
            raise UnsupportedCallError(
                f"{self.op.type} {self.op.name!r} takes {parameter} of flexible shape {shape}",
                "export the model with one fixed input size",
            )
        return shape

    def shape_of(self, argument: Argument) -> Shape:
        """Shape of any value, as far as it is known: -1 where a size is not."""
        if isinstance(argument, Constant):
            return argument.type.shape
        if argument in self.constants:
            return self.constants[argument].type.shape
        if argument not in self.shapes:
            raise IncompleteCallError(f"{argument!r} is used before it is computed")
        return self.shapes[argument]
