"""DeepLab's head as Google ships it with MobileNets: image pooling and one 1x1 branch, no decoder.

tensorflow/models, research/deeplab/model.py, with `decoder_output_stride` and `atrous_rates` unset
as in every MobileNet checkpoint; Chen et al. 2017, "Rethinking Atrous Convolution"
(arXiv 1706.05587, section 3.3). The pooled branch comes first; ReLU and an epsilon of its own.
"""

from mobilenet.networks.row_builder import RowBuilder

DEPTH, EPSILON = 256, 1e-5
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
