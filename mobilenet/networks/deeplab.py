"""DeepLab's head as Google ships it with MobileNets: image pooling and one 1x1 branch, no decoder.

tensorflow/models, research/deeplab/model.py, with `decoder_output_stride` and `atrous_rates` unset
as in every MobileNet checkpoint; Chen et al. 2017, "Rethinking Atrous Convolution"
(arXiv 1706.05587, section 3.3). The pooled branch comes first; ReLU and an epsilon of its own.
"""

from collections.abc import Sequence
from typing import TypeVar

from mobilenet.common.errors import CheckpointError
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.row_builder import RowBuilder
from mobilenet.networks.widths import MAX_ALPHA, roundest_alpha

Config = TypeVar("Config", bound=NetworkConfig)

DEPTH, EPSILON = 256, 1e-5
HEAD_ROWS = 4
OUTPUT_STRIDE, RESOLUTION = 16, 513  # as its authors evaluate it
SCORES = "class_scores"  # the row of a score of each class for each pixel of the small map
LARGE = "large_scores"  # the same enlarged to the picture's size, where they are no output
PASCAL_CLASSES = 21


def add_deeplab(network: RowBuilder, classes: int) -> None:
    """Append the head's four rows to a backbone; the last gives (classes, h, w) scores."""
    features = network.last
    network.add(
        "image_pooling", DEPTH, activation="relu", epsilon=EPSILON, reads=features, pooled=True
    )
    network.add("aspp0", DEPTH, activation="relu", epsilon=EPSILON, reads=features)
    network.add(
        "concat_projection", DEPTH, activation="relu", epsilon=EPSILON,
        reads="image_pooling", joins="aspp0",
    )  # fmt: skip
    network.add(SCORES, classes, linear=True, biased=True)


def fitted(template: Config, widths: Sequence[int], whole: int) -> Config:
    """The segmenter whose convolutions are so wide, in order.

    The last of its backbone has `whole` channels at alpha 1. Raises `CheckpointError` where no
    alpha gives the widths.
    """
    count = len(template.rows())
    title = f"DeepLab on {template.family}"
    if len(widths) != count:
        raise CheckpointError(
            f"{len(widths)} convolutions are in the file, {title} has {count}", f"is it a {title}?"
        )

    def fits(alpha: float) -> bool:
        if alpha > MAX_ALPHA:
            return False
        rows = template.with_knobs(alpha, None).rows()
        return [row.out_channels for row in rows] == list(widths)

    last = widths[-1 - HEAD_ROWS]
    alpha = roundest_alpha(last, whole, fits)
    if alpha is None:
        raise CheckpointError(
            f"the first layer is {widths[0]} channels wide and the last block {last}: no alpha "
            "gives these and all between",
            f"is it a {title}?",
        )
    return template.with_knobs(alpha, None)
