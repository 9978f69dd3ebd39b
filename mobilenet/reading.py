"""How a checkpoint was read: what the file itself says, and what had to be assumed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mobilenet.common.size import Size
from mobilenet.graph import FileGraph
from mobilenet.preprocess import Normalization

Evidence = Literal["graph", "names", "shapes in order", "own file"]
SCORES = "scores"  # name of the last result among a graph's values
PIXELS = Normalization((1.0,) * 3, (0.0,) * 3)


@dataclass(frozen=True, eq=False)
class Reading:
    """What a checkpoint's network was told by, for the card and for verification.

    With a graph, `values` names its values: of a row by the row's name, behind activation and
    addition (a detector's predictors have channels in the file's order there); of the mean over
    the map by `POOL`; of a matrix by its name, behind its activation, but the last one's before
    it; of the result by `SCORES`.
    """

    how: Evidence
    graph: FileGraph | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    feed: Normalization = PIXELS
    """How pixels become the graph's input: as they are where preprocessing is inside."""
    size: Size | None = None  # of the graph's input
    assumed: tuple[str, ...] = ()
    """In words, what the file does not say: "pixels are scaled to -1 ... 1"."""
    found: tuple[str, ...] = ()
    """In words, what the file says: "preprocessing inside: pixel / 255"."""
    output_stride: int | None = None  # of the graph, where the network was given another

    @property
    def title(self) -> str:
        """How, in words: "by its graph (Keras model)"."""
        if self.how == "own file":
            return "our own file, which says everything"
        if self.graph is None:
            return f"by {self.how}"
        return f"by its graph ({self.graph.format})"
