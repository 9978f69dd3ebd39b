"""What the walk has met where it ends in boxes and their scores, as rows."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.common.size import Size
from mobilenet.graph import FileDetection
from mobilenet.networks.ssdlite import MAPS, Detection, priors
from mobilenet.sources.walk.layout import Array, Places
from mobilenet.sources.walk.read_network import rows_behind
from mobilenet.sources.walk.read_rows import ReadNetwork, ReadRow
from mobilenet.sources.walk.steps import EXPORT_MODULE, Convolution, GraphValue, Predictions

PRIOR_LIMIT = 1e-5  # in parts of the picture
DIGITS = 6  # of scales and ratios, which files have in float32
LEAST_CONFIDENCE = 0.01  # a file that keeps boxes of less leaves the choice to its user


class MapPredictions(NamedTuple):
    """What one map says of its boxes: the file's order of channels, and of boxes."""

    row: ReadRow
    channels: Places  # (values, anchors): the channel of a value
    boxes: Places  # (anchors, places of the map): the file's number of a box


def read_detector(
    encodings: GraphValue, scores: GraphValue, detection: FileDetection
) -> ReadNetwork:
    """SSDLite's rows, those of the predictors last, map by map.

    Raises `CheckpointError` for predictors that are not SSDLite's, and for boxes that start
    elsewhere than the authors'.
    """
    by_map = [_by_map(value) for value in (encodings, scores)]
    for predictions in by_map:
        if len(predictions) != MAPS:
            raise CheckpointError(
                f"the detector looks at {len(predictions)} maps where SSDLite looks at {MAPS}",
                EXPORT_MODULE,
            )
    pairs = list(zip(*by_map, strict=True))
    heads, sizes, order = list[ReadRow](), list[Size](), list[Places]()
    for boxes, columns in pairs:
        if not np.array_equal(boxes.boxes, columns.boxes):
            raise CheckpointError(
                f"{columns.row.title} gives scores in another order than {boxes.row.title} boxes",
                EXPORT_MODULE,
            )
        order.append(boxes.boxes.ravel())
        sizes.append(Size(*boxes.row.value.layout.natural[1:]))
        for each in (boxes, columns):
            heads += [_depthwise(each.row), each.row]
    rows = rows_behind(*(head.value for head in heads))
    numbers = {head.convolution.number for head in heads}
    maps = [row for row in rows if row.convolution.number not in numbers]
    anchors = detection.anchors[np.concatenate(order)]
    settings = _settings(anchors, sizes, [len(boxes.boxes) for boxes, _ in pairs], detection)
    _check_priors(anchors, sizes, settings)
    classes = scores.layout.shape[-1] - 1
    return ReadNetwork(
        (*maps, *heads), (), "none", "", scores, detection=settings, classes=classes
    )


def _by_map(value: GraphValue) -> list[MapPredictions]:
    """(1, boxes, values) as what each map says."""
    maker, shape = value.maker, value.layout.shape
    if not isinstance(maker, Predictions) or len(shape) != 3:
        raise CheckpointError("boxes and scores of several maps are not joined", EXPORT_MODULE)
    places = maker.places[value.layout.table()[0]]
    predictions, begin, offset = [], 0, 0
    for part in maker.parts:
        row, numbers = _row(part), part.layout.numbers
        count = numbers // shape[2]
        try:
            channels, boxes = _orders(places[begin : begin + count] - offset, part)
        except ValueError as error:
            raise CheckpointError(
                f"{row.title} does not give each box its {shape[2]} values", EXPORT_MODULE
            ) from error
        predictions.append(
            MapPredictions(ReadRow(row.convolution, part, order=channels.ravel()), channels,
                           boxes + begin)
        )  # fmt: skip
        begin, offset = begin + count, offset + numbers
    return predictions


def _orders(places: Places, part: GraphValue) -> tuple[Places, Places]:
    """Channels (values, anchors) and boxes (anchors, places of the map) of (boxes, values).

    Raises `ValueError` where a box has values of several places, or not the same as others.
    """
    channels_of_map, height, width = part.layout.natural
    area, count = height * width, places.shape[1]
    channels, at = np.divmod(places, area)
    order = np.argsort(at[:, 0], kind="stable")  # all boxes of a place, in the file's order
    anchors = len(places) // area
    by_place = channels[order].reshape(area, anchors, count)
    is_sound = (
        (at == at[:, :1]).all()
        and np.array_equal(at[order, 0], np.repeat(np.arange(area), anchors))
        and (by_place == by_place[:1]).all()
        and np.array_equal(np.sort(by_place[0].ravel()), np.arange(channels_of_map))
    )
    if not is_sound:
        raise ValueError("another order at each place")
    return by_place[0].T, order.reshape(area, anchors).T


def _row(part: GraphValue) -> ReadRow:
    assert isinstance(part.maker, Convolution), "as it was joined"
    return ReadRow(part.maker, part)


def _depthwise(row: ReadRow) -> ReadRow:
    """The filter before a predictor, which makes an SSD an SSDLite."""
    reads = row.convolution.reads
    maker = reads.maker
    if not isinstance(maker, Convolution) or row.kernel_shape[2:] != (1, 1) or maker.groups == 1:
        height, width = row.kernel_shape[2:]
        raise CheckpointError(
            f"this is an SSD with full predictors, no SSDLite: {row.title} is a convolution of "
            f"{height} x {width} on no depthwise one",
            EXPORT_MODULE,
        )
    return ReadRow(maker, reads)


def _settings(
    anchors: Array, sizes: Sequence[Size], shapes: Sequence[int], detection: FileDetection
) -> Detection:
    """What the boxes' own sides say of how they were made."""
    starts = np.cumsum([0, *(size.area * n for size, n in zip(sizes, shapes, strict=True))])
    scale = [_scales(anchors[start:end]) for start, end in pairwise(starts)]
    second = anchors[starts[1] : starts[2]].reshape(shapes[1], -1, 4)[:-1, 0]
    is_chosen = detection.confidence >= LEAST_CONFIDENCE
    return Detection(
        float(scale[0][-1]), float(scale[-1][0]),
        tuple(round(float(width / height), DIGITS) for height, width in second[:, 2:]),
        detection.coder, detection.iou,
        detection.confidence if is_chosen else Detection.confidence, detection.most,
    )  # fmt: skip


def _scales(anchors: Array) -> NDArray[np.float64]:
    return np.round(np.sqrt(anchors[:, 2] * anchors[:, 3]), DIGITS)


def _check_priors(anchors: Array, sizes: Sequence[Size], settings: Detection) -> None:
    count = sum(len(settings.shapes(at)) * size.area for at, size in enumerate(sizes))
    if count != len(anchors):
        raise CheckpointError(
            f"the file starts from {len(anchors)} boxes where SSDLite has {count}: three for "
            "each place of the first map, as reduce_boxes_in_lowest_layer says, and one for each "
            "ratio and one more for those of others",
            EXPORT_MODULE,
        )
    own = np.array([*priors(sizes, settings)])
    distance = np.abs(own - anchors).max(1)
    worst = int(distance.argmax())
    if not math.isfinite(distance[worst]) or distance[worst] > PRIOR_LIMIT:
        file, ours = (", ".join(f"{side:.5g}" for side in box[worst]) for box in (anchors, own))
        raise CheckpointError(
            f"box {worst} of the file starts at y, x, height, width {file} where SSDLite's "
            f"starts at {ours}",
            "the authors' ssd_anchor_generator is read: export(module, ...) takes any module",
        )
