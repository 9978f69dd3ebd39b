"""The classifier's head: the mean of a row's map, and a matrix to the scores of the classes.

Without the matrix it gives features: the mean, or the map itself.
"""

from typing import Literal, NamedTuple

from mobilenet.networks.rows import Cost

Head = Literal["classifier", "features"]
LOGITS = "logits"  # name of the matrix among the layers


class Readout(NamedTuple):
    """What is read of the value of one row."""

    reads: str
    channels: int
    classes: int | None  # None: features
    pooled: bool = True

    @property
    def until(self) -> str:
        """Name of the row whose map is the result; "" when it is pooled."""
        return "" if self.pooled else self.reads

    @property
    def kernels(self) -> dict[str, tuple[int, int]]:
        """Shapes (out, in) of its matrices by the layer's name."""
        return {} if self.classes is None else {LOGITS: (self.classes, self.channels)}

    @property
    def title(self) -> str:
        """In words: "1000 classes"."""
        if self.classes is not None:
            return f"{self.classes} classes"
        return "pooled features" if self.pooled else f"map of {self.reads}"

    @property
    def cost(self) -> Cost:
        """Of the matrix and its bias."""
        classes = self.classes or 0
        parameters = classes * (self.channels + 1)
        return Cost(classes * self.channels, parameters, parameters)
