"""Where the numbers of a map lie in a value of the graph, however the graph turns it around.

Transposes, reshapes, flattening and flips compute nothing. What they do to a value, they do here
to the numbers' places, so that the order of a flattened map, and the channels behind a flip, are
known from whatever the file does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]
MAX_MOVED = 1 << 24  # numbers of a value: the largest map of alpha 1 at 1024 pixels has half
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Layout:
    """A value of `shape` in the graph, whose numbers are those of a (C, H, W) map.

    `places` are indices into the flat map, one for each number of the value; None while they lie
    in the map's own order.
    """

    natural: tuple[int, int, int]
    shape: Shape
    places: Places | None = None

    @classmethod
    def of_map(cls, channels: int, height: int, width: int) -> "Layout":
        """(1, C, H, W) as it comes out of a convolution."""
        return cls((channels, height, width), (1, channels, height, width))

    @property
    def numbers(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    @property
    def is_map(self) -> bool:
        """Whether it is (1, C, H, W) in the map's own order."""
        return self.places is None and self.shape == (1, *self.natural)

    @property
    def is_vector(self) -> bool:
        """Whether all numbers lie along the last axis."""
        return bool(self.shape) and self.shape[-1] == self.numbers

    @property
    def has_flipped_channels(self) -> bool:
        """Whether it is (1, C, H, W), and the last channel comes first."""
        if self.places is None or self.shape != (1, *self.natural):
            return False
        flipped = np.arange(self.numbers).reshape(self.natural)[::-1]
        return np.array_equal(self.places.reshape(self.natural), flipped)

    def table(self) -> Places:
        """The places in the flat map, in the shape of the value."""
        return self._places().reshape(self.shape)

    def reshaped(self, shape: Shape) -> "Layout":
        """The same numbers in the same order. Raises `ValueError` for another count of them."""
        if math.prod(shape) != self.numbers:
            raise ValueError(f"{self.shape} does not become {shape}")
        return replace(self, shape=shape)

    def moved(self, move: Callable[[NDArray[Any]], NDArray[Any]]) -> "Layout":
        """After a function that moves numbers, and loses none."""
        moved = move(self._places().reshape(self.shape))
        places = np.ascontiguousarray(moved).ravel()
        in_order = np.array_equal(places, np.arange(places.size))
        if not in_order and not np.array_equal(np.sort(places), np.arange(self.numbers)):
            raise ValueError("numbers are left out")
        return Layout(self.natural, moved.shape, None if in_order else places)

    def mean_over(self, axes: tuple[int, ...], keepdims: bool) -> "Layout | None":
        """Of a mean over `axes` that takes each channel's whole map, and nothing else."""
        channels, height, width = self.natural
        channel = (self._places() // (height * width)).reshape(self.shape)
        axes = tuple(axis % len(self.shape) for axis in axes)
        if math.prod(self.shape[axis] for axis in axes) != height * width:
            return None
        first = channel.min(axis=axes, keepdims=keepdims)
        if not np.array_equal(first, channel.max(axis=axes, keepdims=keepdims)):
            return None
        pooled = Layout((channels, 1, 1), (1, channels, 1, 1))
        in_order = np.array_equal(first.ravel(), np.arange(channels))
        return replace(pooled, shape=first.shape, places=None if in_order else first.ravel())

    def natural_order(self, constant: NDArray[Any]) -> Array:
        """A constant that meets the value number by number, in the map's order.

        (C, 1, 1) where it is one number per channel, else (C, H, W). Raises `ValueError` for one
        that does not fit.
        """
        values = np.asarray(constant, np.float64)
        channels = self.natural[0]
        if values.size == 1 and values.ndim <= len(self.shape):
            return np.full((channels, 1, 1), values.flat[0])
        along = (1,) * (len(self.shape) - values.ndim) + values.shape
        if np.broadcast_shapes(self.shape, along) != self.shape:
            raise ValueError(f"a constant {values.shape} does not fit {self.shape}")
        if self.is_map and along[2:] == (1, 1):
            return values.reshape(channels, 1, 1)
        full = np.empty(self.numbers)
        full[self._places()] = np.broadcast_to(values, self.shape).ravel()
        return per_channel(full.reshape(self.natural))

    def in_map_order(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows of a matrix, one for each number of the value, in the map's order."""
        if self.places is None:
            return rows
        natural = np.empty_like(rows)
        natural[self.places] = rows
        return natural

    def _places(self) -> Places:
        if self.numbers > MAX_MOVED:
            raise ValueError(f"{self.shape} is too large")
        return np.arange(self.numbers) if self.places is None else self.places


def per_channel(values: Array) -> Array:
    """(C, 1, 1) of (C, H, W) where all of a channel is alike, else as it is."""
    first = values[:, :1, :1]
    return first if (values == first).all() else values
