"""What a model keeps from one prediction to the next, as coremltools' `MLState` does."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from export.mil.description import TensorInput
from export.runtimes.base import Feature, LoadedModel
from mobilenet.common.errors import UnsupportedError


@runtime_checkable
class StatefulModel(LoadedModel, Protocol):
    """A loaded model that may keep states."""

    def make_state(self) -> "ModelState":
        """A new state, to be given to each prediction of a sequence."""
        ...

    def predict(
        self, inputs: Mapping[str, Feature], state: "ModelState | None" = None
    ) -> dict[str, Feature]:
        """All outputs by name; `state` is changed as the model changes it.

        Without one, a model that keeps some begins with zeros.
        """
        ...


class ModelState:
    """The states of one sequence of predictions, by name; zeros at its beginning."""

    def __init__(self, declared: Sequence[TensorInput]) -> None:
        self._declared = {item.name: item for item in declared}
        self._values = {item.name: np.zeros(item.shape, np.float32) for item in declared}

    def read_state(self, name: str) -> NDArray[np.float32]:
        """A copy of what is kept. Raises `UnsupportedError` for an unknown name."""
        self._require(name)
        return self._values[name].copy()

    def write_state(self, name: str, value: ArrayLike) -> None:
        """Keep another array, rounded to the declared type.

        Raises `UnsupportedError` for an unknown name, and for another shape.
        """
        self._require(name)
        declared = self._declared[name]
        with np.errstate(over="ignore"):  # what a half cannot hold becomes infinite
            array = np.asarray(value).astype(declared.dtype)
        if array.shape != declared.shape:
            raise UnsupportedError(
                f"state {name!r} has shape {array.shape}", f"give {declared.shape}"
            )
        self._values[name] = array.astype(np.float32)

    def _require(self, name: str) -> None:
        if name not in self._declared:
            names = ", ".join(map(repr, self._declared)) or "none"
            raise UnsupportedError(f"state {name!r} is unknown", f"the model keeps {names}")
