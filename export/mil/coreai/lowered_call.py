"""A MIL operation while it is written as Core AI's, and the table of those that can be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from export.mil.ops.call import Call
from export.mil.program import TensorType

if TYPE_CHECKING:
    from coreai.authoring import Value


@dataclass(frozen=True)
class CoreAICall(Call):
    """A call, and the values of the graph so far by MIL's names."""

    values: "Mapping[str, Value]"
    types: Mapping[str, TensorType]

    @property
    def core_ai(self) -> ModuleType:
        """`coreai.authoring`, whose functions write operations."""
        import coreai.authoring

        module: ModuleType = coreai.authoring
        return module

    def __getitem__(self, parameter: str) -> "Value":
        """The one value given as `parameter`."""
        return self._value(parameter, self.argument(parameter))

    def many(self, parameter: str) -> "list[Value]":
        """All values given as `parameter`."""
        arguments = self.op.inputs.get(parameter, ())
        return [self._value(parameter, argument) for argument in arguments]

    def dtype(self, parameter: str = "x") -> str:
        """numpy's name for the type of `parameter`."""
        argument = self.argument(parameter)
        if isinstance(argument, str):
            constant = self.constants.get(argument)
            return self.types[argument].dtype if constant is None else constant.type.dtype
        return argument.type.dtype

    def like(self, number: float, parameter: str = "x") -> np.generic:
        """A number of the type that `parameter` has."""
        scalar: np.generic = np.dtype(self.dtype(parameter)).type(number)
        return scalar

    def stored(self, parameter: str, values: ArrayLike | None = None) -> "Value":
        """The constant `parameter`, or `values` made from it, under the operation's name.

        Halves that the old format keeps for float32 arithmetic become float32: Core AI's
        operations take numbers of one type.
        """
        from export.coreai.library import named_constant

        array = self.array(parameter) if values is None else np.asarray(values)
        computed = self.op.outputs[0].dtype
        if array.dtype == np.float16 and computed == "float32":
            array = array.astype(computed)
        return named_constant(f"{self.op.name}.{parameter}", array)

    def reshaped(self, value: "Value", shape: Sequence[int]) -> "Value":
        """`value` in another shape."""
        return self.core_ai.reshape(value, np.asarray(shape, np.int32))

    def _value(self, parameter: str, argument: Any) -> "Value":
        if isinstance(argument, str) and argument in self.values:
            return self.values[argument]
        return self.stored(parameter)


LowerToCoreAI = Callable[[CoreAICall], "Value | Sequence[Value]"]
CORE_AI: dict[str, LowerToCoreAI] = {}  # by MIL's name
L = TypeVar("L", bound=LowerToCoreAI)


def writes(*names: str) -> Callable[[L], L]:
    """Enter a lowering for the operations called `names`."""

    def decorate(lower: L) -> L:
        for name in names:
            CORE_AI[name] = lower
        return lower

    return decorate
