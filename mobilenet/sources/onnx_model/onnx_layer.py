"""One node of an ONNX model while it is translated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.graph import FileConstant
from mobilenet.sources.graph_writer import LayerWriter
from mobilenet.sources.layer_options import LayerOptions
from mobilenet.sources.onnx_model.known_shapes import KnownShapes
from mobilenet.sources.onnx_model.onnx_messages import INTEGERS

MAX_INTEGERS = 64  # of a shape, or of a list of axes
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OnnxKnown:
    """What has been translated so far, by the file's names."""

    opset: int
    shapes: KnownShapes
    initialiser: Callable[[str], FileConstant | None]  # counted when it is first asked for
    read: Callable[[Any, str], FileConstant]  # a `TensorProto` and its name
    types: Mapping[str, int]  # of initialisers
    values: dict[str, str] = field(default_factory=dict)
    constants: dict[str, FileConstant] = field(default_factory=dict)  # of nodes, and copies
    integers: dict[str, Integers] = field(default_factory=dict)  # computed from shapes alone


@dataclass(frozen=True, eq=False)
class OnnxLayer:
    """A node, and what is known before it."""

    known: OnnxKnown
    inputs: tuple[str, ...]
    writer: LayerWriter
    options: LayerOptions

    def has(self, place: int) -> bool:
        """Whether the input number `place` is given; some are optional."""
        return place < len(self.inputs) and bool(self.inputs[place])

    def source(self, place: int) -> str:
        """The file's name of an input. Raises `CheckpointError` if there is none."""
        if not self.has(place):
            raise self.writer.refused(f"has no input {place}", "is the file complete?")
        return self.inputs[place]

    def value(self, place: int = 0) -> str:
        """The name of an input in the graph."""
        name = self.source(place)
        if name not in self.known.values:
            self.known.values[name] = self.writer.graph.constant(name, self.constant(place))
        return self.known.values[name]

    def constant(self, place: int) -> FileConstant:
        """An input that must be a constant."""
        if (constant := self.if_constant(place)) is None:
            raise self.writer.refused(f"computes its input {place}, which must be a constant")
        return constant

    def if_constant(self, place: int) -> FileConstant | None:
        """An input that is a constant, or None."""
        name = self.source(place)
        if name not in self.known.constants:
            constant = self.known.initialiser(name)
            if constant is None:
                return None
            self.known.constants[name] = constant
        return self.known.constants[name]

    def integers(self, place: int) -> Integers:
        """An input of few integers that are known before the graph runs."""
        if (integers := self.if_integers(place)) is None:
            raise self.writer.refused(f"has input {place} that is no constant of integers")
        return integers

    def if_integers(self, place: int) -> Integers | None:
        """Few integers that are known before the graph runs, or None."""
        name = self.source(place)
        if name in self.known.integers:
            return self.known.integers[name]
        if self.known.types.get(name, INTEGERS[0]) not in INTEGERS:
            return None
        constant = self.if_constant(place)
        if constant is None or np.prod(constant.shape, dtype=np.int64) > MAX_INTEGERS:
            return None
        stored = constant.load()
        return stored.astype(np.int64) if stored.dtype.kind == "i" else None

    def listed(self, place: int, name: str, since: int) -> list[int] | None:
        """Integers that are an attribute before opset `since`, then an input; None if absent."""
        if self.known.opset < since:
            value = self.options.take(name, None)
            return None if value is None else list(value)
        integers: list[int] | None = (
            self.integers(place).ravel().tolist() if self.has(place) else None
        )
        return integers

    def shape(self, place: int) -> tuple[int, ...]:
        """Sides of an input. Raises `CheckpointError` where they are not known."""
        shape = self.known.shapes.of(self.source(place))
        if shape is None:
            raise self.writer.refused(
                "needs a size that the file leaves open", "export the model at a fixed size"
            )
        return shape


Translator = Callable[[OnnxLayer], str]
