"""Numbers made from numbers: scaling, norms, missing values, parts of arrays.

Sources: coremltools' `Scaler.proto`, `Normalizer.proto`, `Imputer.proto`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.mil.tabular.values import Floats


@dataclass(frozen=True)
class Scaling:
    """scale (x + shift), each one number or one for each element."""

    shift: Floats
    scale: Floats

    def of(self, values: Floats) -> Floats:
        """In the shape of `values`. Raises `ValueError` for another number of elements."""
        result: Floats = self.scale * (values + self.shift)
        if result.shape != values.shape:
            raise ValueError(f"{values.shape} elements for {result.shape} scales")
        return result


@dataclass(frozen=True)
class NormDivision:
    """Division by a norm: 0 is the largest element (not by its size), 1 the sum of the absolute
    values, 2 the root of the sum of squares. What has the norm 0 stays, as in scikit-learn."""

    norm: int

    def of(self, values: Floats) -> Floats:
        """In the shape of `values`."""
        norm = (np.max, lambda x: np.abs(x).sum(), np.linalg.norm)[self.norm](values)
        return values / norm if norm else values


@dataclass(frozen=True)
class Imputation:
    """Another value in place of one that is `missing`, or of an input that is not there.

    `imputed` is an array of a value for each element, or the only value.
    """

    missing: Any  # None: only an input that is not there
    imputed: Any

    def of(self, value: Any) -> Any:
        """With other values for those that are missing."""
        if value is None:
            return self.imputed
        if isinstance(self.missing, str) or isinstance(value, str | dict):
            return self.imputed if value == self.missing else value
        return np.where(self._is_missing(np.asarray(value)), self.imputed, value)

    def _is_missing(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        if self.missing is None:
            return np.zeros(values.shape, bool)
        is_nan = isinstance(self.missing, float) and np.isnan(self.missing)
        found: NDArray[np.bool_] = np.isnan(values) if is_nan else values == self.missing
        return found
