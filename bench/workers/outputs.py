"""Proof that something was computed, and that it was the right thing.

The worker names the class and leaves the numbers in a file; what to make of them is decided here,
by the parent, for every worker alike.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.results.records import Output
from export.runtimes.base import Feature

Vector = NDArray[np.float32]
STORED = np.dtype("<f4")

# Relative L2 of all outputs from the reference's. float16 on other hardware moves probabilities
# by some percent; a runtime that computes something else is off by about 1.
TOLERANCE = 0.1


def vector(outputs: Mapping[str, Feature]) -> Vector:
    """All numbers of the outputs in a fixed order; strings are left out."""
    parts = [np.empty(0)]
    for _, value in sorted(outputs.items()):
        if isinstance(value, Mapping):
            parts.append(np.array([value[key] for key in sorted(value, key=str)], np.float64))
        elif not isinstance(value, str):
            parts.append(np.asarray(value, np.float64).ravel())
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        return np.concatenate(parts).astype(np.float32)


def write(path: Path, values: Vector) -> None:
    """`values` as the protocol has them: raw little-endian float32."""
    path.write_bytes(values.astype(STORED).tobytes())


def read(path: Path) -> Vector:
    """Raises `ValueError` for a file that holds no whole float32 numbers."""
    return np.frombuffer(path.read_bytes(), STORED)


def summary(top1: str, values: Vector, reference: Vector | None = None) -> Output:
    """What a launch records of its outputs."""
    finite = bool(np.isfinite(values).all())
    far = None if reference is None or not finite else difference(values, reference)
    return Output(top1=top1, digest=digest(values), finite=finite, difference=far)


def top1(outputs: Mapping[str, Feature]) -> str:
    """The class where one is named, else the likeliest key, else the largest element's index.

    Of equals the first: outputs in the order of their names, keys in their own.
    """
    values = [value for _, value in sorted(outputs.items())]
    for value in values:
        if isinstance(value, str):
            return value
    for value in values:
        if isinstance(value, Mapping) and value:
            return str(max(sorted(value, key=str), key=lambda key: value[key]))
    arrays = (np.asarray(value).ravel() for value in values if not isinstance(value, Mapping))
    largest = max(arrays, key=np.size, default=None)
    return "" if largest is None or not largest.size else str(int(largest.argmax()))


def digest(values: Vector) -> str:
    """sha256 of the values to 3 significant digits."""
    text = " ".join(f"{value:.2e}" for value in values.tolist())
    return hashlib.sha256(text.encode()).hexdigest()


def difference(values: Vector, reference: Vector) -> float:
    """Relative L2 distance; 1 where the sizes do not even agree."""
    if values.shape != reference.shape:
        return 1.0
    expected = reference.astype(np.float64)
    scale = float(np.linalg.norm(expected))
    distance = float(np.linalg.norm(values - expected))
    return distance / scale if scale else float(distance > 0)


def wrong(output: Output) -> str:
    """Why these outputs disqualify their launch; empty when they do not."""
    if not output.finite:
        return "outputs are not finite (NaN or infinity)"
    if output.difference is not None and output.difference > TOLERANCE:
        return (
            f"outputs differ from the reference by {output.difference:.2g} (relative L2; "
            f"allowed {TOLERANCE:g}), top-1 is {output.top1}"
        )
    return ""
