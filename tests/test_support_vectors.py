"""Support vector machines as Core ML runs them, against ONNX Runtime's, which are LIBSVM's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilenet.common.errors import PackageError, UnsupportedError
from table_models import loaded, predict, run_node, table

Array = np.ndarray

KERNELS = {
    "linearKernel": ("LINEAR", {}, [0.0, 0.0, 0.0]),
    "rbfKernel": ("RBF", {"gamma": 0.5}, [0.5, 0.0, 0.0]),
    "polyKernel": ("POLY", {"gamma": 0.5, "c": 0.25, "degree": 3}, [0.5, 0.25, 3.0]),
    "sigmoidKernel": ("SIGMOID", {"gamma": 0.5, "c": 0.25}, [0.5, 0.25, 0.0]),
}


def machine(kind: str, kernel: str, vectors: Array, labels: Any = (), shares: bool = False) -> Any:
    outputs = {"label": "int", **({"p": "ints"} if shares else {})} if labels else {"y": "double"}
    model = table(kind, {"x": (vectors.shape[1],)}, outputs, labels)
    contents = getattr(model, kind)
    chosen = getattr(contents.kernel, kernel)
    chosen.SetInParent()
    for name, value in KERNELS[kernel][1].items():
        setattr(chosen, name, value)
    for vector in vectors:
        if kernel == "polyKernel":  # sparse, as LIBSVM's are
            added = contents.sparseSupportVectors.vectors.add()
            for place in np.flatnonzero(vector):
                added.nodes.add(index=place + 1, value=vector[place])
        else:
            contents.denseSupportVectors.vectors.add().values.extend(vector)
    return model


@pytest.mark.parametrize("kernel", KERNELS)
def test_support_vector_regression(kernel: str, tmp_path: Path, rng: np.random.Generator) -> None:
    vectors, weights, x = rng.normal(size=(7, 3)), rng.normal(size=7), rng.normal(size=3)
    vectors[2, 1] = 0
    model = machine("supportVectorRegressor", kernel, vectors)
    model.supportVectorRegressor.coefficients.alpha.extend(weights)
    model.supportVectorRegressor.rho = 0.5
    name, _, values = KERNELS[kernel]
    [[[expected]]] = run_node("SVMRegressor", x, 1, kernel_type=name, kernel_params=values,
                            support_vectors=vectors.ravel().tolist(), n_supports=7,
                            coefficients=weights.tolist(), rho=[-0.5])  # fmt: skip
    given = predict(model, tmp_path, {"x": x})
    assert given == {"y": pytest.approx(expected, rel=1e-5, abs=1e-5)}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_support_vector_classes(
    kernel: str, classes: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    """Votes, and probabilities of three or more, are LIBSVM's, as ONNX Runtime has them."""
    counts, pairs = [3, 2, 4, 1][:classes], classes * (classes - 1) // 2
    vectors = rng.normal(size=(sum(counts), 3))
    owners = np.repeat(np.arange(classes), counts)
    signs = np.where(np.arange(classes - 1)[:, None] < owners, -1, 1)  # each for its own class
    weights, rho = signs * rng.uniform(0.5, 2, signs.shape), rng.normal(size=pairs) / 8
    slopes, intercepts = -rng.uniform(0.5, 2, pairs), rng.normal(size=pairs) / 8
    labels, (name, _, values) = [5, -3, 8, 2][:classes], KERNELS[kernel]
    plain, sure = (
        machine("supportVectorClassifier", kernel, vectors, labels, shares=shares)
        for shares in (False, True)
    )
    for model in (plain, sure):
        contents = model.supportVectorClassifier
        contents.numberOfSupportVectorsPerClass.extend(counts)
        for row in weights:
            contents.coefficients.add().alpha.extend(row)
        contents.rho.extend(rho)
    sure.supportVectorClassifier.probA.extend(slopes)
    sure.supportVectorClassifier.probB.extend(intercepts)
    sessions = [loaded(model, tmp_path) for model in (plain, sure)]
    common = {
        "kernel_type": name, "kernel_params": values, "vectors_per_class": counts,
        "support_vectors": vectors.ravel().tolist(), "rho": (-rho).tolist(),
        "coefficients": weights.ravel().tolist(), "classlabels_ints": labels,
    }  # fmt: skip
    seen = set()
    for x in vectors * 1.1:
        label, _ = run_node("SVMClassifier", x, 2, **common)
        assert sessions[0].predict({"x": x}) == {"label": label[0]}
        _, shares = run_node("SVMClassifier", x, 2, prob_a=slopes.tolist(),
                             prob_b=intercepts.tolist(), **common)  # fmt: skip
        given = sessions[1].predict({"x": x})
        # of two classes LIBSVM's coupling stops before it reaches the pair's own probability
        tolerance = 0.005 if classes == 2 else 1e-4
        assert [*given["p"].values()] == pytest.approx(shares[0], abs=tolerance)
        assert given["label"] == max(given["p"], key=given["p"].get)
        seen.add(given["label"])
    assert len(seen) > 1


REGRESSOR, CLASSIFIER, ONES = "supportVectorRegressor", "supportVectorClassifier", np.ones((2, 3))
DAMAGE: dict[str, tuple[Any, str]] = {
    "vectors": (machine(REGRESSOR, "rbfKernel", ONES), "0 weights for 2 vectors"),
    "none": (table(REGRESSOR, {"x": (2,)}, {"y": "double"}), "has no support vectors"),
    "features": (machine(REGRESSOR, "rbfKernel", np.ones((2, 0))), "has no support vectors"),
    "pairs": (machine(CLASSIFIER, "rbfKernel", ONES, [1, 2]), "has weights"),
    "classes": (machine(CLASSIFIER, "rbfKernel", ONES, [1]), "has 1 classes"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage(case: str, tmp_path: Path) -> None:
    model, message = DAMAGE[case]
    with pytest.raises(PackageError, match=message):
        loaded(model, tmp_path)


def test_a_sparse_vector_of_two_billion_features(tmp_path: Path) -> None:
    model = machine("supportVectorRegressor", "polyKernel", np.ones((2, 3)))
    contents = model.supportVectorRegressor
    contents.sparseSupportVectors.vectors[0].nodes[0].index = 2**31 - 1
    with pytest.raises(PackageError, match="feature 2147483647 of 3"):
        loaded(model, tmp_path)
    model.description.input[0].type.multiArrayType.ClearField("shape")
    with pytest.raises(UnsupportedError, match="support vectors have 4,294,967,294 elements"):
        loaded(model, tmp_path)
