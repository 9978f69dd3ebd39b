"""Non-maximum suppression as it is described, one pair of boxes after the other."""

import numpy as np

Array = np.ndarray


def overlap(a: Array, b: Array) -> float:
    """Intersection over union of two boxes (x, y, width, height), x and y in the middle."""
    sides = [
        max(0.0, min(a[i] + a[i + 2] / 2, b[i] + b[i + 2] / 2)
            - max(a[i] - a[i + 2] / 2, b[i] - b[i + 2] / 2))
        for i in (0, 1)
    ]  # fmt: skip
    common = sides[0] * sides[1]
    union = a[2] * a[3] + b[2] * b[3] - common
    return common / union if union > 0 else 0.0


def kept(
    scores: Array, boxes: Array, iou: float, confidence: float, *, per_class: bool
) -> list[int]:
    """Indices of the boxes that stay, the best first; of equal ones the first."""
    best, classes = scores.max(1), scores.argmax(1)
    stay: list[int] = []
    for i in sorted(range(len(best)), key=lambda i: (-best[i], i)):
        rivals = [j for j in stay if not per_class or classes[i] == classes[j]]
        if best[i] >= confidence and all(overlap(boxes[i], boxes[j]) <= iou for j in rivals):
            stay.append(i)
    return stay


def crowd(rng: np.random.Generator, boxes: int, classes: int) -> tuple[Array, Array]:
    """Scores (boxes, classes) and boxes (boxes, 4) that stand in heaps."""
    heaps = rng.uniform(0.2, 0.8, (max(boxes // 6, 1), 2))
    centres = heaps[rng.integers(0, len(heaps), boxes)] + rng.normal(0, 0.03, (boxes, 2))
    sides = rng.uniform(0.1, 0.3, (boxes, 2))
    scores = rng.uniform(0, 1, (boxes, classes)) ** 2
    return scores.astype(np.float32), np.hstack([centres, sides]).astype(np.float32)
