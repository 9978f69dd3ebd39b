"""Eight bits for activations, as numbers."""

from typing import NamedTuple


class Quantizer(NamedTuple):
    """Of activations: clip(round(x / scale) + zero_point, 0, 255), as uint8."""

    scale: float
    zero_point: int = 0
