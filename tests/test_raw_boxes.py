"""Which of a detector's raw boxes stay: against the rule in the plainest words."""

import numpy as np
import pytest

from bench.accuracy import detectors
from bench.accuracy.detectors import Suppression
from mobilenet.common.errors import PackageError
from picture_models import QUARTERS


def plain_suppression(
    boxes: np.ndarray, scores: np.ndarray, suppression: Suppression
) -> set[tuple[int, int]]:
    """(box, class) that stay, in the plainest words."""
    ranked = sorted(
        (-scores[i, c], i, c) for i, c in np.ndindex(scores.shape)
        if scores[i, c] >= suppression.confidence
    )  # fmt: skip
    stay: list[tuple[int, int]] = []
    for _, i, c in ranked:
        for j, d in stay:
            if c != d and not suppression.is_agnostic:
                continue
            low = np.maximum(boxes[i, :2] - boxes[i, 2:] / 2, boxes[j, :2] - boxes[j, 2:] / 2)
            high = np.minimum(boxes[i, :2] + boxes[i, 2:] / 2, boxes[j, :2] + boxes[j, 2:] / 2)
            shared = (high - low).clip(0).prod()
            if shared / (boxes[i, 2:].prod() + boxes[j, 2:].prod() - shared) > suppression.iou:
                break
        else:
            stay.append((i, c))
    return set(stay)


@pytest.mark.parametrize("is_agnostic", [False, True])
def test_weaker_boxes_go(is_agnostic: bool, rng: np.random.Generator) -> None:
    boxes = np.concatenate([rng.uniform(0.3, 0.6, (60, 2)), rng.uniform(0.1, 0.5, (60, 2))], 1)
    scores = rng.random((60, 3))
    suppression = Suppression(0.45, 0.3, is_agnostic)
    result = detectors.suppress(boxes, scores, suppression)
    stay = {
        (int(np.flatnonzero((boxes == box).all(axis=1))[0]), int(number))
        for box, number in zip(result.boxes, result.classes, strict=True)
    }
    assert stay == plain_suppression(boxes, scores, suppression)
    assert 3 < len(stay) == len(result.scores) < 60
    assert (np.diff(result.scores) <= 0).all()


def test_boxes_that_are_no_numbers_are_left_out_and_counted() -> None:
    boxes, scores = np.repeat(QUARTERS, 2, 0).astype(float), np.full((8, 2), 0.8)
    boxes[0, 2], scores[3, 1] = np.inf, np.nan
    raw = detectors.suppress(boxes, scores, Suppression())
    assert (len(raw.scores), raw.not_finite) == (8, 2)
    ready = detectors.first_class(boxes, scores)
    assert (len(ready.scores), ready.not_finite) == (6, 2)
    nothing = detectors.first_class(np.zeros((0, 4)), np.zeros((0, 2)))
    assert (nothing.boxes.shape, nothing.not_finite) == ((0, 4), 0)


def test_thresholds_are_the_metadatas() -> None:
    metadata = {"iouThreshold": "0.45", "confidenceThreshold": "0.25", "agnostic": "true"}
    assert Suppression.of_metadata(metadata) == Suppression(0.45, 0.25, True)
    assert Suppression.of_metadata({}) == Suppression(0.6, 0.01, False)
    for text in ("much", "nan", "1.5", "-0.1"):
        with pytest.raises(PackageError, match="iouThreshold is '"):
            Suppression.of_metadata({"iouThreshold": text})
