"""mIOU: how well maps of classes cover the masks, from counts of pixels.

Intersection over union of a class is of all pixels of the set, not the mean over pictures; mIOU
is the mean over the classes that occur in masks or answers. So tf.metrics.mean_iou has it, by
which DeepLab's figures were made, and Pascal VOC's own evaluation.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
NAMES = ("mIOU", "pixel accuracy")


class OverlapMetrics(NamedTuple):
    """Of one set of counts, or of each of several; NaN where nothing counts."""

    mean: Floats
    pixel_accuracy: Floats


def class_overlaps(counts: Integers) -> Floats:
    """(..., classes) of (..., classes, 3): pixels in both, of the masks, of the answers."""
    both, truth, answer = np.moveaxis(counts, -1, 0)
    union = truth + answer - both
    return _ratio(both, union)


def metrics(counts: Integers) -> OverlapMetrics:
    """Of (..., classes, 3)."""
    overlaps = class_overlaps(counts)
    occurring = ~np.isnan(overlaps)
    sums = np.where(occurring, overlaps, 0).sum(axis=-1)
    both, truth = counts[..., 0].sum(axis=-1), counts[..., 1].sum(axis=-1)
    return OverlapMetrics(_ratio(sums, occurring.sum(axis=-1)), _ratio(both, truth))


def resampled(counts: Integers, weights: Integers) -> OverlapMetrics:
    """Of (pictures, classes, 3), where picture i occurs weights[b, i] times in resample b."""
    return metrics(np.tensordot(weights, counts, axes=1))


def _ratio(part: Floats | Integers, whole: Integers) -> Floats:
    """NaN where the whole is nothing."""
    result: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return result
