"""What a network's config says, whatever the network: all that stands on it asks only this."""

from collections.abc import Sequence
from typing import Protocol, Self, runtime_checkable

from mobilenet.common.size import Sides, Size
from mobilenet.networks.classifier import Readout, Scores
from mobilenet.networks.rows import Cost, Row


@runtime_checkable
class NetworkConfig(Protocol):
    """Everything that fixes the shape and arithmetic of one network: a frozen dataclass.

    Its fields are stored in files as JSON; `mobilenet.networks.families` reads them back.
    """

    @property
    def family(self) -> str:
        """In words: "MobileNet v1"."""

    @property
    def alpha(self) -> float:
        """Width multiplier."""

    @property
    def shallow(self) -> bool:
        """Whether the layers are left out that the family can do without."""

    @property
    def resolution(self) -> int:
        """Height of the input in pixels, and its width, too, unless `size` says otherwise."""

    @property
    def size(self) -> Size:
        """Of the input."""

    @property
    def classes(self) -> int:
        """How many the classifier has, or would have."""

    @property
    def slug(self) -> str:
        """A short name without dots, fit for a file and a Swift class."""

    @property
    def title(self) -> str:
        """The network in words, on one line."""

    @property
    def readout(self) -> Readout:
        """The head, on a row that it names."""

    def rows(self) -> tuple[Row, ...]:
        """The convolutions in the order they run, with their sizes at this resolution."""

    def cost(self) -> Cost:
        """Multiply-accumulates and parameters of rows and head."""

    def at(self, resolution: Sides) -> Self:
        """The same network over another input size: the weights do not depend on it.

        Raises `ConfigError` for a head whose weights do.
        """

    def with_knobs(self, alpha: float | None, shallow: bool | None) -> Self:
        """The same network in another width or depth; None leaves the one it has."""

    def with_classes(self, classes: int, scores: Scores | None = None) -> Self:
        """The same network with a classifier of so many classes; None leaves its `scores`."""

    def as_features(self, until: str = "") -> Self:
        """Without the classifier: pooled features, or the map of the row `until`."""

    def fitted(self, widths: Sequence[int], classes: int | None) -> Self:
        """The network whose convolutions are so wide, in order; `classes` None: features.

        Raises `CheckpointError` when no network of the family is.
        """
