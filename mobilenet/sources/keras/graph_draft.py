"""A Graph as it is written, value by value, with shapes as Keras has them: channels last."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.graph import Attribute, FileConstant, Node
from mobilenet.sources.stored import MAX_NAME

ARRAYS = ("__tensor__", "__numpy__")  # classes in Keras' JSON
# positions of (batch, height, width, channels) in NCHW, and the two orders as permutations
CHANNELS_FIRST, CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
NCHW_AXIS = (0, 2, 3, 1)
BACK_TO_NHWC = {0: 0, 2: 1, 3: 2, 1: 3}


class KerasValue(NamedTuple):
    """A result, by its name in the Graph; its shape without the batch, None for free sizes."""

    name: str
    shape: tuple[int | None, ...]

    @property
    def channels(self) -> int | None:
        """Size of the last axis."""
        return self.shape[-1] if self.shape else None

    @property
    def is_map(self) -> bool:
        """Whether it is (height, width, channels), which the Graph has as NCHW."""
        return len(self.shape) == 3

    def axis(self, axis: int) -> int | None:
        """Keras' axis, the batch being 0, as the Graph's. None where there is no such axis."""
        rank = len(self.shape) + 1
        if not -rank <= axis < rank:
            return None
        return NCHW_AXIS[axis % rank] if self.is_map else axis % rank

    def elements(self) -> int | None:
        """How many numbers it has, where its sizes are fixed."""
        sizes = [size for size in self.shape if size is not None]
        return prod(sizes) if len(sizes) == len(self.shape) else None


class ChannelPick(NamedTuple):
    """value[..., channel]: understood only where picks are stacked into a value again."""

    value: KerasValue
    channel: int


class GraphDraft:
    """Nodes and constants that were written so far, each under a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, FileConstant] = {}
        self._names: set[str] = set()

    def unique(self, name: str) -> str:
        """The name, or the first with a number behind it that is free."""
        name = plain = one_line(name, MAX_NAME)
        number = 2
        while name in self._names:
            name, number = f"{plain} {number}", number + 1
        self._names.add(name)
        return name

    def add(
        self,
        op: str,
        inputs: Sequence[str],
        path: str,
        words: tuple[str, str],
        attributes: Mapping[str, Attribute],
    ) -> str:
        """A node with its result, called like `path`; `words` are the file's name and kind."""
        output = self.unique(path)
        name, kind = words
        self.nodes.append(Node(op, tuple(inputs), output, attributes, name, kind))
        return output

    def constant(
        self,
        path: str,
        shape: tuple[int, ...],
        load: Callable[[], NDArray[np.float32] | NDArray[np.int64]],
    ) -> str:
        """A constant that is loaded when it is needed."""
        name = self.unique(path)
        self.constants[name] = FileConstant(shape, load)
        return name

    def numbers(self, path: str, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        """A constant that is here already."""
        return self.constant(path, array.shape, lambda: array)


def plain_numbers(item: object) -> object:
    """Arrays and tensors as Keras 2 and 3 write them, as numbers or lists; others as they are."""
    if not isinstance(item, dict):
        return item
    if item.get("type") == "ndarray" and item.keys() == {"type", "value"}:
        return item["value"]
    config = item.get("config")
    if item.get("class_name") in ARRAYS and isinstance(config, dict):
        return config.get("value")
    return item


def number_array(item: object, title: str) -> NDArray[np.float32]:
    """A number, or lists of numbers, as an array. Raises `CheckpointError` for others."""
    if isinstance(item, bool) or not isinstance(item, int | float | list):
        raise _no_numbers(title, item)
    try:
        with np.errstate(over="ignore"):  # turns inf, which is refused
            array = np.array(item, np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_numbers(title, item) from error
    if not array.size or not np.isfinite(array).all():
        raise _no_numbers(title, item)
    return array


def _no_numbers(title: str, item: object) -> CheckpointError:
    return CheckpointError(
        f"{title} computes with {one_line(repr(item), MAX_NAME)}", "numbers are read"
    )
