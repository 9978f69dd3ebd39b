"""One layer of a Caffe network while it is translated."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mobilenet.graph import Attribute, FileConstant
from mobilenet.sources.graph_writer import LayerWriter
from mobilenet.sources.layer_options import LayerOptions


class Value(NamedTuple):
    """A value of the graph, and how many axes it has."""

    name: str
    rank: int


@dataclass(frozen=True, eq=False)
class CaffeLayer:
    """A layer, what goes in, its trained blobs, and where to write."""

    inputs: tuple[Value, ...]
    blobs: tuple[FileConstant, ...]
    writer: LayerWriter
    options: LayerOptions

    @property
    def only(self) -> Value:
        """The input of a layer that has one."""
        if len(self.inputs) != 1:
            raise self.writer.refused(f"has {len(self.inputs)} inputs, not 1")
        return self.inputs[0]

    def blob(self, index: int) -> FileConstant:
        """A trained blob. Raises `CheckpointError` when it is missing."""
        if index >= len(self.blobs):
            raise self.writer.refused(f"has no blob {index}", "is the caffemodel complete?")
        return self.blobs[index]

    def vector(self, index: int) -> FileConstant:
        """A blob of one axis; the first format gives it four."""
        blob = self.blob(index)
        if not blob.shape or np.prod(blob.shape, dtype=np.int64) != blob.shape[-1]:
            raise self.writer.refused(f"has blob {index} of shape {blob.shape}")
        return reshaped(blob, (blob.shape[-1],))

    def biased(self, value: str, has_bias: bool) -> list[str]:
        """The name of the bias, if the layer has one; `value` is what it belongs to."""
        if len(self.blobs) != 1 + has_bias:
            raise self.writer.refused(
                f"has {len(self.blobs)} blobs for bias_term {has_bias}",
                "do the prototxt and the caffemodel belong together?",
            )
        return [self.writer.constant(self.vector(1), f"{value} bias")] if has_bias else []

    def node(self, op: str, **attributes: Attribute) -> Value:
        """An operator on the only input, of as many axes."""
        return Value(self.writer.node(op, self.only.name, **attributes), self.only.rank)


def reshaped(constant: FileConstant, shape: tuple[int, ...]) -> FileConstant:
    """The same numbers in another shape."""
    return FileConstant(shape, lambda: constant.load().reshape(shape))
