"""COCO's mAP against its rules written down plainly; pycocotools itself is among the peers."""

from collections.abc import Iterator

import numpy as np
import pytest

from bench.accuracy import average_precision, matching, resampling
from bench.accuracy.matching import AREAS, THRESHOLDS, DetectedBoxes, Objects
from made_detections import made_coco, tables

CLASSES = 7


def intersection_over_union(a: np.ndarray, b: np.ndarray, crowd: bool) -> float:
    sides = np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(sides.clip(0).prod())
    return shared / float(a[2:].prod() + (0 if crowd else b[2:].prod() - shared))


def marks(
    objects: Objects, detections: DetectedBoxes, cls: int, area: str, least: float
) -> Iterator[tuple[float, bool]]:
    """Score and rightness of every detection of a class that is not ignored, by picture."""
    low, high = AREAS[area]
    for picture in range(objects.pictures.max() + 1):
        own = np.flatnonzero((objects.pictures == picture) & (objects.classes == cls))
        free = set(own)
        rows = np.flatnonzero((detections.pictures == picture) & (detections.classes == cls))
        for row in sorted(rows, key=lambda row: -detections.scores[row])[:100]:
            box, best = detections.boxes[row], None
            for i in own:
                ratio = intersection_over_union(box, objects.boxes[i], objects.crowd[i])
                is_counted = low <= objects.areas[i] <= high and not objects.crowd[i]
                if ratio >= least and (i in free or objects.crowd[i]):
                    best = max(best or (False, 0.0, -1), (is_counted, ratio, i))
            if best:
                free.discard(best[2])
            if best[0] if best else low <= box[2:].prod() <= high:
                yield float(detections.scores[row]), best is not None


def plain_precision(
    objects: Objects, detections: DetectedBoxes, cls: int, area: str, least: float
) -> float:
    low, high = AREAS[area]
    counted = (objects.classes == cls) & (objects.areas >= low) & (objects.areas <= high)
    total = int((counted & ~objects.crowd).sum())
    if not total:
        return float("nan")
    curve, right = [], 0
    ranked = sorted(marks(objects, detections, cls, area, least), key=lambda mark: -mark[0])
    for number, (_, is_right) in enumerate(ranked, start=1):
        right += is_right
        curve.append((right / total, right / number))
    recalls = np.linspace(0, 1, 101)
    return float(np.mean([max((p for r, p in curve if r >= x), default=0) for x in recalls]))


@pytest.mark.parametrize("seed", [1, 2])
def test_precision_is_that_of_the_rules(seed: int) -> None:
    made = tables(*made_coco(np.random.default_rng(seed), pictures=12))
    table = average_precision.class_precisions(matching.match(*made), CLASSES)
    assert np.isnan(table[CLASSES - 1]).all()  # no object
    assert table[CLASSES - 2, 0].max() == 0  # no detection
    for cls in range(CLASSES):
        for a, area in enumerate(AREAS):
            for t in (0, 5, 9):
                expected = plain_precision(*made, cls, area, THRESHOLDS[t])
                assert table[cls, a, t] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def one_picture(boxes: list[list[float]], scores: list[float]) -> DetectedBoxes:
    zeros = np.zeros(len(boxes), np.int64)
    return DetectedBoxes(np.array(boxes, float).reshape(-1, 4), np.array(scores), zeros, zeros)


def objects_of(boxes: list[list[float]], crowd: list[bool]) -> Objects:
    table, zeros = np.array(boxes, float), np.zeros(len(boxes), np.int64)
    return Objects(table, table[:, 2] * table[:, 3], np.array(crowd), zeros, zeros)


def test_by_hand() -> None:
    objects = objects_of([[0, 0, 10, 10], [20, 0, 10, 10]], [False, False])
    detections = one_picture([[0, 0, 10, 10], [50, 0, 9, 9], [20, 0, 10, 8]], [0.9, 0.8, 0.7])
    matches = matching.match(objects, detections)
    result = average_precision.metrics(average_precision.class_precisions(matches, 1))
    half, whole = 51 / 101, 50 / 101 * 2 / 3  # recall to .5 at precision 1, to 1 at 2/3
    assert result.AP50 == result.AP75 == pytest.approx(half + whole)
    assert pytest.approx(half + whole * 0.7) == result.mAP  # overlap .8 passes 7 of 10
    assert result.APs == result.mAP
    assert np.isnan([result.APm, result.APl]).all()


def test_a_crowd_swallows_what_lies_in_it() -> None:
    objects = objects_of([[0, 0, 100, 100], [200, 0, 10, 10]], [True, False])
    detections = one_picture([[0, 0, 9, 9], [9, 9, 9, 9], [200, 0, 10, 10]], [0.9, 0.8, 0.7])
    matches = matching.match(objects, detections)
    assert matches.ignored[:2, 0].all()
    result = average_precision.metrics(average_precision.class_precisions(matches, 1))
    assert pytest.approx(1) == result.mAP


def test_nothing_at_all() -> None:
    none = np.zeros(0, np.int64)
    nothing = Objects(np.zeros((0, 4)), np.zeros(0), np.zeros(0, bool), none, none)
    matches = matching.match(nothing, one_picture([], []))
    table = average_precision.class_precisions(matches, 2)
    assert np.isnan(average_precision.metrics(table)).all()
    assert np.isnan(average_precision.resampled(matches, resampling.weights(1))).all()


def test_resamples_are_copies_of_pictures(rng: np.random.Generator) -> None:
    objects, detections = tables(*made_coco(rng, pictures=8))
    detections = detections._replace(scores=rng.permutation(len(detections.scores)) / 1e4)
    matches = matching.match(objects, detections)
    times = np.array([0, 1, 2, 1, 3, 1, 0, 1])
    copies = [(old, new) for new, old in enumerate(np.repeat(np.arange(8), times))]

    def copied(table: Objects | DetectedBoxes) -> list[np.ndarray]:
        rows = [np.flatnonzero(table.pictures == old) for old, _ in copies]
        numbers = np.repeat([new for _, new in copies], [len(part) for part in rows])
        return [*table._replace(pictures=numbers, **{
            name: column[np.concatenate(rows)]
            for name, column in table._asdict().items() if name != "pictures"
        })]  # fmt: skip

    again = matching.match(Objects(*copied(objects)), DetectedBoxes(*copied(detections)))
    for of, weights in ((matches, np.ones(8, np.int64)), (again, times)):
        expected = average_precision.metrics(average_precision.class_precisions(of, CLASSES))
        got = average_precision.resampled(matches, weights[None])[0]
        # copies have one score: within them, precision is that of the first or the last
        np.testing.assert_allclose(got, expected[:2], atol=1e-12 if of is matches else 0.03)


def test_intervals_are_seeded_and_of_enough_pictures(rng: np.random.Generator) -> None:
    weights = resampling.weights(40)
    assert (weights.sum(axis=1) == 40).all()
    np.testing.assert_array_equal(weights, resampling.weights(40))
    values = rng.normal(size=40)
    low, high = resampling.Resampled(values.mean(), weights @ values / 40, 40).interval() or (0, 0)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 40**0.5, rel=0.2)
    assert resampling.Resampled(0, np.zeros(200), 9).interval() is None
    assert resampling.Resampled(0, np.full(200, np.nan), 40).interval() is None
