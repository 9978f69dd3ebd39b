"""Which of a detector's boxes stay: a plain second implementation, and what rounding leaves open.

The portable runtime runs Core ML's model in its own way (`runtimes.suppression_session`), whose
docstring tells what is decided where Apple says nothing; this follows the same rules, box by box.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Thresholds(NamedTuple):
    """Which boxes stay."""

    iou: float
    confidence: float
    agnostic: bool = False


class Chosen(NamedTuple):
    """Rows of boxes that stay, and that go, whatever rounding does; the others are open."""

    stays: set[int]
    goes: set[int]
    candidates: int  # that may be over the threshold

    @property
    def open_share(self) -> float:
        """Of the candidates, those that may stay or go."""
        below = self.candidates - len(self.stays) - len(self.goes)
        return max(below, 0) / max(self.candidates, 1)


def kept(boxes: Array, scores: Array, thresholds: Thresholds) -> NDArray[np.intp]:
    """Rows that stay of (n, 4) x, y, width, height and (n, classes), the best first."""
    best, classes = scores.max(1), scores.argmax(1)
    stay: list[int] = []
    for row in np.argsort(-best, kind="stable"):
        if not best[row] >= thresholds.confidence:
            continue
        rivals = [r for r in stay if thresholds.agnostic or classes[r] == classes[row]]
        if not (overlaps(boxes[row], boxes[rivals]) > thresholds.iou).any():
            stay.append(int(row))
    return np.array(stay, np.intp)


def undecided(
    boxes: Array, scores: Array, thresholds: Thresholds, box_error: float, score_error: float
) -> Chosen:
    """What is certain of boxes and scores each of which may be off by so much.

    A box goes for certain when one that stays for certain is better by more than both scores'
    errors, of the same class for certain, and overlaps it by more than the error of the overlap;
    it stays for certain when none that may stay could do so.
    """
    best, classes = scores.max(1), scores.argmax(1)
    second = np.sort(scores, 1)[:, -2] if scores.shape[1] > 1 else np.full(len(scores), -np.inf)
    is_sure_of_class = (best - second > 2 * score_error) | thresholds.agnostic
    candidates = np.flatnonzero(best >= thresholds.confidence - score_error)
    order = candidates[np.argsort(-best[candidates], kind="stable")]
    stays, goes = set[int](), set[int]()
    for row in order:
        others = order[order != row]
        overlap = overlaps(boxes[row], boxes[others])
        slack = _overlap_error(boxes[row], boxes[others], box_error)
        alike = thresholds.agnostic | (classes[others] == classes[row])
        sure = alike & is_sure_of_class[row] & is_sure_of_class[others]
        possibly = alike | ~(is_sure_of_class[row] & is_sure_of_class[others])
        worse = best[others] - best[row]
        removes = sure & (worse > 2 * score_error) & (overlap - slack > thresholds.iou)
        may_remove = possibly & (worse >= -2 * score_error) & (overlap + slack >= thresholds.iou)
        if any(int(other) in stays for other in others[removes]):
            goes.add(int(row))
        elif best[row] > thresholds.confidence + score_error and all(
            int(other) in goes for other in others[may_remove]
        ):
            stays.add(int(row))
    low = np.flatnonzero(best < thresholds.confidence - score_error)
    return Chosen(stays, goes | set(low.tolist()), len(boxes))


def overlaps(box: Array, others: Array) -> Array:
    """Intersection over union of one box (4,) with each of (n, 4); 0 without an area."""
    near = np.maximum(box[:2] - np.maximum(box[2:], 0) / 2, others[:, :2] - _half(others))
    far = np.minimum(box[:2] + np.maximum(box[2:], 0) / 2, others[:, :2] + _half(others))
    common = np.maximum(far - near, 0).prod(1)
    areas = np.maximum(box[2:], 0).prod() + np.maximum(others[:, 2:], 0).prod(1)
    result: Array = common / np.maximum(areas - common, np.finfo(np.float64).tiny)
    return result


def _half(boxes: Array) -> Array:
    half: Array = np.maximum(boxes[:, 2:], 0) / 2
    return half


def _overlap_error(box: Array, others: Array, error: float) -> Array:
    """How far the overlap may move when each number moves by `error`, or its own share of it.

    To first order, from the change of each area by its sides.
    """
    lengths = np.maximum(np.concatenate([box[None], others])[:, 2:], error)
    shares = (3 * error * np.maximum(lengths, 1) / lengths).sum(1)
    moved: Array = np.minimum(shares[0] + shares[1:], 1.0)
    return moved
