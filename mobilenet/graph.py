"""What a weight file computes: its graph, in ONNX's operators whatever the file's own are.

A reader of a format translates operator by operator, simplifies nothing and guesses nothing. The
network is read off the graph (`mobilenet.sources.walk`), and verification runs the graph itself.

Values of four axes are (1, channels, height, width). Formats that keep channels last are turned
around as they are translated: attributes and axes are renumbered, and a Transpose stands before
and behind whatever depends on the order of numbers, such as Reshape.

Operators mean what onnx/docs/Operators.md says of opset 17. Padding as TensorFlow's SAME stays
the rule it is in the file: `auto_pad` "SAME_UPPER", not numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Attribute = int | float | str | tuple[int, ...]


class FileConstant(NamedTuple):
    """An array that the file holds; `load` gives it in float32, or int64 for whole numbers.

    `load` raises `CheckpointError` for one that is damaged, or too large.
    """

    shape: tuple[int, ...]
    load: Callable[[], NDArray[np.float32] | NDArray[np.int64]]


class Node(NamedTuple):
    """One operation with one result."""

    op: str  # ONNX's: "Conv"
    inputs: tuple[str, ...]  # names of values or constants, in ONNX's order
    output: str
    attributes: Mapping[str, Attribute]
    name: str  # what the file calls it
    kind: str  # what the file calls its operator: "DepthwiseConv2dNative"

    @property
    def title(self) -> str:
        """For messages: "layer conv1 (Conv2D)"."""
        return f"layer {self.name} ({self.kind})"


class GraphInput(NamedTuple):
    """The picture that goes in: (1, 3, height, width), or None where the file leaves it free."""

    name: str
    height: int | None
    width: int | None


@dataclass(frozen=True, eq=False)
class FileDetection:
    """What a detector's file does behind its network, which its graph here ends in."""

    encodings: str  # value (1, boxes, 4): y, x, height and width, as the coder has them
    scores: str  # value (1, boxes, 1 + classes): logits, the background's first
    anchors: NDArray[np.float64]  # (boxes, 4), y and x of the centre, height, width: what is moved
    coder: tuple[float, float, float, float]  # what y, x, height, width are multiplied by
    iou: float
    confidence: float
    most: int  # boxes of a class


@dataclass(frozen=True, eq=False)
class FileGraph:
    """Everything between one picture and the results."""

    format: str  # in words: "Keras model"
    input: GraphInput
    nodes: tuple[Node, ...]  # in an order in which they can run
    constants: Mapping[str, FileConstant]
    outputs: tuple[str, ...]  # results that nothing in the graph reads, or that the file names
    said: Mapping[str, str] = field(default_factory=dict)
    """What the file says beside its graph: "labels", "preprocessing", ... for the card."""
    detection: FileDetection | None = None
