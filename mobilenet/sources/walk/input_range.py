"""Which numbers a graph expects as its input, where its file does not say it."""

from typing import NamedTuple

import numpy as np

from mobilenet.common.errors import CheckpointError
from mobilenet.preprocess import INCEPTION, ColorOrder, Normalization
from mobilenet.reading import PIXELS
from mobilenet.sources.walk.layout import Array
from mobilenet.sources.walk.read_rows import ReadRow

# Half of what pictures can move a channel of the first map, before its activation, in the median:
# 2 to 7 in published networks and untrained ones, 0.02 where a division by 255 was merged into it.
LEAST_RESPONSE = 0.3
LEAST_SPAN, MOST_SPAN = 0.2, 130.0  # half the range of a scaled picture: 1 as a rule, or 127.5
UNIT = Normalization((1 / 255,) * 3, (0.0,) * 3)


class ExpectedInput(NamedTuple):
    """How pixels become the graph's input; and why, where that is assumed."""

    feed: Normalization
    assumed: str = ""


def expected_by_kernel(row: ReadRow, usual: Normalization) -> ExpectedInput:
    """`usual`, unless the first row hardly answers to it: then pixels as they are.

    TensorFlow Lite merges a division of the pixels by 255 into the kernel behind it.
    """
    if response(row, usual) < LEAST_RESPONSE <= response(row, PIXELS):
        return ExpectedInput(
            _in_order(PIXELS, usual.order),
            ", since a scaling is merged into the first kernel, which hardly answers to -1 ... 1",
        )
    return ExpectedInput(usual, ", since the file says nothing")


def response(row: ReadRow, feed: Normalization) -> float:
    """Half of what pictures can move a channel of the first map, in the median."""
    scale = np.ones(row.kernel_shape[0])
    if row.value.norm is not None:
        scale, _ = row.value.norm.affine
    kernel = np.abs(row.layer().kernel).sum(axis=(2, 3)) * np.abs(np.reshape(scale, (-1, 1)))
    return float(np.median((kernel * np.abs(feed.scale)).sum(axis=1))) * 127.5


def expected_by_scaling(scale: Array, shift: Array, order: ColorOrder) -> ExpectedInput:
    """What a scaling inside the graph is for: its result lies around 0, in some usual range.

    `scale` and `shift` are (3,). Raises `CheckpointError` where it does for no usual input.
    """
    usual = (("", PIXELS), (" of 0 ... 1", UNIT), (" of -1 ... 1", INCEPTION))
    usable = []
    for title, feed in usual:
        span = np.abs(np.multiply(feed.scale, scale)) * 127.5
        middle = (127.5 * np.array(feed.scale) + feed.bias) * scale + shift
        if (span > LEAST_SPAN).all() and (span < MOST_SPAN).all():
            usable.append((float(np.max(np.abs(middle) / span)), title, feed))
    if not usable:
        raise CheckpointError(
            f"the graph scales its input by {scale[0]:.6g} and adds {shift[0]:.6g}, and nothing "
            "says what goes in",
            "save the network without that scaling, and give its input with --scale and --bias",
        )
    _, title, feed = min(usable, key=lambda each: each[0])
    reason = f", since the graph's own scaling is for an input{title}" if title else ""
    return ExpectedInput(_in_order(feed, order), reason)


def _in_order(feed: Normalization, order: ColorOrder) -> Normalization:
    return Normalization(feed.scale, feed.bias, order)
