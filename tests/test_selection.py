"""The operations that choose, against PyTorch and a plain reading of what they are said to do."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from export.coremltools_import import coremltools
from export.mil import footprint
from export.mil.read.model import read
from export.mil.read.plain_values import fixed
from export.mil.shapes import infer, output_shapes
from mobilenet.common.errors import UnsupportedError
from programs import convert, run_package, save
from suppression_reference import crowd, kept

Array = np.ndarray
VALUES = np.random.default_rng(3).permutation(24).reshape(2, 4, 3).astype(np.float32)


def outputs(path: Path, *inputs: Array) -> list[Array]:
    """Of a program's outputs, in its order; each has the shape that was inferred for it."""
    function = read(path).function()
    results = run_package(path, {f"x{i}": value for i, value in enumerate(inputs)})
    shapes = infer(function)
    assert [results[name].shape for name in function.outputs] == [
        shapes[name] for name in function.outputs
    ]
    return [results[name] for name in function.outputs]


@pytest.mark.parametrize("opset", ["iOS15", "iOS16", "iOS17"])
@pytest.mark.parametrize(("axis", "ascending"), [(-1, False), (1, True)])
def test_topk(opset: str, axis: int, ascending: bool, tmp_path: Path) -> None:
    def top(mb, x):
        return mb.topk(x=x, k=2, axis=axis, ascending=ascending)

    values, indices = outputs(save(tmp_path / "t.mlpackage", top, [VALUES], opset=opset), VALUES)
    wanted = torch.from_numpy(VALUES).topk(2, axis, largest=not ascending)
    np.testing.assert_array_equal(values, wanted.values.numpy())
    np.testing.assert_array_equal(indices, wanted.indices.numpy())
    assert indices.dtype == np.int32


def test_topk_of_all_without_indices_and_counted_in_sixteen_bits(tmp_path: Path) -> None:
    def alone(mb, x):
        return mb.topk(x=x, k=4, axis=1, return_indices=False)

    def short(mb, x):
        return mb.cast(x=mb.topk(x=x, k=2, output_indices_dtype="uint16")[1], dtype="int32")

    path = save(tmp_path / "a.mlpackage", alone, [VALUES])
    (values,) = outputs(path, VALUES)
    np.testing.assert_array_equal(values, -np.sort(-VALUES, 1))
    function = read(path).function()
    (op,) = function.ops  # all, as iOS 17 has it and coremltools cannot write it
    op = replace(op, inputs=op.inputs | {"k": (fixed("k", -1, np.int32),)})
    assert output_shapes(op, {"x0": VALUES.shape}, function.constants) == [VALUES.shape]
    (indices,) = outputs(save(tmp_path / "s.mlpackage", short, [VALUES]), VALUES)
    np.testing.assert_array_equal(indices, np.argsort(-VALUES, -1)[..., :2])


def test_of_equal_values_the_first_comes_first(tmp_path: Path) -> None:
    values = np.array([[1, 5, 5, 2, 5]], np.float32)
    path = save(tmp_path / "t.mlpackage", lambda mb, x: mb.topk(x=x, k=4), [values])
    assert outputs(path, values)[1].tolist() == [[1, 2, 4, 3]]


def wanted_rows(
    scores: Array, boxes: Array, most: int, *, iou: float, confidence: float, per_class: bool
) -> tuple[Array, Array, Array, int]:
    """What the operation gives for one picture: boxes, scores, indices and their number."""
    rows = kept(scores, boxes, iou, confidence, per_class=per_class)[:most]
    rows = rows or [int(scores.max(1).argmax())]  # as coremltools' own reference
    places = np.zeros((most, 4), np.float32), np.zeros((most, scores.shape[1]), np.float32)
    places[0][: len(rows)], places[1][: len(rows)] = boxes[rows], scores[rows]
    return *places, np.array(rows + [-1] * (most - len(rows))), len(rows)


CASES = list(itertools.product((True, False), (0.0, 0.4, 0.9), (0.0, 0.6, 1.0), (5, 70)))


def test_non_maximum_suppression_of_ios_15(tmp_path: Path, rng: np.random.Generator) -> None:
    pairs = [crowd(rng, 60, 3) for _ in range(2)]
    scores, boxes = (np.stack(arrays) for arrays in zip(*pairs, strict=True))
    scores[0, 7] = scores[0, 3]  # as good as another, and elsewhere
    for number, (per_class, iou, confidence, most) in enumerate(CASES):

        def suppress(mb, boxes, scores, p=per_class, i=iou, c=confidence, m=most):
            return mb.non_maximum_suppression(
                boxes=boxes, scores=scores, iou_threshold=i, score_threshold=c, max_boxes=m,
                per_class_suppression=p,
            )  # fmt: skip

        path = save(tmp_path / f"{number}.mlpackage", suppress, [boxes, scores], opset="iOS15")
        results = outputs(path, boxes, scores)
        for at in range(2):
            wanted = wanted_rows(
                scores[at], boxes[at], most, iou=iou, confidence=confidence, per_class=per_class
            )
            for result, value in zip(results, wanted, strict=True):
                np.testing.assert_array_equal(result[at], value)


def test_a_score_that_equals_the_threshold_stays(tmp_path: Path) -> None:
    boxes = np.array([[[0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1]]], np.float32)
    scores = np.array([[[0.75], [0.5]]], np.float32)

    def suppress(mb, boxes, scores):
        return mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=0.5, score_threshold=0.5, max_boxes=2
        )

    path = save(tmp_path / "n.mlpackage", suppress, [boxes, scores], opset="iOS15")
    assert outputs(path, boxes, scores)[3].tolist() == [2]


@pytest.mark.parametrize("per_class", [True, False])
def test_non_maximum_suppression_of_ios_17(
    per_class: bool, tmp_path: Path, rng: np.random.Generator
) -> None:
    scores, boxes = crowd(rng, 40, 4)

    def suppress(mb, boxes, scores):
        return mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=0.3, max_boxes=50,
            per_class_suppression=per_class,
        )  # fmt: skip

    inputs = boxes.T[None].copy(), scores.T[None].copy()
    results = outputs(save(tmp_path / "n.mlpackage", suppress, inputs), *inputs)
    wanted = wanted_rows(scores, boxes, 50, iou=0.3, confidence=-1.0, per_class=per_class)
    np.testing.assert_array_equal(results[0][0].T, wanted[0])
    np.testing.assert_array_equal(results[1][0].T, wanted[1])
    np.testing.assert_array_equal(results[2][0], wanted[2])


def test_suppression_of_too_many_boxes_is_refused(tmp_path: Path) -> None:
    boxes, scores = np.zeros((1, 1 << 22, 4), np.float32), np.zeros((1, 1 << 22, 1), np.float32)

    def suppress(mb, boxes, scores):
        return mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=0.5, score_threshold=0.1, max_boxes=1 << 20
        )

    path = save(tmp_path / "n.mlpackage", suppress, [boxes, scores], opset="iOS15")
    with pytest.raises(UnsupportedError, match="steps of arithmetic"):
        footprint.check(read(path).function())


def test_the_old_formats_layers(tmp_path: Path, rng: np.random.Generator) -> None:
    """What coremltools writes of the same operations into an .mlmodel."""
    ct = coremltools()
    scores, boxes = crowd(rng, 30, 3)

    def choose(mb, boxes, scores):
        _, _, indices, count = mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=0.4, score_threshold=0.3, max_boxes=8,
            per_class_suppression=True,
        )  # fmt: skip
        values, places = mb.topk(x=scores, k=3, axis=1, ascending=True)
        winner = mb.reduce_argmax(x=scores, axis=2, keep_dims=False)
        loser = mb.reduce_argmin(x=scores, axis=2, keep_dims=True)
        return indices, count, values, places, winner, loser, mb.gather(
            x=boxes, indices=[[2, 5]], axis=1
        )  # fmt: skip

    inputs = boxes[None], scores[None]
    program = convert(choose, inputs, opset="iOS15")._mil_program
    model = ct.convert(program, source="milinternal", convert_to="neuralnetwork")
    model.save(str(tmp_path / "n.mlmodel"))
    results = outputs(tmp_path / "n.mlmodel", *inputs)
    rows = kept(scores, boxes, 0.4, 0.3, per_class=True)[:8]
    least = torch.from_numpy(scores).topk(3, 0, largest=False)
    wanted = [
        [rows + [-1] * (8 - len(rows))], [len(rows)], least.values[None], least.indices[None],
        scores.argmax(1)[None], scores.argmin(1)[None, :, None], boxes[[2, 5]][None, None],
    ]  # fmt: skip
    for result, value in zip(results, wanted, strict=True):
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, value)
