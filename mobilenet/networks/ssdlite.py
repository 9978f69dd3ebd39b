"""SSDLite: a detector's rows on a backbone, the boxes it starts from, and how it moves them.

Sandler et al. 2018, "MobileNetV2" (arXiv 1801.04381), section 6.2; TF Object Detection,
`ssd_mobilenet_v2_feature_extractor.py`, `multiple_grid_anchor_generator.py` and
`faster_rcnn_box_coder.py`, with the authors' `ssdlite_mobilenet_v2_coco.config`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mobilenet.common.size import Size
from mobilenet.networks.row_builder import RowBuilder
from mobilenet.networks.rows import Row

ENCODINGS = "encodings"  # the value that holds all boxes as the coder has them, (1, 4, boxes)
CLASS_SCORES = "scores_of_classes"  # and all logits, (1, 1 + classes, boxes)
RESOLUTION = 300  # of the authors' config: a plain squash
EXTRA_CHANNELS = (512, 256, 256, 128)  # of the maps behind the backbone
MAPS = 2 + len(EXTRA_CHANNELS)
HEAD_ROWS = 3 * len(EXTRA_CHANNELS) + 4 * MAPS  # behind the backbone's
LOWEST_SCALE = 0.1  # multiple_grid_anchor_generator.py: of the first map's square box


class Box(NamedTuple):
    """Centre and sides, in parts of the picture's."""

    y: float
    x: float
    height: float
    width: float


@dataclass(frozen=True)
class Detection:
    """What an SSD's `pipeline.config` says beside its backbone."""

    lowest: float = 0.2  # scale of the boxes of the first map
    highest: float = 0.95  # of the last
    ratios: tuple[float, ...] = (
        1.0,
        2.0,
        0.5,
        3.0,
        0.3333,
    )  # width to height, in the file's order
    coder: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)  # of y, x, height, width
    iou: float = 0.6  # two boxes of a class that share more are one
    confidence: float = 0.3
    most: int = 100  # boxes of a class

    def scales(self) -> list[float]:
        """Of each map's boxes, and of what would be the next."""
        step = (self.highest - self.lowest) / (MAPS - 1)
        return [*(self.lowest + step * number for number in range(MAPS)), 1.0]

    def shapes(self, number: int) -> list[tuple[float, float]]:
        """(scale, ratio) of the boxes at each place of map `number`."""
        scale, following = self.scales()[number : number + 2]
        if number == 0:
            return [(LOWEST_SCALE, 1.0), (scale, 2.0), (scale, 0.5)]
        return [
            *((scale, ratio) for ratio in self.ratios),
            (math.sqrt(scale * following), 1.0),
        ]


class Predictor(NamedTuple):
    """The two rows that look at one map.

    Their channels are values, each with all anchors: what one map says is a reshape, what all say
    is one transpose. Files have anchors, each with all values.
    """

    boxes: str  # gives (4 x anchors, h, w): y, x, height, width, as the coder has them
    scores: str  # gives (columns x anchors, h, w): the background first
    size: Size
    anchors: int


def add_ssdlite(
    network: RowBuilder, taps: Sequence[str], classes: int, detection: Detection
) -> None:
    """Append the rows of the maps behind the backbone, then those of all predictors.

    `taps` are the two values of the backbone that are looked at, the larger map first.
    """
    maps = list(taps)
    for number, channels in enumerate(EXTRA_CHANNELS, start=len(taps)):
        name = f"extra{number}"
        network.add(f"{name}_reduce", channels // 2, reads=maps[-1])
        network.depthwise(f"{name}_depthwise", stride=2)
        maps.append(network.add(name, channels))
    for number, value in enumerate(maps):
        anchors = len(detection.shapes(number))
        for kind, columns in (("boxes", 4), ("scores", classes + 1)):
            network.depthwise(f"{kind}{number}_depthwise", reads=value)
            network.add(f"{kind}{number}", columns * anchors, linear=True, biased=True)


def predictors(rows: Sequence[Row], detection: Detection) -> tuple[Predictor, ...]:
    """Those that `add_ssdlite` appended, the largest map's first."""
    sizes = {row.name: row.out_size for row in rows}
    return tuple(
        Predictor(
            f"boxes{number}", f"scores{number}", sizes[f"boxes{number}"],
            len(detection.shapes(number)),
        )
        for number in range(MAPS)
    )  # fmt: skip


def priors(sizes: Sequence[Size], detection: Detection) -> Iterator[Box]:
    """The boxes that each prediction moves: map by map, shape by shape, then row by row."""
    for number, size in enumerate(sizes):
        for scale, ratio in detection.shapes(number):
            root = math.sqrt(ratio)
            for row in range(size.height):
                for column in range(size.width):
                    y, x = (row + 0.5) / size.height, (column + 0.5) / size.width
                    yield Box(y, x, scale / root, scale * root)
