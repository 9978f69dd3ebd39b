"""What a network computed, as Core ML gives it out: classes, pictures, numbers, arrays."""

from collections.abc import Sequence

import numpy as np

from export.mil.description import ModelDescription
from export.runtimes import picture_outputs
from export.runtimes.base import Feature
from export.runtimes.integer_labels import integer_labels
from mobilenet.common.errors import PackageError


class NamedOutputs:
    """For a model of a `description`, of which the arrays called `names` are computed."""

    def __init__(self, description: ModelDescription, names: Sequence[str]) -> None:
        kinds = {output.name: output.kind for output in description.outputs}
        self._pictures = {item.name: item.picture for item in description.outputs if item.picture}
        self._numbers = {name for name in names if kinds.get(name) == "number"}
        self._probabilities = {name for name in names if kinds.get(name) == "dictionary"}
        # a label comes from `classify` as well, but strings are no tensors: made here
        self._label = next((name for name in kinds if name not in names), None)
        self._undeclared = None  # probabilities that only tell the class; before extra outputs
        if self._label is not None and not self._probabilities:
            self._undeclared = next((name for name in names if name not in kinds), None)
            if self._undeclared is None:
                raise PackageError(
                    f"output {self._label!r} is declared, and not computed", "make the model again"
                )
            self._probabilities.add(self._undeclared)
        is_text = self._label is None or kinds[self._label] == "string"
        self._labels = description.labels if is_text else integer_labels(description.labels)

    def of(self, computed: dict[str, Feature]) -> dict[str, Feature]:
        """With the class, a probability for each label, pictures, and the number of a regressor.
        A scalar has one axis."""
        outputs: dict[str, Feature] = {
            name: np.atleast_1d(values) for name, values in computed.items()
        }
        for name in self._numbers:
            outputs[name] = outputs[name].item()
        for name, picture in self._pictures.items():
            outputs[name] = picture_outputs.picture(name, outputs[name], picture)
        for name in self._probabilities:
            values = outputs[name]
            if self._label is not None:
                outputs[self._label] = self._labels[int(values.argmax())]
            outputs[name] = dict(zip(self._labels, values.tolist(), strict=True))
        if self._undeclared is not None:
            del outputs[self._undeclared]
        return outputs
