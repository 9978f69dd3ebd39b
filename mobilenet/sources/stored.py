"""Tensors as they lie in a file: what they are said to be is checked before they are read."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mobilenet.checkpoint import Array, BatchNorm, Layer
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import escaped

MAX_FLOATS = 1 << 26  # of all tensors of a file; alpha 4 with a thousand classes has 55 million
MAX_DIMENSIONS = 4  # of a kernel
MAX_NAME = 150  # characters, as they are printed
OIHW = (0, 1, 2, 3)
# TensorFlow's kernels to (out, in / groups, height, width)
HWIO, HWC1 = (3, 2, 0, 1), (2, 3, 0, 1)
TORCH_NORM = ("weight", "bias", "running_mean", "running_var")
TENSORFLOW_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
TORCH_COUNTER = "num_batches_tracked"
OTHER_NETWORK = "is it another network? export(model, ...) from Python takes any module"


class Stored(NamedTuple):
    """What a file says of a tensor, and the decoder's call that reads it."""

    shape: tuple[int, ...]
    dtype: str  # in the file's own words
    is_float: bool
    read: Callable[[], ArrayLike]


class Allowance:
    """The floats that may still be read of a file, whatever it claims to hold."""

    def __init__(self) -> None:
        self._left = MAX_FLOATS

    def spend(self, what: str, shape: Sequence[int]) -> None:
        """Count a tensor in. Raises `CheckpointError` for one that no network's file can hold."""
        check_shape(what, shape)
        self._left -= math.prod(shape)
        if self._left < 0:
            raise CheckpointError(
                f"{what} has shape {tuple(shape)}: over {MAX_FLOATS:,} floats are in the file",
                OTHER_NETWORK,
            )


def check_shape(what: str, shape: Sequence[int]) -> None:
    """Raise `CheckpointError` for a shape that no tensor of a network has."""
    if len(shape) > MAX_DIMENSIONS or min(shape, default=1) < 1:
        sides = ", ".join(map(str, shape[:MAX_DIMENSIONS]))
        more = ", ..." if len(shape) > MAX_DIMENSIONS else ""
        raise CheckpointError(f"{what} has shape ({sides}{more})", "is the file complete?")


def shaped(data: bytes | memoryview, dtype: str, shape: Sequence[int], what: str) -> NDArray[Any]:
    """Bytes as the array that their file says they are. Raises `CheckpointError` for others."""
    check_shape(what, shape)
    if len(data) != np.dtype(dtype).itemsize * math.prod(shape):
        raise CheckpointError(
            f"{what} holds {len(data)} bytes for shape {tuple(shape)}", "is the file complete?"
        )
    return np.frombuffer(data, dtype).reshape(shape)


class Tensors:
    """A file's tensors by name, each read when it is asked for, and float32 from then on."""

    def __init__(self, names: Iterable[str], stored: Callable[[str], Stored]) -> None:
        self.in_order = tuple(names)
        self.names = frozenset(self.in_order)
        self._stored = stored
        self._allowance = Allowance()
        self._taken: set[str] = set()
        longest = max(map(escaped, self.names), key=len, default="")
        if len(longest) > MAX_NAME:
            raise CheckpointError(
                f"a tensor's name has {len(longest):,} characters: {longest[:60]}", OTHER_NETWORK
            )

    def numbered(self, pattern: str) -> list[tuple[int, ...]]:
        """The numbers in the names that begin with `pattern`, a regular expression, in order."""
        matches = (re.match(pattern, name) for name in self.names)
        return sorted({tuple(map(int, match.groups())) for match in matches if match})

    def shape(self, name: str) -> tuple[int, ...]:
        """As the file says it."""
        return self._stored(name).shape

    def take(self, name: str, axes: tuple[int, ...] | None = (0,)) -> Array:
        """The tensor with its axes in our order; `axes` also says how many it must have.

        None takes it as it is.
        """
        if name not in self.names:
            raise CheckpointError(f"tensor {name} is missing", "is the file complete?")
        self._taken.add(name)
        stored = self._stored(name)
        self._allowance.spend(f"tensor {name}", stored.shape)
        axes = tuple(range(len(stored.shape))) if axes is None else axes
        if len(stored.shape) != len(axes):
            raise CheckpointError(
                f"tensor {name} has shape {stored.shape}, {len(axes)} dimensions are needed",
                "is it a MobileNet?",
            )
        if not stored.is_float:
            raise CheckpointError(
                f"tensor {name} holds {stored.dtype}, not floats of 16, 32 or 64 bits",
                "convert it to float32 first",
            )
        with decoding(f"tensor {name}"):
            array = np.asarray(stored.read())
        with np.errstate(over="ignore"):  # float64 beyond float32 turns inf, which is refused
            return np.array(array.transpose(axes), np.float32, order="C")  # writable, our own

    def convolution(
        self,
        kernel: str,
        norm: str,
        axes: tuple[int, ...] = OIHW,
        fields: Sequence[str] = TORCH_NORM,
    ) -> Layer:
        """A kernel, and the batch norm whose four vectors are called `norm` + field."""
        vectors = (self.take(norm + field) for field in fields)
        return Layer(self.take(kernel, axes), norm=BatchNorm(*vectors))

    def refuse_rest(self, ignored: str = TORCH_COUNTER) -> None:
        """Raise for a tensor that nobody took: the file holds more than a MobileNet v1."""
        if rest := sorted(n for n in self.names - self._taken if not n.endswith(ignored)):
            raise CheckpointError(
                f"tensor {rest[0]} has no place in a MobileNet (nor have {len(rest) - 1} more)",
                OTHER_NETWORK,
            )
