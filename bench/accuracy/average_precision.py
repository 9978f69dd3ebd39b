"""Average precision by COCO's rules, from matches: pycocotools' `COCOeval.accumulate`.

Precision is read off at 101 recalls, after each is raised to the highest at any greater recall;
AP is the mean over recalls, ten thresholds of overlap, and the classes that have objects.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bench.accuracy.matching import AREAS, THRESHOLDS, Booleans, Floats, Integers, Matches

RECALLS: Floats = np.linspace(0, 1, 101)
RESAMPLED = ("mAP", "AP50")  # those with an interval
_EPSILON = float(np.spacing(1))  # of the denominator, as in pycocotools


class PrecisionMetrics(NamedTuple):
    """COCO's six of at most a hundred detections, shares of 1; NaN where there is no object."""

    mAP: float  # noqa: N815  # the metric's own name
    AP50: float
    AP75: float
    APs: float  # objects below 32 x 32 pixels
    APm: float
    APl: float  # objects from 96 x 96 pixels


class _OfClass(NamedTuple):
    """The detections of one class, best first whatever the picture."""

    pictures: Integers
    right: Booleans  # (areas, thresholds, n)
    wrong: Booleans
    objects: Integers  # the pictures of its objects
    counted: Booleans  # (objects, areas)


def class_precisions(matches: Matches, classes: int) -> Floats:
    """(classes, areas, thresholds) of average precisions; NaN where there is no object."""
    shape = (len(AREAS), len(THRESHOLDS))
    rows = shape[0] * shape[1]
    table = np.full((classes, *shape), np.nan)
    for number, each in _by_class(matches):
        table[number] = _precision(
            each.right.reshape(rows, -1).astype(np.float64),
            each.wrong.reshape(rows, -1).astype(np.float64),
            np.repeat(each.counted.sum(0), shape[1]).astype(np.float64),
        ).reshape(shape)
    return table


def metrics(precisions: Floats) -> PrecisionMetrics:
    """The means over classes of what `class_precisions` gives."""
    everything, small, medium, large = (precisions[:, area] for area in range(len(AREAS)))
    at75 = int(np.flatnonzero(np.isclose(THRESHOLDS, 0.75))[0])
    return PrecisionMetrics(
        _mean(everything), _mean(everything[:, 0]), _mean(everything[:, at75]),
        _mean(small), _mean(medium), _mean(large),
    )  # fmt: skip


def resampled(matches: Matches, weights: Integers) -> Floats:
    """(resamples, 2): `RESAMPLED` where picture i occurs weights[b, i] times in resample b.

    Detections of equal score in copies of a picture are told apart by nothing: their order is
    that of the picture.
    """
    classes = [each for _, each in _by_class(matches)]
    values = np.full((len(weights), 2), np.nan)
    for number, times in enumerate(weights):
        table = np.array([_weighted(each, times) for each in classes])
        if table.size:
            values[number] = _mean(table), _mean(table[:, 0])
    return values


def _weighted(each: _OfClass, times: Integers) -> Floats:
    """(thresholds,) of objects of any size."""
    weight = times[each.pictures]
    objects = float(times[each.objects] @ each.counted[:, 0])
    rows = np.full(len(THRESHOLDS), objects)
    return _precision(each.right[0] * weight, each.wrong[0] * weight, rows)


def _by_class(matches: Matches) -> Iterator[tuple[int, _OfClass]]:
    """Classes that have objects to be found."""
    detections, objects = matches.detections, matches.objects
    for number in np.unique(objects.classes[matches.counted[:, 0]]):
        low, high = np.searchsorted(detections.classes, [number, number + 1])
        order = low + np.argsort(-detections.scores[low:high], kind="stable")
        right, ignored = (
            flags[order].transpose(1, 2, 0) for flags in (matches.right, matches.ignored)
        )
        rows = objects.classes == number
        yield (
            int(number),
            _OfClass(
                detections.pictures[order], right, ~right & ~ignored,
                objects.pictures[rows], matches.counted[rows],
            ),
        )  # fmt: skip


def _precision(right: Floats, wrong: Floats, objects: Floats) -> Floats:
    """(rows,): the mean precision at `RECALLS` of (rows, n) detections; NaN without objects."""
    hits, misses = right.cumsum(axis=1), wrong.cumsum(axis=1)
    precision = hits / (hits + misses + _EPSILON)
    highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    highest = np.concatenate([highest, np.zeros((len(highest), 1))], axis=1)  # never reached
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = hits / objects[:, None]
    means = [
        line[np.searchsorted(reached, RECALLS, "left")].mean() if count else np.nan
        for line, reached, count in zip(highest, recall, objects, strict=True)
    ]
    return np.array(means)


def _mean(values: Floats) -> float:
    """Without NaN; NaN where nothing else is."""
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if numbers.size else float("nan")
