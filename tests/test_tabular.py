"""Core ML's models of tables but for trees, by hand and against ONNX Runtime's operations."""

import math
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from export.coremltools_import import coremltools
from mobilenet.common.errors import PackageError, UnsupportedError
from table_models import loaded, predict, run_node, table

Array = np.ndarray
PROBIT = NormalDist().cdf


def linear(kind: str, weights: Any, offsets: Any, labels: Any = (), **options: int) -> Any:
    outputs: dict[str, Any] = {"y": "double"}
    if labels:
        is_text = isinstance(labels[0], str)
        outputs = {"label": "string" if is_text else "int", "p": "strings" if is_text else "ints"}
    elif len(weights) > 1:
        outputs = {"y": (len(weights),)}
    model = table(kind, {"a": "double", "b": (len(weights[0]) - 1,)}, outputs, labels)
    contents = getattr(model, kind)
    for row in weights:
        contents.weights.add().value.extend(row)
    contents.offset.extend(offsets)
    for name, value in options.items():
        setattr(contents, name, value)
    return model


@pytest.mark.parametrize(
    ("transform", "mean"),
    [(0, float), (1, lambda v: 1 / (1 + math.exp(-v))), (2, PROBIT)],
)
def test_linear_regression(transform: int, mean: Any, tmp_path: Path) -> None:
    model = linear("glmRegressor", [[0.5, -1, 2]], [0.25], postEvaluationTransform=transform)
    given = predict(model, tmp_path, {"a": 1, "b": np.array([0.5, -0.125])})
    assert given == {"y": pytest.approx(mean(0.5 - 0.5 - 0.25 + 0.25), rel=1e-12)}
    several = linear("glmRegressor", [[1, 2], [3, 4]], [0, 1], postEvaluationTransform=transform)
    given = predict(several, tmp_path, {"a": 0.5, "b": np.array([0.25])})["y"]
    np.testing.assert_allclose(given, [mean(1.0), mean(3.5)])


def test_linear_classes(tmp_path: Path) -> None:
    """Of two, of several against the rest, and of several with the first as the reference."""
    inputs = {"a": 1.0, "b": np.array([2.0])}
    two = linear("glmClassifier", [[1, -1]], [0.5], ["no", "yes"])
    p = 1 / (1 + math.exp(0.5))
    given = predict(two, tmp_path, inputs)
    assert given["p"] == pytest.approx({"no": 1 - p, "yes": p})
    assert given["label"] == "no"
    probit = linear("glmClassifier", [[1, -1]], [2], ["no", "yes"], postEvaluationTransform=1)
    given = predict(probit, tmp_path, inputs)
    assert given == {"label": "yes", "p": pytest.approx({"no": PROBIT(-1), "yes": PROBIT(1)})}
    weights, offsets = [[1, 0.5], [-1, 0.25], [0, 0]], [0.5, 0, -1]
    rest = linear("glmClassifier", weights, offsets, [1, 2, 30], classEncoding=1)
    given = predict(rest, tmp_path, inputs)
    x = np.array([1, 2], np.float32)
    [label], [shares] = run_node("LinearClassifier", x, 2, post_transform="LOGISTIC",
                                 coefficients=np.ravel(weights).astype(float).tolist(),
                               intercepts=[float(each) for each in offsets], multi_class=0,
                               classlabels_ints=[1, 2, 30])  # fmt: skip
    assert given["label"] == label == 1
    assert given["p"] == pytest.approx(dict(zip([1, 2, 30], shares / shares.sum(), strict=True)))
    reference = linear("glmClassifier", weights[:2], offsets[:2], [1, 2, 30])
    powers = np.exp([0, 2.5, -0.5])
    given = predict(reference, tmp_path, inputs)
    assert given["label"] == 2
    assert [*given["p"].values()] == pytest.approx(powers / powers.sum())


def neighbors(labels: list[Any], samples: Array, k: int, scheme: str = "uniform") -> Any:
    from coremltools.models.nearest_neighbors import KNearestNeighborsClassifierBuilder

    assert coremltools()
    builder = KNearestNeighborsClassifierBuilder(
        "x", "label", samples.shape[1], "nobody", number_of_neighbors=k, weighting_scheme=scheme
    )
    if labels:
        builder.add_samples(samples, labels)
    return builder.spec


def test_nearest_neighbors(tmp_path: Path, rng: np.random.Generator) -> None:
    samples = rng.normal(size=(30, 4)).astype(np.float32)
    labels = [*rng.choice(["a", "b", "c"], 30)]
    x = rng.normal(size=4)
    order = np.argsort([np.square(x - each).sum() for each in samples.astype(float)])
    nearest = [str(labels[place]) for place in order[:5]]
    given = predict(neighbors(labels, samples, 5), tmp_path, {"x": x})
    assert given["label"] == max(nearest, key=nearest.count)
    assert given["labelProbs"] == {each: nearest.count(each) / 5 for each in "abc"}
    weights = [1 / np.square(x - samples[place]).sum() for place in order[:5]]
    sums = {each: sum(w for w, label in zip(weights, nearest, strict=True) if label == each)
            for each in "abc"}  # fmt: skip
    given = predict(neighbors(labels, samples, 5, "inverse_distance"), tmp_path, {"x": x})
    assert given["label"] == max(sums, key=sums.get)
    total = sum(weights)
    assert given["labelProbs"] == pytest.approx({each: sums[each] / total for each in "abc"})


def test_neighbors_that_are_equal_or_none(tmp_path: Path) -> None:
    samples = np.array([[3.0], [-2.0], [1.0], [1.0]], np.float32)
    model = neighbors(["a", "b", "b", "a"], samples, 4)
    assert predict(model, tmp_path, {"x": np.zeros(1)})["label"] == "b"  # the first of the nearest
    model = neighbors(["a", "b", "b", "a"], samples, 4, "inverse_distance")
    assert predict(model, tmp_path, {"x": np.array([3.0])})["labelProbs"] == {"a": 1, "b": 0}
    empty = predict(neighbors([], samples, 3), tmp_path, {"x": np.zeros(1)})
    assert empty == {"label": "nobody", "labelProbs": {"nobody": 1.0}}


DAMAGE: dict[str, tuple[Any, str]] = {
    "weights": (linear("glmRegressor", [[1, 2]], [0, 1]), "2 offsets for 1 values"),
    "no weights": (table("glmRegressor", {"x": (2,)}, {"y": "double"}), "has no weights"),
    "classes": (linear("glmClassifier", [[1, 2]], [0], [1, 2, 3]), "for 1 of 3 classes"),
    "probit": (linear("glmClassifier", [[1, 2]] * 2, [0, 0], [1, 2, 3],
                      postEvaluationTransform=1), "a probit of 3 classes"),
    "transform": (linear("glmRegressor", [[1, 2]], [0], postEvaluationTransform=7), "ends in"),
    "features": (linear("glmRegressor", [[1, 2], [1]], [0, 0]), "weights of different lengths"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGE)
def test_damage(case: str, tmp_path: Path) -> None:
    model, message = DAMAGE[case]
    with pytest.raises(PackageError, match=message) as error:
        loaded(model, tmp_path)
    assert "\n" not in error.value.message


@pytest.mark.parametrize("inputs", [{"a": 1, "b": np.zeros(3)}, {"a": "x", "b": [1]}, {"a": 1}])
def test_other_inputs(inputs: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"input 'b' |input 'a' is 'x'"):
        predict(linear("glmRegressor", [[1, 2]], [0]), tmp_path, inputs)
