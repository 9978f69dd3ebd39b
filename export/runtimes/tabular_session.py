"""A model of tables as something that can be called."""

import math
from collections.abc import Mapping

import numpy as np

from export.mil.description import ModelDescription, TensorInput
from export.mil.tabular_model import TabularModel
from export.runtimes.base import Feature
from export.runtimes.inputs import check
from export.runtimes.refusals import MAX_REASON
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.text import one_line


class TabularSession:
    """`LoadedModel` of a `TabularModel`."""

    def __init__(self, model: TabularModel) -> None:
        self.model = model

    @property
    def description(self) -> ModelDescription:
        """As `LoadedModel`."""
        return self.model.description

    def fitted(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """What another model of a pipeline gives, in the shapes that this one declares: a network
        gives (1, 3, 1, 1) where a table takes (3)."""
        shapes = {item.name: item.shape for item in self.description.inputs
                  if isinstance(item, TensorInput)}  # fmt: skip
        return {
            name: np.reshape(value, shape)
            if (shape := shapes.get(name)) and np.size(value) == math.prod(shape)
            else value
            for name, value in inputs.items()
        }

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """What it declares to give, in the types that coremltools has for them.

        Raises `UnsupportedError` for an array of another shape, and for a category that the model
        does not know.
        """
        check(self.description, inputs)
        try:
            with np.errstate(all="ignore"):
                return self.model.evaluate(inputs)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            reason = one_line(str(error), MAX_REASON)
            raise UnsupportedError(
                f"a {self.model.kind} cannot take these inputs: {reason}",
                "see what it declares: python -m export inspect",
            ) from error
