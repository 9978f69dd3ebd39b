"""Sound models of tables, what they are given and what they answer."""

from typing import Any

import numpy as np

from table_models import forest, table, write_forest

NAN = np.nan


def filled(kind: str, taken: Any, made: Any, /, **fields: Any) -> Any:
    """A model from x to y with these fields; a list is repeated values, a dictionary a map."""
    model = table(kind, {"x": taken}, {"y": made})
    for name, value in fields.items():
        message = getattr(model, kind)
        *path, last = name.split("__")
        for word in path:
            message = getattr(message, word)
        if isinstance(value, list):
            getattr(message, last).extend(value)
        elif isinstance(value, dict):
            getattr(message, last).update(value)
        else:
            setattr(message, last, value)
    return model


MAPS = {"stringToInt64Map__map": {"red": 3, "blue": -4}}
NAMES = {"int64ToStringMap__map": {3: "red"}}
ANSWERS: dict[str, tuple[Any, Any, Any]] = {  # the model, what it takes, what it gives
    "scale": (filled("scaler", (3,), (3,), shiftValue=[1, -1, 0], scaleValue=[2, 3, 0.5]),
              np.array([1.0, 2, 3]), [4, 3, 1.5]),
    "scale of all": (filled("scaler", (3,), (3,), scaleValue=[2]), np.array([1.0, 2, 3]),
                     [2, 4, 6]),
    "scale of one": (filled("scaler", "int", "double", shiftValue=[0.5]), 2, 2.5),
    "scale of integers": (filled("scaler", "int", "int", scaleValue=[1.5]), 2, 3),
    "max": (filled("normalizer", (3,), (3,)), np.array([-8.0, 4, 2]), [-2, 1, 0.5]),
    "L1": (filled("normalizer", (3,), (3,), normType=1), np.array([-4.0, 3, 1]),
           [-0.5, 0.375, 0.125]),
    "L2": (filled("normalizer", (2,), (2,), normType=2), np.array([-3.0, 4]), [-0.6, 0.8]),
    "L2 of nothing": (filled("normalizer", (2,), (2,), normType=2), np.zeros(2), [0, 0]),
    "NaN": (filled("imputer", (3,), (3,), imputedDoubleArray__vector=[7, 8, 9],
                   replaceDoubleValue=NAN), np.array([1, NAN, NAN]), [1, 8, 9]),
    "NaN by one": (filled("imputer", (2,), (2,), imputedDoubleValue=5, replaceDoubleValue=NAN),
                   np.array([NAN, 2]), [5, 2]),
    "number": (filled("imputer", "double", "double", imputedDoubleValue=5,
                      replaceDoubleValue=-1), -1.0, 5.0),
    "integer": (filled("imputer", "int", "int", imputedInt64Value=5, replaceInt64Value=0), 0, 5),
    "text": (filled("imputer", "string", "string", imputedStringValue="none",
                    replaceStringValue=""), "", "none"),
    "text that stays": (filled("imputer", "string", "string", imputedStringValue="none",
                               replaceStringValue=""), "some", "some"),
    "elements": (filled("arrayFeatureExtractor", (2, 2), (3,), extractIndex=[3, 0, 3]),
                 np.array([[1.0, 2], [3, 4]]), [4, 1, 4]),
    "element": (filled("arrayFeatureExtractor", (2,), "int", extractIndex=[1]),
                np.array([1.5, 2]), 2),
    "one hot": (filled("oneHotEncoder", "string", (3,), stringCategories__vector=["a", "b", "c"]),
                "b", [0, 1, 0]),
    "one place": (filled("oneHotEncoder", "int", "ints", int64Categories__vector=[5, -3],
                         outputSparse=True), -3, {1: 1.0}),
    "none hot": (filled("oneHotEncoder", "int", (2,), int64Categories__vector=[5, -3],
                        handleUnknown=1), 4, [0, 0]),
    "keys": (filled("dictVectorizer", "strings", "ints", stringToIndex__vector=list("acbz")),
             {"a": 4, "c": 8, "new": 1}, {0: 4.0, 1: 8.0}),
    "numbered keys": (filled("dictVectorizer", "ints", "ints", int64ToIndex__vector=[30, 10]),
                      {10: 1.5}, {1: 1.5}),
    "category": (filled("categoricalMapping", "string", "int", **MAPS), "blue", -4),
    "categories": (filled("categoricalMapping", "list", "places", **MAPS, int64Value=9),
                   ["blue", "green", "red"], [-4, 9, 3]),
    "name": (filled("categoricalMapping", "int", "string", **NAMES, strValue="grey"), 4, "grey"),
    "the same": (filled("identity", "strings", "strings"), {"a": 1.0}, {"a": 1.0}),
    "confidences": (filled("classConfidenceThresholding", (2,), (2, 2)), np.array([0.25, 0.5]),
                    [[0.25, 0.5], [1, 1]]),
}  # fmt: skip


def trees() -> Any:
    """Of two classes, on three columns."""
    outputs = {"label": "string", "y": "strings"}
    model = table("treeEnsembleClassifier", {"x": (2,), "z": "double"}, outputs, ["no", "yes"])
    contents = model.treeEnsembleClassifier
    chance = np.random.default_rng(0)
    write_forest(contents.treeEnsemble, forest(chance, 3, 2, 3, 1), [0.5])
    contents.postEvaluationTransform = 2
    return model


def linear() -> Any:
    """Of three classes, each against the rest."""
    model = table("glmClassifier", {"x": (2,)}, {"label": "int", "y": "ints"}, [1, 2, 3])
    for row in ([1, 2], [-1, 0.5], [0.25, 0]):
        model.glmClassifier.weights.add().value.extend(row)
    model.glmClassifier.offset.extend([0, 1, -1])
    model.glmClassifier.classEncoding = 1
    return model


def machine() -> Any:
    """Of three classes with probabilities, whose vectors are sparse."""
    outputs = {"label": "string", "y": "strings"}
    model = table("supportVectorClassifier", {"x": (2,)}, outputs, ["a", "b", "c"])
    contents = model.supportVectorClassifier
    contents.kernel.polyKernel.gamma, contents.kernel.polyKernel.degree = 0.5, 2
    contents.numberOfSupportVectorsPerClass.extend([1, 2, 1])
    for place in (1, 2, 1, 2):
        contents.sparseSupportVectors.vectors.add().nodes.add(index=place, value=1.5)
    for row in ([1, -1, -0.5, -1], [0.5, 1, 2, -1]):
        contents.coefficients.add().alpha.extend(row)
    contents.rho.extend([0.25, 0, -0.25])
    contents.probA.extend([-1, -2, -1])
    contents.probB.extend([0, 0.5, 0])
    return model


def neighbors() -> Any:
    """Three samples of two classes."""
    outputs = {"label": "string", "y": "strings"}
    model = table("kNearestNeighborsClassifier", {"x": (2,)}, outputs, ["a", "b", "a"])
    contents = model.kNearestNeighborsClassifier
    contents.nearestNeighborsIndex.numberOfDimensions = 2
    for row in ([0, 0], [1, 1], [2, 0]):
        contents.nearestNeighborsIndex.floatSamples.add().vector.extend(row)
    contents.nearestNeighborsIndex.linearIndex.SetInParent()
    contents.nearestNeighborsIndex.squaredEuclideanDistance.SetInParent()
    contents.numberOfNeighbors.defaultValue = 2
    contents.inverseDistanceWeighting.SetInParent()
    return model


def joined() -> Any:
    """Features one behind the other."""
    model = table("featureVectorizer", {"x": (2,), "z": "ints"}, {"y": (5,)})
    for name, size in (("x", 2), ("z", 3)):
        model.featureVectorizer.inputList.add(inputColumn=name, inputDimensions=size)
    return model


SOUND = {
    **{name: (model, {"x": taken}) for name, (model, taken, _) in ANSWERS.items()},
    "trees": (trees(), {"x": np.array([0.5, -0.5]), "z": 0.25}),
    "linear": (linear(), {"x": np.array([0.5, -0.5])}),
    "machine": (machine(), {"x": np.array([0.5, -0.5])}),
    "neighbors": (neighbors(), {"x": np.array([0.5, -0.5])}),
    "joined": (joined(), {"x": np.array([0.5, -0.5]), "z": {1: 2.0}}),
}
