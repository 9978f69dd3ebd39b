"""Eight bits for activations, as numbers."""

from typing import NamedTuple

import numpy as np


class Quantizer(NamedTuple):
    """Of activations: clip(round(x / scale) + zero_point, 0, 255), as uint8."""

    scale: float
    zero_point: int = 0

    def rounded(self, dtype: type[np.floating]) -> "Quantizer":
        """As a file has it that stores scales as `dtype`."""
        return self._replace(scale=float(dtype(self.scale)))
