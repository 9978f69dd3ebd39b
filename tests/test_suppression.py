"""Core ML's non-maximum suppression in numpy, against a plain reading of what is said of it."""

import itertools

import numpy as np
import pytest

from detectors import suppression
from export.mil.read import suppression_file
from export.runtimes import suppression_session
from export.runtimes.suppression_session import BLOCK, SuppressionSession, suppress
from mobilenet.common.errors import PackageError, UnsupportedError
from suppression_reference import crowd, kept

Array = np.ndarray


def session(count: int, labels: tuple[str | int, ...] = ("cat", "dog"), **options):
    return SuppressionSession(suppression_file.read(suppression(count, labels, **options)))


def run(scores: Array, boxes: Array, **options) -> Array:
    """The confidences that stay."""
    labels = tuple("abcdefgh")[: scores.shape[1]]
    model = session(len(scores), labels, **options)
    return model.predict({"raw_confidence": scores, "raw_coordinates": boxes})["confidence"]


@pytest.mark.parametrize("per_class", [True, False])
def test_the_boxes_that_stay(per_class: bool, rng: np.random.Generator) -> None:
    sizes = ((0, 2), (1, 1), (60, 1), (60, 5), (3 * BLOCK, 3))
    for (count, classes), iou, least in itertools.product(sizes, (0.0, 0.45, 1.0), (0.0, 0.5)):
        scores, boxes = crowd(rng, count, classes)
        got = suppress(scores, boxes, iou, least, per_class=per_class)
        assert got.tolist() == kept(scores, boxes, iou, least, per_class=per_class)


def test_what_equals_a_threshold_stays() -> None:
    """Two boxes of 2 x 1 that share the half of each: 1 of 3."""
    boxes = np.array([[1, 0.5, 2, 1], [2, 0.5, 2, 1]], np.float64)
    scores = np.array([[0.75], [0.5]])
    assert len(run(scores, boxes, iou=1 / 3, confidence=0.5)) == 2
    assert len(run(scores, boxes, iou=0.333, confidence=0.5)) == 1
    assert len(run(scores, boxes, iou=1 / 3, confidence=0.5001)) == 1


def test_of_equal_boxes_the_first_stays_and_comes_first() -> None:
    boxes = np.array([[0.5, 0.5, 0.2, 0.2]] * 2 + [[0.1, 0.1, 0.1, 0.1]])
    scores = np.array([[0.9, 0.1], [0.9, 0.2], [0.9, 0.3]])
    assert run(scores, boxes, iou=0.5).tolist() == [[0.9, 0.1], [0.9, 0.3]]


def test_a_box_has_one_class_the_first_of_equal_ones() -> None:
    boxes = np.array([[0.5, 0.5, 0.2, 0.2]] * 3)
    scores = np.array([[0.6, 0.6], [0.2, 0.5], [0.4, 0.4]])
    assert len(run(scores, boxes, iou=0.5)) == 2
    assert len(run(scores, boxes, iou=0.5, per_class=False)) == 1


def test_a_threshold_of_one_keeps_all(rng: np.random.Generator) -> None:
    boxes = np.repeat(rng.uniform(0, 1, (200, 4)), 2, 0)
    assert len(run(np.full((400, 1), 0.5), boxes, iou=1.0)) == 400


def test_boxes_without_area_and_confidences_that_are_no_numbers() -> None:
    boxes = np.array([[0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0, 0], [0.5, 0.5, -0.2, 0.2],
                      [0.5, 0.5, 0.2, 0.2], [np.nan, 0.5, 0.2, 0.2]])  # fmt: skip
    scores = np.array([[0.9], [0.8], [0.7], [np.nan], [0.6]])
    assert run(scores, boxes, iou=0.0).ravel().tolist() == [0.9, 0.8, 0.7, 0.6]


def test_rows_are_filled_or_cut_as_declared(rng: np.random.Generator) -> None:
    scores, boxes = crowd(rng, 30, 2)
    rows = kept(scores, boxes, 0.5, 0.25, per_class=True)
    assert len(rows) > 5
    np.testing.assert_array_equal(run(scores, boxes, rows=(0, 5)), scores[rows[:5]])
    fixed = run(scores, boxes, rows=(40, 40))
    assert (fixed.shape, fixed.dtype) == ((40, 2), np.float32)
    np.testing.assert_array_equal(fixed[: len(rows)], scores[rows])
    assert not fixed[len(rows) :].any()


def test_a_shape_fixes_the_rows_too() -> None:
    model = suppression(10, ("a",))
    array = model.description.output[1].type.multiArrayType
    array.ClearField("shapeRange")
    array.shape[:] = [7, 4]
    read = suppression_file.read(model)
    assert (read.least, read.most) == (7, 7)


def test_labels_may_be_numbers() -> None:
    assert session(3, (7, 70)).description.labels == ("7", "70")


@pytest.mark.parametrize("shapes", [((5, 3), (5, 4)), ((5, 2), (4, 4)), ((5,), (5, 4))])
def test_arrays_of_other_shapes(shapes) -> None:
    scores, boxes = map(np.zeros, shapes)
    with pytest.raises(UnsupportedError, match=r"have shapes \(5,"):
        session(5).predict({"raw_confidence": scores, "raw_coordinates": boxes})


@pytest.mark.parametrize(
    ("field", "value"),
    [("iouThreshold", 1.1), ("iouThreshold", np.nan), ("confidenceThreshold", -1.0),
     ("coordinatesInputFeatureName", "")],
)  # fmt: skip
def test_damage(field: str, value: object) -> None:
    model = suppression(5, ("a", "b"))
    setattr(model.nonMaximumSuppression, field, value)
    with pytest.raises(PackageError, match="a nonMaximumSuppression has"):
        suppression_file.read(model)


def test_too_many_boxes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppression_session, "MAX_CANDIDATES", 10)
    scores, boxes = np.full((11, 1), 0.5), np.zeros((11, 4))
    with pytest.raises(UnsupportedError, match="11 boxes are above the confidence"):
        run(scores, boxes)
    assert len(run(scores[1:], boxes[1:])) == 10


def test_more_rows_than_memory_are_refused() -> None:
    with pytest.raises(PackageError, match="gives at least 1,000,000,000,000 boxes"):
        suppression_file.read(suppression(5, ("a",), rows=(10**12, -1)))
