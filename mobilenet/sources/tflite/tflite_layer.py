"""One operator of a `.tflite` while it is translated: its inputs, its options, where to write.

TensorFlow Lite keeps channels last. Values of four axes are turned to (1, channels, height,
width), and axes renumbered.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant
from mobilenet.sources.graph_writer import LayerWriter, transposed, with_axes
from mobilenet.sources.layer_options import LayerOptions
from mobilenet.sources.stored import Allowance
from mobilenet.sources.tflite.dequantised import (
    INT8,
    INT32,
    INT64,
    UINT8,
    as_stored,
    dequantised,
    quantization,
)
from mobilenet.sources.tflite.flatbuffer import (
    MAX_ENTRIES,
    TfliteGraph,
    TfliteOperator,
    TfliteTensor,
    activation_name,
)

FIRST = (0, 3, 1, 2)  # channels first, of an array that has them last
LAST = (0, 2, 3, 1)
_SMALLEST = {UINT8: 0, INT8: -128}
_LARGEST = {UINT8: 255, INT8: 127}
UNSET = (0, ())  # of options that the operator does not use
WITHOUT_EFFECT = {"AsymmetricQuantizeInputs", "QuantizedBiasType", "PotScaleInt16"}  # rounding
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Known:
    """What has been translated so far, by tensors' numbers."""

    graph: TfliteGraph
    allowance: Allowance
    values: dict[int, str] = field(default_factory=dict)
    constants: dict[int, FileConstant] = field(default_factory=dict)
    integers: dict[int, Integers] = field(default_factory=dict)  # computed from shapes alone


@dataclass(frozen=True, eq=False)
class TfliteLayer:
    """An operator, and what is known before it."""

    known: Known
    operator: TfliteOperator
    writer: LayerWriter
    options: LayerOptions

    def has(self, place: int) -> bool:
        """Whether the input number `place` is given; some are optional."""
        inputs = self.operator.inputs
        return place < len(inputs) and inputs[place] >= 0

    def tensor(self, place: int) -> TfliteTensor:
        """The input number `place`. Raises `CheckpointError` if there is none."""
        return tensor_of(self.known.graph, self._index(place))

    @property
    def result(self) -> TfliteTensor:
        """What comes out."""
        return tensor_of(self.known.graph, self.operator.outputs[0])

    def value(self, place: int = 0) -> str:
        """The name of an input: computed, or a constant with its channels first."""
        index = self._index(place)
        if index not in self.known.values:
            turned = FIRST if len(self.tensor(place).shape) == 4 else None
            return self.writer.constant(self.constant(place, turned), f"input {place}")
        return self.known.values[index]

    def operand(self, place: int) -> str:
        """An input that broadcasts against the result: its axes stand where the result's do."""
        rank, wanted = len(self.tensor(place).shape), len(self.result.shape)
        if wanted < 4 or rank in (0, 4):
            return self.value(place)
        if self._index(place) not in self.known.values:
            beside = with_axes(self.constant(place), wanted)
            return self.writer.constant(transposed(beside, FIRST), f"input {place}")
        value = self.writer.node(
            "Unsqueeze", self.value(place), self.writer.integers(range(4 - rank))
        )
        return self.writer.node("Transpose", value, perm=FIRST)

    def constant(self, place: int, axes: Sequence[int] | None = None) -> FileConstant:
        """A constant input with its axes in another order, or as they are."""
        index, tensor = self._index(place), self.tensor(place)
        made = self.known.constants.get(index)
        if made is None:
            if index in self.known.values or not tensor.data:
                raise self.writer.refused(f"computes its input {place}, which must be a constant")
            made = dequantised(tensor, self.known.allowance)
            self.known.constants[index] = made
        if axes is None:
            return made
        if len(made.shape) != len(axes):
            raise self.writer.refused(f"has input {place} of shape {made.shape}")
        return transposed(made, axes)

    def integers(self, place: int) -> Integers:
        """A constant input of integers, or one that the file computes from shapes."""
        index, tensor = self._index(place), self.tensor(place)
        if index in self.known.integers:
            return self.known.integers[index]
        if tensor.dtype not in (INT32, INT64) or not tensor.data:
            raise self.writer.refused(f"has input {place} that is no constant of integers")
        if len(tensor.data) > MAX_ENTRIES * 8:
            raise self.writer.refused(f"has input {place} of {len(tensor.data)} bytes")
        return as_stored(tensor).astype(np.int64)

    def axes(self, place: int) -> tuple[int, ...]:
        """Axes named by input `place`, counted from the front, of the input number 0."""
        return tuple(self.axis(int(axis)) for axis in self.integers(place).ravel())

    def axis(self, axis: int) -> int:
        """An axis of the input number 0, counted from the front."""
        rank = len(self.tensor(0).shape)
        if not -rank <= axis < rank:
            raise self.writer.refused(f"works along axis {axis} of {rank}")
        return axis % rank

    def channels_last(self, value: str, rank: int) -> str:
        """A value in the order in which the file has its numbers."""
        return self.writer.node("Transpose", value, perm=LAST) if rank == 4 else value

    def channels_first(self, value: str, rank: int) -> str:
        """The way back."""
        return self.writer.node("Transpose", value, perm=FIRST) if rank == 4 else value

    def activated(self, value: str) -> str:
        """`value` behind the activation that is fused with the operator."""
        number = self.options.take("FusedActivationFunction", 0)
        match activation_name(number):
            case "NONE":
                return self._clipped_by_range(value)
            case "RELU":
                return self.writer.node("Relu", value)
            case "RELU6":
                return self.writer.clipped(value, 0, 6)
            case name:
                raise self.options.refused("the activation", name)

    def _clipped_by_range(self, value: str) -> str:
        """An activation that exists only as the range of the result.

        Converters leave out one that quantised numbers cannot but obey:
        tensorflow/lite/toco, RemoveTrivialQuantizedActivationFunc.
        """
        low, high = real_range(self.result)
        operands = [
            real_range(self.tensor(place))[0] for place in range(len(self.operator.inputs[:2]))
        ]
        if low != 0 or min(operands) >= 0:
            return value
        step = float(self.result.scale[0])
        return (
            self.writer.clipped(value, 0, 6)
            if high <= 6 + step
            else self.writer.node("Relu", value)
        )

    def _index(self, place: int) -> int:
        if not self.has(place):
            raise self.writer.refused(f"has no input {place}", "is the file complete?")
        return self.operator.inputs[place]


def real_range(tensor: TfliteTensor) -> tuple[float, float]:
    """The least and largest number that a quantised activation can have."""
    if tensor.dtype not in _SMALLEST or tensor.scale.size != 1:
        return -np.inf, np.inf
    scale, zero = (float(part[0]) for part in quantization(tensor))
    return (_SMALLEST[tensor.dtype] - zero) * scale, (_LARGEST[tensor.dtype] - zero) * scale


def tensor_of(graph: TfliteGraph, index: int) -> TfliteTensor:
    """A tensor by its number. Raises `CheckpointError` for one that is not there."""
    if not 0 <= index < len(graph.tensors):
        raise CheckpointError(f"tensor {index} is used but not there", "is the file complete?")
    return graph.tensors[index]


Translator = Callable[[TfliteLayer], str]  # the name of the result
Translators = Mapping[str, Translator]  # by schema.fbs' names
