"""Arguments that a reader writes in place: a stride, a limit, a bias for each channel."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from export.mil.program import Argument, Constant, TensorType

# parameters whose strings are names of values, not text
COMPUTED = (
    "a", "axis", "b", "begin", "bias", "bias_back", "boxes", "cond", "data", "end", "indices",
    "initial_c", "initial_h", "k", "lengths", "one_hot_vector_size", "pad", "peephole",
    "peephole_back", "ref_tensor", "reps", "roi", "scores", "shape", "start", "step", "updates",
    "weight", "weight_hh", "weight_hh_back", "weight_ih", "weight_ih_back", "x", "y",
)  # fmt: skip

PlainValue = Argument | tuple[Argument, ...] | bool | int | float | list[int] | list[bool]


def fixed(name: str, value: ArrayLike, dtype: type[np.generic] = np.float32) -> Constant:
    """A constant that the reader makes."""
    if isinstance(value, str):
        text = value
        return Constant(TensorType(name, "string", ()), lambda: text)
    array: NDArray[Any] = np.array(value, dtype)
    return Constant(TensorType(name, array.dtype.name, array.shape), lambda: array)


def arguments(name: str, parameter: str, value: PlainValue) -> tuple[Argument, ...]:
    """What is given as `parameter`; a plain value becomes a constant called `name`."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, Constant) or (isinstance(value, str) and parameter in COMPUTED):
        return (value,)
    kind = {bool: np.bool_, int: np.int32, float: np.float32}
    first = value[0] if isinstance(value, list) and value else value
    return (fixed(name, value, kind.get(type(first), np.int32)),)
