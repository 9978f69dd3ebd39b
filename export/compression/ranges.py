"""Ranges of activations by the least squared error: a rare extreme costs all other values digits.

Behind ReLU6 nothing is above 6, but where most values are small, finer steps up to 3 lose less
than the few that are cut off there.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.compression.activations import Range, rounded, units
from export.compression.calibration import Calibration
from export.compression.quantizer import Quantizer
from export.compression.weights import rows_reading_pixels
from mobilenet.checkpoint import Checkpoint

if TYPE_CHECKING:
    from torch import Tensor

PHOTOGRAPHS = 128  # of which values are counted: tens of thousands in each layer
TOGETHER = 8  # photographs
BINS = 8192  # of the values of one layer; 32 in a step
SHARES = np.linspace(0.3, 1.0, 36)  # of the extremes, as candidates


def least_error_quantizers(folded: Checkpoint, photographs: Calibration) -> dict[str, Quantizer]:
    """Quantizers of the layers' inputs by the layer's name; rows that read pixels have none."""
    first = rows_reading_pixels(folded)
    names = [name for name in folded.layers if name not in first]
    extremes = {name: _Extremes() for name in names}
    _watch(folded, photographs, extremes)
    counts = {name: _Counts(extremes[name].range) for name in names}
    _watch(folded, photographs, counts)
    return {name: counts[name].best() for name in names}


class _Extremes:
    """The lowest and the highest value, and 0."""

    def __init__(self) -> None:
        self.range = Range()

    def add(self, values: "Tensor") -> None:
        low, high = (float(bound) for bound in values.aminmax())
        self.range = Range(min(self.range.low, low), max(self.range.high, high))


class _Counts:
    """How often values lie in each of `BINS`; zeros, which every quantizer holds, are left out."""

    def __init__(self, extremes: Range) -> None:
        self._extremes = extremes
        self._counts: NDArray[np.float64] = np.zeros(BINS)

    def add(self, values: "Tensor") -> None:
        low, high = self._extremes
        counted = (
            values[values != 0].histc(BINS, low, high) if high > low else values.new_zeros(BINS)
        )
        self._counts += counted.double().numpy()

    def best(self) -> Quantizer:
        """Of the candidates, the one of the least squared error."""
        import torch

        low, high = self._extremes
        width = (high - low) / BINS
        middles = torch.from_numpy((low + width * (np.arange(BINS) + 0.5)).astype(np.float32))
        candidates = [Range(low * share, high * share).quantizer() for share in SHARES]
        errors = [
            float(self._counts @ ((rounded(middles, each) - middles) ** 2).double().numpy())
            for each in candidates
        ]
        return candidates[::-1][int(np.argmin(errors[::-1]))]


def _watch(folded: Checkpoint, photographs: Calibration, watchers: Mapping[str, Any]) -> None:
    """Show what enters each layer to its watcher."""
    import torch

    from mobilenet.torch_module import from_checkpoint

    module = from_checkpoint(folded)
    for name, unit in units(module):
        if name in watchers:
            unit.register_forward_pre_hook(
                lambda _, arguments, watcher=watchers[name]: watcher.add(arguments[0])
            )
    seen = photographs.views(photographs.learned_from[:PHOTOGRAPHS])
    with torch.inference_mode():
        for start in range(0, len(seen), TOGETHER):
            module(torch.from_numpy(photographs.inputs(seen[start : start + TOGETHER])))
