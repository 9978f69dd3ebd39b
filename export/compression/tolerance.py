"""How far a compressed weight may lie from the one it stands for: half a step of its form.

The values that compressed weights lose are the compression's nature and no fault; weights
farther off than that are one. Every form is checked for its own promise.
"""

import numpy as np
from numpy.typing import NDArray

from export.targets import PRUNED

Array = NDArray[np.float32]

STEPS = {"int8": 127, "w8a8": 127, "int4": 7}  # to each side of zero
SLACK = 0.75  # of a step: the half, and scales and products that are rounded to float16
LEAST = 1e-5  # absolute: below, float16 scales run out of digits


def within_half_a_step(
    stored: Array, original: Array, compression: str, block: int | None
) -> bool:
    """Whether `stored` is what `compression` makes of `original`, both (out, in / groups, ...).

    int8, int4: off by half a step, of which the largest weight of the output channel (or of
    `block` input channels in it) is so many. Palettes: no other value of the table is nearer.
    Pruned: equal, where `original` is `compress.pruned`.
    """
    error = np.abs(stored - original)
    if compression in STEPS:
        step = _largest(original, block) / STEPS[compression]
        return bool((error <= SLACK * step + LEAST).all())
    if PRUNED.fullmatch(compression):
        return bool((error <= np.spacing(np.abs(original).astype(np.float16))).all())
    table = np.unique(stored)
    levels = 2 ** int(compression.removeprefix("palette"))
    above = np.searchsorted(table, original).clip(1, max(len(table) - 1, 1))
    candidates = [table[np.minimum(at, len(table) - 1)] for at in (above - 1, above)]
    nearest = np.minimum(*(np.abs(value - original) for value in candidates))
    # the weight and both values are rounded to halves: half a spacing each, the weight's twice
    slack = 2 * np.spacing(np.abs(original).max().astype(np.float16))
    return len(table) <= levels and bool((error <= nearest + slack).all())


def _largest(kernel: Array, block: int | None) -> Array:
    """Largest magnitude of the group that each weight shares a scale with."""
    flat = np.abs(kernel).reshape(*kernel.shape[:2], -1)  # (out, in, taps)
    rows = (
        flat if block is None or flat.shape[1] % block else flat.reshape(-1, block, flat.shape[2])
    )
    largest = np.broadcast_to(rows.max(axis=(1, 2), keepdims=True), rows.shape)
    return largest.reshape(kernel.shape)
