"""What translators of operators work with: values, and the graph that grows.

A value's shape is TensorFlow's, channels last; in the graph, a computed value of four axes lies
with channels second, and a constant as it is in the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mobilenet.graph import Attribute, FileConstant, Node
from mobilenet.sources.stored import Allowance
from mobilenet.sources.tensorflow.operations import TfOperation

Shape = tuple[int | None, ...]  # None: a side that the file leaves free
TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
CHANNELS_FIRST_AXIS = (0, 2, 3, 1)  # of an axis with channels last: 3 becomes 1
MAX_WHOLE = 64  # numbers of a shape, of axes or of paddings
FREE = np.iinfo(np.int64).min  # in a shape that is computed: a side that the file leaves free


class TfValue(NamedTuple):
    """A result while a graph is translated."""

    name: str
    shape: Shape
    is_whole: bool = False
    constant: FileConstant | None = None
    is_turned: bool = False  # has been brought into the file's order of axes

    @property
    def is_map(self) -> bool:
        """Whether it is computed and has four axes: channels are second."""
        return len(self.shape) == 4 and self.constant is None and not self.is_turned


@dataclass(eq=False)
class Translation:
    """The nodes and constants so far."""

    held: Mapping[str, FileConstant] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, FileConstant] = field(default_factory=dict)
    allowance: Allowance = field(default_factory=Allowance)

    def node(
        self, op: TfOperation, kind: str, inputs: Sequence[TfValue | str], shape: Shape,
        part: str = "", /, **attributes: Attribute,
    ) -> TfValue:  # fmt: skip
        """Add one of ONNX's operators; `part` names it where `op` takes several."""
        names = tuple(read if isinstance(read, str) else self._read(read) for read in inputs)
        output = f"{op.name}:{part}" if part else op.name
        self.nodes.append(Node(kind, names, output, attributes, op.shown_name, op.kind))
        return TfValue(output, shape)

    def array(self, op: TfOperation, part: str, values: ArrayLike) -> str:
        """The name of a constant that an attribute of the file has become."""
        array = np.asarray(values)
        stored = _floats_or_whole(array)
        self.constants[name := f"{op.name}:{part}"] = FileConstant(array.shape, lambda: stored)
        return name

    def arranged(
        self, op: TfOperation, value: TfValue, axes: tuple[int, ...], part: str
    ) -> TfValue:
        """A value, in the file's order of axes, with its axes in another order."""
        shape = tuple(value.shape[axis] for axis in axes)
        if value.constant is None:
            return self.node(op, "Transpose", [self.channels_last(op, value)], shape, part,
                             perm=axes)  # fmt: skip
        return self._changed(value, part, shape, axes)

    def reshaped(self, op: TfOperation, value: TfValue, shape: Shape) -> TfValue | None:
        """A constant in another shape, which is a constant again; None for what is computed."""
        if value.constant is None or None in shape:
            return None
        load = partial(_rearranged, value.constant, shape, tuple(range(len(shape))))
        constant = FileConstant(tuple(side or 0 for side in shape), load)
        return TfValue(op.name, shape, value.is_whole, constant)

    def channels_last(self, op: TfOperation, value: TfValue) -> TfValue:
        """The value as it lies in the file."""
        if not value.is_map:
            return value
        part = f"{value.name} channels last"
        last = self.node(op, "Transpose", [value], value.shape, part, perm=TO_CHANNELS_LAST)
        return last._replace(is_turned=True)

    def from_channels_last(
        self, op: TfOperation, kind: str, inputs: Sequence[TfValue | str], shape: Shape,
        **attributes: Attribute,
    ) -> TfValue:  # fmt: skip
        """A node whose result lies as in the file, turned around where it has four axes."""
        if len(shape) != 4:
            return self.node(op, kind, inputs, shape, **attributes)
        result = self.node(op, kind, inputs, shape, "channels last", **attributes)
        return self.node(op, "Transpose", [result], shape, perm=TO_CHANNELS_FIRST)

    def beside_map(self, op: TfOperation, value: TfValue) -> TfValue:
        """A value that numbers of a map, channels second, can be added to."""
        rank = len(value.shape)
        if value.is_map or rank == 0:
            return value
        sides: Shape = (1,) * (4 - rank) + value.shape
        shape = tuple(sides[axis] for axis in TO_CHANNELS_FIRST)
        if value.constant is not None:
            return self._changed(value, "beside a map", shape, TO_CHANNELS_FIRST, sides)
        if rank != 1:
            raise op.refused(f"computes with values of {rank} and 4 axes")
        target = self.array(op, "shape beside a map", (1, -1, 1, 1))
        return self.node(op, "Reshape", [value, target], shape, f"{value.name} beside a map")

    def _changed(
        self,
        value: TfValue,
        part: str,
        shape: Shape,
        axes: tuple[int, ...],
        sides: Shape = (),
    ) -> TfValue:
        assert value.constant is not None
        load = partial(_rearranged, value.constant, sides or value.shape, axes)
        constant = FileConstant(tuple(side or 0 for side in shape), load)
        return TfValue(f"{value.name}:{part}", shape, value.is_whole, constant)

    def _read(self, value: TfValue) -> str:
        if value.constant is not None:
            self.constants[value.name] = value.constant
        return value.name


def _rearranged(
    constant: FileConstant, sides: Shape, axes: tuple[int, ...]
) -> NDArray[np.float32] | NDArray[np.int64]:
    return constant.load().reshape([side or 0 for side in sides]).transpose(axes).copy()


def _floats_or_whole(array: NDArray[Any]) -> NDArray[np.float32] | NDArray[np.int64]:
    return array.astype(np.float32) if array.dtype.kind == "f" else array.astype(np.int64)


def whole_numbers(op: TfOperation, value: TfValue, what: str) -> NDArray[np.int64]:
    """What the file has as a shape, as axes, or as paddings. Raises `CheckpointError`."""
    if value.constant is None or not value.is_whole:
        raise op.refused(f"has no constant {what}")
    if (count := int(np.prod(value.constant.shape))) > MAX_WHOLE:
        raise op.refused(f"has {count:,} numbers as its {what}")
    return np.asarray(value.constant.load(), np.int64)


def axes_of(op: TfOperation, value: TfValue, rank: int) -> list[int]:
    """Axes in TensorFlow's order, none negative. Raises `CheckpointError`."""
    return checked_axes(op, whole_numbers(op, value, "axes").reshape(-1).tolist(), rank)


def checked_axes(op: TfOperation, axes: Sequence[int], rank: int) -> list[int]:
    """The same of axes in an attribute."""
    if any(not -rank <= axis < rank for axis in axes):
        raise op.refused(f"has axes {list(axes)[:8]} for a value of {rank}")
    return sorted({axis % rank for axis in axes})


def graph_axis(value: TfValue, axis: int) -> int:
    """Where an axis of TensorFlow's lies in the graph."""
    return CHANNELS_FIRST_AXIS[axis] if value.is_map else axis
