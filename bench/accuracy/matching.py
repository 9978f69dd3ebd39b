"""Which detection finds which object, by COCO's rules: all thresholds and areas at once.

The rules are those of pycocotools' `COCOeval.evaluateImg`. The best hundred detections of a class
in a picture, best first, take the object that each overlaps most, of those that are still free;
an object that is not counted (a crowd, or one of another size) is taken only where no counted one
is left, and then the detection is ignored. A crowd may be taken again and again. pycocotools
walks threshold by threshold; here pictures of about as many objects walk side by side.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)  # of intersection over union
AREAS = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
MAX_DETECTIONS = 100  # of one class in one picture
CHUNK = 1 << 22  # elements of the largest array
_AREAS = np.array(list(AREAS.values()), np.float64)


class Objects(NamedTuple):
    """What there is to be found, one object a row, in the order of the annotations."""

    boxes: Floats  # (n, 4): left, top, width, height in pixels
    areas: Floats  # (n,) in square pixels, of the outline where there is one
    crowd: Booleans  # (n,)
    pictures: Integers  # (n,) from 0, in the order of their ids
    classes: Integers  # (n,) from 0

    def take(self, rows: Any) -> "Objects":
        """Some rows, or all in another order."""
        return Objects(*(column[rows] for column in self))


class DetectedBoxes(NamedTuple):
    """What was found, one box of one class a row; equal scores keep their order."""

    boxes: Floats  # (n, 4): left, top, width, height in pixels
    scores: Floats  # (n,)
    pictures: Integers  # (n,)
    classes: Integers  # (n,)

    def take(self, rows: Any) -> "DetectedBoxes":
        """Some rows, or all in another order."""
        return DetectedBoxes(*(column[rows] for column in self))


class Matches(NamedTuple):
    """The detections that count, by class, and best first in each picture of it."""

    detections: DetectedBoxes
    right: Booleans  # (n, areas, thresholds)
    ignored: Booleans  # likewise
    objects: Objects
    counted: Booleans  # (objects, areas): is it one to be found?


class _Groups(NamedTuple):
    """Detections and objects of one class in one picture, a row each."""

    first: Integers  # detection
    length: Integers  # detections
    first_object: Integers
    objects: Integers


def match(objects: Objects, detections: DetectedBoxes) -> Matches:
    """Every detection against the objects of its class in its picture."""
    pictures = 1 + max(objects.pictures.max(initial=0), detections.pictures.max(initial=0))
    detections = _best(detections, pictures)
    objects = _sorted(objects, pictures)
    counted = _is_within(objects.areas) & ~objects.crowd[:, None]
    outside = ~_is_within(detections.boxes[:, 2] * detections.boxes[:, 3])
    shape = (len(detections.scores), len(AREAS), len(THRESHOLDS))
    matches = Matches(
        detections, np.zeros(shape, np.bool_), np.repeat(outside[:, :, None], shape[2], axis=2),
        objects, counted,
    )  # fmt: skip
    for groups in _chunks(_groups(objects, detections, pictures)):
        _walk(matches, groups)
    return matches


def overlap(boxes: Floats, objects: Floats, crowd: Booleans) -> Floats:
    """Intersection over union of broadcast (..., 4) boxes; over the box alone for a crowd.

    The operations of pycocotools' `bbIou` in its order: the same float64 numbers.
    """
    low = np.maximum(boxes[..., :2], objects[..., :2])
    high = np.minimum(boxes[..., :2] + boxes[..., 2:], objects[..., :2] + objects[..., 2:])
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    area = boxes[..., 2] * boxes[..., 3]
    union = np.where(crowd, area, area + objects[..., 2] * objects[..., 3] - shared)
    ratio: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return ratio


def _is_within(areas: Floats) -> Booleans:
    """(n, areas): which of `AREAS` each is in, both ends included."""
    within: Booleans = (areas[:, None] >= _AREAS[:, 0]) & (areas[:, None] <= _AREAS[:, 1])
    return within


def _best(detections: DetectedBoxes, pictures: int) -> DetectedBoxes:
    """By class, then picture, best first; the first `MAX_DETECTIONS` of each."""
    keys = (-detections.scores, detections.pictures, detections.classes)
    detections = detections.take(np.lexsort(keys))
    _, first, lengths = _runs(detections.classes * pictures + detections.pictures)
    rank = np.arange(len(detections.scores)) - np.repeat(first, lengths)
    return detections.take(rank < MAX_DETECTIONS)


def _sorted(objects: Objects, pictures: int) -> Objects:
    return objects.take(np.argsort(objects.classes * pictures + objects.pictures, kind="stable"))


def _runs(keys: Integers) -> tuple[Integers, Integers, Integers]:
    """Of sorted keys: each that occurs, where it begins, how often it occurs."""
    values, first, lengths = np.unique(keys, return_index=True, return_counts=True)
    return values, first, lengths


def _groups(objects: Objects, detections: DetectedBoxes, pictures: int) -> _Groups:
    """Those that have both."""
    keys, first, length = _runs(detections.classes * pictures + detections.pictures)
    of_objects = objects.classes * pictures + objects.pictures
    first_object = np.searchsorted(of_objects, keys, "left")
    groups = _Groups(
        first, length, first_object, np.searchsorted(of_objects, keys, "right") - first_object
    )
    return _Groups(*(column[groups.objects > 0] for column in groups))


def _chunks(groups: _Groups) -> Iterator[_Groups]:
    """Groups of about as many objects, the most detections first, as memory allows."""
    widths = 1 << np.ceil(np.log2(groups.objects)).astype(np.int64)
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        rows = rows[np.argsort(-groups.length[rows], kind="stable")]
        size = max(1, CHUNK // (int(width) * len(AREAS) * len(THRESHOLDS)))
        for begin in range(0, len(rows), size):
            yield _Groups(*(column[rows[begin : begin + size]] for column in groups))


def _walk(matches: Matches, groups: _Groups) -> None:
    """The best detection of every group, then the second best, ..."""
    width = np.arange(groups.objects.max())
    exists = width < groups.objects[:, None]
    places = np.where(exists, groups.first_object[:, None] + width, 0)
    boxes, crowd = matches.objects.boxes[places], matches.objects.crowd[places]
    counted = matches.counted[places].transpose(0, 2, 1)[:, :, None]  # (groups, areas, 1, objects)
    free = np.ones((len(places), len(AREAS), len(THRESHOLDS), len(width)), np.bool_)
    limits = np.minimum(THRESHOLDS, 1 - 1e-10)[:, None]
    for rank in range(groups.length.max()):
        some = slice(np.searchsorted(-groups.length, -rank, "left"))  # that have so many
        rows = groups.first[some] + rank
        ratio = overlap(matches.detections.boxes[rows][:, None], boxes[some], crowd[some])
        # the last of equal ratios is taken: a place in the order instead of the ratio
        order = np.argsort(np.argsort(ratio, axis=1, kind="stable"), axis=1) + 1
        is_open = (free[some] | crowd[some][:, None, None]) & exists[some][:, None, None]
        is_open &= ratio[:, None, None] >= limits
        value = np.where(is_open, order[:, None, None] + counted[some] * len(width), 0)
        best = value.argmax(axis=3)[..., None]
        hit = np.take_along_axis(value, best, 3)[..., 0]
        is_right, is_hit = hit > len(width), hit > 0
        matches.right[rows] = is_right
        matches.ignored[rows] = np.where(is_hit, ~is_right, matches.ignored[rows])
        still = np.take_along_axis(free[some], best, 3) & ~is_hit[..., None]
        np.put_along_axis(free[some], best, still, 3)
