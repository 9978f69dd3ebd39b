"""A model of tables as something that can be called."""

from collections.abc import Mapping

import numpy as np

from export.mil.description import ModelDescription
from export.mil.tabular_model import TabularModel
from export.runtimes.base import Feature
from export.runtimes.inputs import check_names
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.text import one_line

MAX_REASON = 150  # characters


class TabularSession:
    """`LoadedModel` of a `TabularModel`."""

    def __init__(self, model: TabularModel) -> None:
        self.model = model

    @property
    def description(self) -> ModelDescription:
        """As `LoadedModel`."""
        return self.model.description

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """What it declares to give, in the types that coremltools has for them.

        An array may have any shape of as many elements. Raises `UnsupportedError` for another
        size, and for a category that the model does not know.
        """
        check_names(self.description, inputs)
        try:
            with np.errstate(all="ignore"):
                return self.model.evaluate(inputs)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            reason = one_line(str(error), MAX_REASON)
            raise UnsupportedError(
                f"a {self.model.kind} cannot take these inputs: {reason}",
                "see what it declares: python -m export inspect",
            ) from error
