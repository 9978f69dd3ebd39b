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


class _Placed(NamedTuple):
    """Boxes by their corners, for the overlap of one with all."""

    near: Array  # (n, 2)
    far: Array
    area: Array  # (n,)

    @classmethod
    def of(cls, boxes: Array) -> "_Placed":
        """Of (n, 4) x, y, width, height; sides below 0 are none."""
        sides = np.maximum(boxes[:, 2:], 0)
        return cls(boxes[:, :2] - sides / 2, boxes[:, :2] + sides / 2, sides.prod(1))

    def overlaps(self, row: int) -> Array:
        """Intersection over union of one box with each (n,); 0 without an area."""
        near = np.maximum(self.near[row], self.near)
        far = np.minimum(self.far[row], self.far)
        common = np.maximum(far - near, 0).prod(1)
        union = self.area[row] + self.area - common
        result: Array = common / np.maximum(union, np.finfo(np.float64).tiny)
        return result


def kept(boxes: Array, scores: Array, thresholds: Thresholds) -> NDArray[np.intp]:
    """Rows that stay of (n, 4) x, y, width, height and (n, classes), the best first."""
    best, classes = scores.max(1), scores.argmax(1)
    order = np.argsort(-best, kind="stable")
    order = order[best[order] >= thresholds.confidence]
    placed, classes = _Placed.of(boxes[order]), classes[order]
    stays = np.zeros(len(order), bool)
    for row in range(len(order)):
        rivals = stays & (thresholds.agnostic | (classes == classes[row]))
        stays[row] = not (rivals & (placed.overlaps(row) > thresholds.iou)).any()
    rows: NDArray[np.intp] = order[stays]
    return rows


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
    low = np.flatnonzero(best < thresholds.confidence - score_error)
    order = candidates[np.argsort(-best[candidates], kind="stable")]
    placed, errors = _Placed.of(boxes[order]), _area_error(boxes[order], box_error)
    best, classes, is_sure_of_class = best[order], classes[order], is_sure_of_class[order]
    stays, goes = np.zeros(len(order), bool), np.zeros(len(order), bool)
    for row in range(len(order)):
        overlap = placed.overlaps(row)
        slack = np.minimum(errors[row] + errors, 1.0)
        alike = thresholds.agnostic | (classes == classes[row])
        is_sure = is_sure_of_class & is_sure_of_class[row]
        better = best - best[row]
        removes = alike & is_sure & (better > 2 * score_error)
        removes &= overlap - slack > thresholds.iou
        may_remove = (alike | ~is_sure) & (better >= -2 * score_error)
        may_remove &= overlap + slack >= thresholds.iou
        removes[row] = may_remove[row] = False
        if (stays & removes).any():
            goes[row] = True
        elif best[row] > thresholds.confidence + score_error:
            stays[row] = goes[may_remove].all()
    return Chosen(set(order[stays].tolist()), {*order[goes].tolist(), *low.tolist()}, len(boxes))


def _area_error(boxes: Array, error: float) -> Array:
    """By what share an overlap may move for each box whose numbers may be off by `error` (n,).

    Or by their own share of it; to first order, from the change of each area by its sides.
    """
    lengths = np.maximum(boxes[:, 2:], error)
    shares: Array = (3 * error * np.maximum(lengths, 1) / lengths).sum(1)
    return shares
