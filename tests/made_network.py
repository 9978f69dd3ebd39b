"""A small network with all that MobileNet v1's rows do not say, and its formula by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.common.size import Sides, Size
from mobilenet.networks.classifier import Pool, Readout, Scores
from mobilenet.networks.row_builder import RowBuilder
from mobilenet.networks.rows import Cost, Padding, Row, cost


@dataclass(frozen=True)
class MadeConfig:
    """A residual block with a dilated depthwise layer and a linear projection, and a side way."""

    network: str = "made"
    alpha: float = 1.0
    shallow: bool = False
    resolution: int = 64
    classes: int = 7
    padding: Padding = "same"
    features: bool = False
    until: str = ""

    family, slug, title = "made network", "Made", "a made network"

    def rows(self) -> tuple[Row, ...]:
        network = RowBuilder(self.size, self.padding, "relu6", 1e-3)
        network.add("stem", 8, kernel=3, stride=2)
        network.add("expand", 24)
        network.depthwise("spread", dilation=2)
        network.add("project", 8, linear=True, epsilon=1e-5, adds="stem")
        network.add("side", 16, kernel=3, activation="relu", epsilon=1.0, reads="stem")
        network.add("joined", 16, reads="project", adds="side")
        network.depthwise("shrink", stride=2)
        network.add("last", 32, linear=True)
        names = [row.name for row in network.rows]
        end = names.index(self.until) + 1 if self.until else len(names)
        return tuple(network.rows[:end])

    @property
    def size(self) -> Size:
        return Size.square(self.resolution)

    @property
    def readout(self) -> Readout:
        last = self.rows()[-1]
        classes = None if self.features else self.classes
        pool: Pool = "none" if self.until else "mean"
        return Readout(last.name, last.out_channels, last.out_size, classes, pool)

    def cost(self) -> Cost:
        return cost(self.rows()) + self.readout.cost

    def at(self, resolution: Sides) -> "MadeConfig":
        return replace(self, resolution=Size.of(resolution).height)

    def with_knobs(self, alpha: float | None, shallow: bool | None) -> "MadeConfig":
        return self

    def with_classes(self, classes: int, scores: Scores | None = None) -> "MadeConfig":
        return replace(self, classes=classes, features=False, until="")

    def as_features(self, until: str = "") -> "MadeConfig":
        return replace(self, features=True, until=until)

    def fitted(self, widths: Sequence[int], classes: int | None) -> "MadeConfig":
        return self


def by_hand(checkpoint: Checkpoint, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Values by name for (B, 3, 64, 64), SAME padding; in float64, with no row in sight."""
    layers = checkpoint.layers
    x = x.double()
    stem = F.relu6(unit(F.pad(x, (0, 1, 0, 1)), layers["stem"], 1e-3, stride=2))
    expand = F.relu6(unit(stem, layers["expand"], 1e-3))
    spread = F.relu6(unit(expand, layers["spread"], 1e-3, padding=2, dilation=2, groups=24))
    project = unit(spread, layers["project"], 1e-5) + stem
    side = F.relu(unit(stem, layers["side"], 1.0, padding=1))
    joined = F.relu6(unit(project, layers["joined"], 1e-3)) + side
    shrunk = unit(F.pad(joined, (0, 1, 0, 1)), layers["shrink"], 1e-3, stride=2, groups=16)
    shrink = F.relu6(shrunk)
    last = unit(shrink, layers["last"], 1e-3)
    matrix = layers["logits"]
    logits = F.linear(last.mean((2, 3)), double(matrix.kernel), double(matrix.bias))
    return {
        "stem": stem, "expand": expand, "spread": spread, "project": project, "side": side,
        "joined": joined, "shrink": shrink, "last": last, "logits": logits,
    }  # fmt: skip


def unit(x: torch.Tensor, layer: Layer, epsilon: float, **options: int) -> torch.Tensor:
    """Convolution and batch norm."""
    norm = layer.norm
    x = F.conv2d(x, double(layer.kernel), **options)
    vectors = (double(v) for v in (norm.mean, norm.variance, norm.gamma, norm.beta))
    return F.batch_norm(x, *vectors, eps=epsilon)


def double(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).double()
