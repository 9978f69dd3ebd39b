"""Decision trees as Core ML runs them, against a plain walk and against ONNX Runtime's."""

import operator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.coremltools_import import coremltools
from mobilenet.common.errors import PackageError, UnsupportedError
from table_models import forest, loaded, predict, run_node, table, write_forest

BEHAVIORS = (operator.le, operator.lt, operator.ge, operator.gt, operator.eq, operator.ne)
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def walk(trees: list[list[dict[str, Any]]], base: list[float], x: np.ndarray) -> np.ndarray:
    total = np.array(base)
    for tree in trees:
        node = tree[0]
        while "values" not in node:
            value = x[node["feature"]]
            holds = BEHAVIORS[node["behavior"]](value, node["threshold"])
            holds = node["missing"] if np.isnan(value) else holds
            node = tree[node["children"][0 if holds else 1]]
        total = total + node["values"]
    return total


def onnx_sums(trees: list[list[dict[str, Any]]], base: list[float], x: np.ndarray) -> np.ndarray:
    nodes = [(tree, node, what) for tree, several in enumerate(trees)
             for node, what in enumerate(several)]  # fmt: skip
    leaves = [(t, n, i, v) for t, n, what in nodes for i, v in enumerate(what.get("values", ()))]
    names = ("treeids", "nodeids", "ids", "weights")
    attributes = dict(
        zip((f"target_{name}" for name in names), zip(*leaves, strict=True), strict=True)
    )
    attributes |= {
        "nodes_treeids": [t for t, _, _ in nodes], "nodes_nodeids": [n for _, n, _ in nodes],
        "nodes_featureids": [what.get("feature", 0) for *_, what in nodes],
        "nodes_values": [float(what.get("threshold", 0)) for *_, what in nodes],
        "nodes_modes": [MODES[what["behavior"]] if "behavior" in what else "LEAF"
                        for *_, what in nodes],
        "nodes_truenodeids": [what.get("children", (0, 0))[0] for *_, what in nodes],
        "nodes_falsenodeids": [what.get("children", (0, 0))[1] for *_, what in nodes],
        "nodes_missing_value_tracks_true": [int(what.get("missing", 0)) for *_, what in nodes],
        "n_targets": len(base), "base_values": base,
    }  # fmt: skip
    return run_node("TreeEnsembleRegressor", x, 1, **attributes)[0][0]


def regression(trees: list[list[dict[str, Any]]], base: list[float], features: int = 4) -> Any:
    model = table("treeEnsembleRegressor", {"x": (features,)}, {"y": (len(base),)})
    write_forest(model.treeEnsembleRegressor.treeEnsemble, trees, base)
    return model


@pytest.mark.parametrize("behavior", range(6))
def test_sums_of_leaves(behavior: int, tmp_path: Path, rng: np.random.Generator) -> None:
    trees, base = forest(rng, 6, 3, 4, 2, behavior), [0.25, -1.0]
    model = loaded(regression(trees, base), tmp_path)
    for _ in range(20):
        x = rng.integers(-16, 16, 4) / 16
        got = model.predict({"x": x})["y"]
        np.testing.assert_array_equal(got, walk(trees, base, x))
        np.testing.assert_array_equal(got, onnx_sums(trees, base, x))


def test_what_is_missing_goes_where_the_branch_says(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    trees = forest(rng, 6, 3, 3, 1)
    model = table("treeEnsembleRegressor", {"a": "double", "b": (2,)}, {"y": "double"})
    model.description.input[0].type.isOptional = True
    write_forest(model.treeEnsembleRegressor.treeEnsemble, trees, [0.0])
    session = loaded(model, tmp_path)
    for b in ([0.5, np.nan], [np.nan, np.nan], [0.0, 0.5]):
        expected = walk(trees, [0.0], np.array([np.nan, *b]))[0]
        assert session.predict({"b": np.array(b)}) == {"y": expected}
        assert session.predict({"a": np.nan, "b": np.array(b)}) == {"y": expected}
    assert isinstance(expected, float)


def test_a_threshold_that_float32_does_not_have(tmp_path: Path) -> None:
    """ONNX's own operation would compare 0.1 with 0.1 in float32."""
    node = {"feature": 0, "threshold": 0.1, "behavior": 1, "missing": False, "children": (1, 2)}
    model = loaded(regression([[node, {"values": [1.0]}, {"values": [2.0]}]], [0.0], 1), tmp_path)
    below = np.nextafter(0.1, 0)
    assert model.predict({"x": np.array([below])})["y"] == 1
    assert model.predict({"x": np.array([0.1])})["y"] == 2


def classification(sums: int, labels: list[Any], transform: int, base: list[float]) -> Any:
    outputs = {"label": "string" if isinstance(labels[0], str) else "int",
               "shares": "strings" if isinstance(labels[0], str) else "ints"}  # fmt: skip
    model = table("treeEnsembleClassifier", {"x": (1,)}, outputs, labels)
    leaf = {"values": [0.0] * sums}
    write_forest(model.treeEnsembleClassifier.treeEnsemble, [[leaf]], base)
    model.treeEnsembleClassifier.postEvaluationTransform = transform
    return model


CLASSES = {  # labels, transform, sums, probabilities
    "shares as they are": (["a", "b"], 0, [0.25], [0.75, 0.25]),
    "the half is the second class": (["a", "b"], 0, [0.5], [0.5, 0.5]),
    "logistic": ([3, 5], 2, [np.log(3)], [0.25, 0.75]),
    "a reference": (["a", "b"], 3, [np.log(3)], [0.25, 0.75]),
    "softmax": ([1, 2, -3], 1, list(np.log([1, 2, 5])), [0.125, 0.25, 0.625]),
    "several shares": (["a", "b", "c"], 0, [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]),
    "far off": (["a", "b"], 2, [-2000.0], [1.0, 0.0]),
}


@pytest.mark.parametrize("case", CLASSES)
def test_classes(case: str, tmp_path: Path) -> None:
    labels, transform, base, shares = CLASSES[case]
    model = classification(len(base), labels, transform, base)
    given = predict(model, tmp_path, {"x": np.zeros(1)})
    assert given["shares"] == pytest.approx(dict(zip(labels, shares, strict=True)))
    is_half = case == "the half is the second class"
    assert given["label"] == labels[1 if is_half else int(np.argmax(shares))]
    assert type(given["label"]) is type(labels[0])


@pytest.mark.parametrize(("sums", "transform"), [(1, 1), (2, 3)])
def test_what_is_not_described_is_refused(sums: int, transform: int, tmp_path: Path) -> None:
    model = classification(sums, ["a", "b"], transform, [0.0] * sums)
    with pytest.raises(UnsupportedError, match=r"ends in .* of \d values"):
        loaded(model, tmp_path)


def test_coremltools_own_builder(tmp_path: Path) -> None:
    """The example of its documentation, with one sum for the one output."""
    from coremltools.models import datatypes
    from coremltools.models.tree_ensemble import TreeEnsembleRegressor

    assert coremltools()
    features = [("a", datatypes.Array(3)), ("b", datatypes.Double())]
    builder = TreeEnsembleRegressor(features, [("predicted_values", datatypes.Double())])
    builder.add_branch_node(0, 0, 2, 3, "BranchOnValueLessThanEqual", 1, 2)
    builder.add_leaf_node(0, 1, -1)
    builder.add_branch_node(0, 2, 3, 0, "BranchOnValueEqual", 3, 4)
    builder.add_leaf_node(0, 3, 1)
    builder.add_leaf_node(0, 4, -2)
    builder.set_default_prediction_value(0.5)
    session = loaded(builder.spec, tmp_path)
    for a, b, expected in ((3, 0, -0.5), (4, 0, 1.5), (4, 1, -1.5)):
        given = session.predict({"a": np.array([0, 1, a], np.float32), "b": b})
        assert given == {"predicted_values": expected}


def node_of(model: Any, place: int) -> Any:
    return model.treeEnsembleRegressor.treeEnsemble.nodes[place]


DAMAGE: dict[str, tuple[Any, str]] = {
    "no node": (lambda m: setattr(node_of(m, -1), "trueChildNodeId", 99), "not there"),
    "another tree": (lambda m: setattr(node_of(m, 0), "treeId", 1), "another tree"),
    "two parents": (lambda m: setattr(node_of(m, -1), "trueChildNodeId", 6), "two parents"),
    "itself": (lambda m: setattr(node_of(m, -1), "trueChildNodeId", 0), "circle|two roots"),
    "twice": (lambda m: setattr(node_of(m, 0), "nodeId", 0), "a node twice"),
    "kind": (lambda m: setattr(node_of(m, -1), "nodeBehavior", 9), "unknown kind of node"),
    "feature": (lambda m: setattr(node_of(m, -1), "branchFeatureIndex", 2**63), "on feature"),
    "empty": (lambda m: node_of(m, 0).ClearField("evaluationInfo"), "a leaf without a value"),
    "sum": (lambda m: setattr(node_of(m, 0).evaluationInfo[0], "evaluationIndex", 2), "for sum 2"),
    "sums": (lambda m: setattr(m.treeEnsembleRegressor.treeEnsemble,
                               "numPredictionDimensions", 3), "2 base values, of 3"),
    "none": (lambda m: m.treeEnsembleRegressor.treeEnsemble.ClearField("nodes"), "has no trees"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGE)
def test_damage(case: str, tmp_path: Path, rng: np.random.Generator) -> None:
    model = regression(forest(rng, 1, 2, 4, 2), [0.0, 0.0])
    change, message = DAMAGE[case]
    change(model)
    with pytest.raises(PackageError, match=message) as error:
        loaded(model, tmp_path)
    assert "\n" not in error.value.message


def test_nodes_that_go_round(tmp_path: Path, rng: np.random.Generator) -> None:
    """Each node has one parent, and there is one root: what is left over is a circle."""
    trees = forest(rng, 1, 1, 4, 1)
    circle = [{"feature": 0, "threshold": 0, "behavior": 0, "missing": False, "children": pair}
              for pair in ((4, 5), (3, 6))]  # fmt: skip
    trees[0] += [*circle, *trees[0][1:]]
    with pytest.raises(PackageError, match="go round in a circle"):
        loaded(regression(trees, [0.0]), tmp_path)


@pytest.mark.parametrize("sums", [2**21, 2**63])
def test_more_sums_than_memory(sums: int, tmp_path: Path, rng: np.random.Generator) -> None:
    model = regression(forest(rng, 1, 1, 4, 1), [0.0])
    model.treeEnsembleRegressor.treeEnsemble.numPredictionDimensions = sums
    with pytest.raises(UnsupportedError, match="values"):
        loaded(model, tmp_path)


def test_a_chain_deeper_than_any_tree(tmp_path: Path) -> None:
    nodes: list[dict[str, Any]] = []
    for place in range(5000):
        branch = {"feature": 0, "threshold": 0, "behavior": 0, "missing": False}
        nodes += [branch | {"children": (2 * place + 2, 2 * place + 1)}, {"values": [1.0]}]
    nodes.append({"values": [2.0]})
    with pytest.raises(UnsupportedError, match="more than 4,096 levels"):
        loaded(regression([nodes], [0.0]), tmp_path)
