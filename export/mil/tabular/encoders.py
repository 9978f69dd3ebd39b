"""Categories to numbers and back, and many features in one array.

Sources: coremltools' `OneHotEncoder.proto`, `DictVectorizer.proto`, `FeatureVectorizer.proto`,
`CategoricalMapping.proto`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.mil.tabular.values import Floats, Key, Values, flat, index_of
from mobilenet.common.errors import UnsupportedError


@dataclass(frozen=True)
class OneHotEncoding:
    """The place of a category among all, as zeros with a 1, or as a dictionary of that place."""

    name: str  # of the input
    places: Mapping[Key, int]  # of the categories
    is_sparse: bool
    ignores_unknown: bool  # which is then nothing but zeros

    def of(self, value: Key) -> Floats | dict[int, float]:
        """Raises `UnsupportedError` for an unknown category."""
        ones: dict[int, float] = {}
        if value in self.places or not self.ignores_unknown:
            ones[index_of(self.places, self.name, value)] = 1.0
        return ones if self.is_sparse else dense(ones, len(self.places), self.name)


@dataclass(frozen=True)
class DictionaryVectorization:
    """The values of a dictionary at the places of their keys.

    Keys that are not known are left out, which coremltools' tests ask for, though the format's
    text says that there must be none; zeros, which a dictionary of places may have, as well.
    """

    places: Mapping[Key, int]

    def of(self, value: Mapping[Key, float]) -> dict[int, float]:
        """Values by the places of their keys."""
        return {self.places[key]: float(each) for key, each in value.items() if key in self.places}


@dataclass(frozen=True)
class FeatureVectorization:
    """Numbers, arrays, and dictionaries of places, one behind the other: names and sizes."""

    columns: Sequence[tuple[str, int]]

    def of(self, values: Values) -> Floats:
        """(elements,). Raises `UnsupportedError` for a feature of another size."""
        return np.concatenate([self._part(values, *column) for column in self.columns])

    def _part(self, values: Values, name: str, size: int) -> Floats:
        value = values.get(name, np.nan)
        return dense(value, size, name) if isinstance(value, dict) else flat(name, value, size)


@dataclass(frozen=True)
class CategoryMapping:
    """Strings to integers or integers to strings, one or a list of them."""

    name: str  # of the input
    mapping: Mapping[Any, Any]
    otherwise: Key | None  # for what the mapping does not have; None: that is an error

    def of(self, value: Any) -> Any:
        """Raises `UnsupportedError` for what is not known and has no other value."""
        if isinstance(value, list | tuple):
            return [self._single(each) for each in value]
        return self._single(value)

    def _single(self, value: Key) -> Key:
        if value not in self.mapping and self.otherwise is not None:
            return self.otherwise
        result: Key = index_of(self.mapping, self.name, value)
        return result


def dense(values: Mapping[int, float], size: int, name: str) -> Floats:
    """(size,), with zeros where there is no value. Raises `UnsupportedError` for other places."""
    result = np.zeros(size)
    for place, value in values.items():
        if not 0 <= place < size:
            raise UnsupportedError(
                f"{name!r} has a value at {place}, of {size}", "places are counted from 0"
            )
        result[place] = value
    return result
