"""What detectors and segmenters are measured by, under the metrics' own names; and pairs of them.

Shares of 1. Never top-1: these figures are ranked with nothing that ImageNet has.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bench.results.bounds import Count, Number, Share

MAX_DIFFERENCES = 1000
MAX_DRAWINGS = 3

Task = Literal["detection", "segmentation"]
GROUND_TRUTH = "ground truth"  # the reference of a comparison with the annotations


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the whole set; None where there was nothing of the kind."""

    name: str
    value: Share | None
    interval: tuple[Share, Share] | None = None


class ClassMetric(msgspec.Struct, frozen=True, kw_only=True):
    """The first metric's share of one class: AP of detection, IoU of segmentation."""

    label: str
    value: Share | None
    count: Count  # objects to be found, or pixels


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """A picture made small, with boxes drawn or a mask overlaid."""

    caption: str
    thumbnail: str = ""  # data URI of a small JPEG


class PictureDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that two answer differently: what each says of it."""

    image: str
    alike: Share
    drawings: Annotated[tuple[Drawing, ...], Meta(max_length=MAX_DRAWINGS)] = ()


class MetricComparison(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="metric_comparison"
):
    """Two of the file's `Metrics`, or the annotations and one of them, picture by picture."""

    task: Task
    reference: str  # a name, or `GROUND_TRUTH`
    other: str
    images: Count
    metric: str
    difference: Number | None = None  # of the metric, other minus reference
    interval: tuple[Number, Number] | None = None  # of it, from the same resamples
    alike: Share | None = None  # of all boxes or pixels
    alike_of: str  # what that is a share of, in words
    differences: Annotated[tuple[PictureDifference, ...], Meta(max_length=MAX_DIFFERENCES)] = ()
