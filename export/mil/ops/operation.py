"""The table of lowerings, and what each of them is handed."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from export.mil.ops.graph import Graph
from export.mil.program import Constant, Op, TensorType
from mobilenet.common.errors import PackageError, UnsupportedError


class Call:
    """One operation while it is lowered: what it was given, and the nodes made for it."""

    def __init__(self, graph: Graph, op: Op) -> None:
        self.graph = graph
        self.op = op

    def __getitem__(self, parameter: str) -> str:
        """Name in the ONNX graph of the one value given as `parameter`."""
        return self.graph.value(self._one(parameter))

    def get(self, parameter: str) -> str | None:
        """The same; None when nothing was given."""
        return self[parameter] if self.op.inputs.get(parameter) else None

    def many(self, parameter: str) -> list[str]:
        """Names of all values given as `parameter`."""
        return [self.graph.value(argument) for argument in self.op.inputs.get(parameter, ())]

    def tensor_type(self, parameter: str = "x") -> TensorType:
        """MIL type of the value given as `parameter`."""
        return self.graph.type(self._one(parameter))

    def shape(self, parameter: str = "x") -> tuple[int, ...]:
        """Shape of the value given as `parameter`; every size is known."""
        shape = self.tensor_type(parameter).shape
        if min(shape, default=0) < 0:
            raise UnsupportedError(
                f"{self.op.type} {self.op.name!r} takes {parameter} of flexible shape {shape}",
                "export the model with one fixed input size",
            )
        return shape

    def array(self, parameter: str) -> NDArray[Any]:
        """The constant given as `parameter`."""
        value = self._constant(parameter).load()
        return np.asarray(value)

    def ints(self, parameter: str, default: Iterable[int] | None = None) -> list[int]:
        """A list of integers known before the program runs."""
        if default is not None and not self.op.inputs.get(parameter):
            return list(default)
        return [int(value) for value in self.array(parameter).reshape(-1)]

    def integer(self, parameter: str, default: int | None = None) -> int:
        """One integer known before the program runs."""
        return self.ints(parameter, None if default is None else [default])[0]

    def number(self, parameter: str, default: float | None = None) -> float:
        """One number known before the program runs."""
        if default is not None and not self.op.inputs.get(parameter):
            return default
        return float(self.array(parameter).reshape(-1)[0])

    def flag(self, parameter: str, default: bool) -> bool:
        return bool(self.integer(parameter, int(default)))

    def text(self, parameter: str, default: str) -> str:
        return str(self.array(parameter)) if self.op.inputs.get(parameter) else default

    def constant(self, value: Any, dtype: type[np.generic] = np.float32) -> str:
        """A value of the lowering's own."""
        return self.graph.constant(np.asarray(value, dtype))

    def emit(self, kind: str, *inputs: str | None, **attributes: Any) -> str:
        """Add a node of one output, and return its name."""
        return self.emit_many(kind, 1, *inputs, **attributes)[0]

    def emit_many(
        self, kind: str, outputs: int, *inputs: str | None, **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node, and return the names of its outputs. An input of None is left out."""
        return self.graph.add(kind, self.op.name, inputs, outputs, attributes)

    def unsupported(self, what: str) -> UnsupportedError:
        """The error for a form of this operation that has no lowering."""
        return UnsupportedError(
            f"{self.op.type} {self.op.name!r} with {what} cannot be run here",
            "Core ML on a Mac runs it",
        )

    def _one(self, parameter: str) -> str | Constant:
        given: Sequence[str | Constant] = self.op.inputs.get(parameter, ())
        if len(given) != 1:
            raise PackageError(
                f"{self.op.type} {self.op.name!r} has {len(given)} values for {parameter!r}",
                "it needs exactly one: the program is damaged",
            )
        return given[0]

    def _constant(self, parameter: str) -> Constant:
        argument = self._one(parameter)
        constant = self.graph.constants.get(argument) if isinstance(argument, str) else argument
        if constant is None:
            raise self.unsupported(f"a {parameter} that is computed at run time")
        return constant


Lowering = Callable[[Call], "str | tuple[str, ...]"]
LOWERINGS: dict[str, Lowering] = {}

L = TypeVar("L", bound=Lowering)


def lowers(*kinds: str) -> Callable[[L], L]:
    """Enter a function as the lowering of these operations; it returns its outputs' names."""

    def enter(lowering: L) -> L:
        for kind in kinds:
            if kind in LOWERINGS:
                raise ValueError(f"{kind} has two lowerings")
            LOWERINGS[kind] = lowering
        return lowering

    return enter
