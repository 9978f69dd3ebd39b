"""Models that make features of features, by hand; all that lies between a row and a forest."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.coremltools_import import coremltools
from mobilenet.common.errors import PackageError, UnsupportedError
from table_models import loaded, predict, table

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


@pytest.mark.parametrize("case", ANSWERS)
def test_answers(case: str, tmp_path: Path) -> None:
    model, taken, made = ANSWERS[case]
    given = predict(model, tmp_path, {"x": taken})["y"]
    if isinstance(given, np.ndarray):
        assert given.dtype == np.float64
        np.testing.assert_allclose(given, made, rtol=1e-15)
    else:
        assert given == made
        assert type(given) is type(made)


def test_what_is_absent_is_put_in(tmp_path: Path) -> None:
    model = filled("imputer", "strings", "strings", imputedStringDictionary__map={"a": 2.0})
    model.description.input[0].type.isOptional = True
    assert predict(model, tmp_path, {}) == {"y": {"a": 2.0}}
    assert predict(model, tmp_path, {"x": {"b": 1}}) == {"y": {"b": 1}}


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "category": (ANSWERS["one hot"][0], "d", "is 'd', which the model does not know"),
    "mapping": (ANSWERS["category"][0], "green", "is 'green', which the model does not know"),
    "fraction": (ANSWERS["element"][0], np.array([1, 2.5]), "'y' becomes 2.5"),
    "size": (ANSWERS["scale"][0], np.zeros(4), "'x' has 4 elements"),
    "text": (ANSWERS["category"][0], 3, "input 'x' is 3"),
    "list": (ANSWERS["categories"][0], "blue", "input 'x' is 'blue'"),
    "keys": (ANSWERS["keys"][0], {1: 2.0}, "input 'x' is {1: 2.0}"),
    "values": (ANSWERS["keys"][0], {"a": "b"}, "input 'x' is {'a': 'b'}"),
    "integer": (ANSWERS["one place"][0], 0.5, "input 'x' is 0.5"),
    "missing": (ANSWERS["one place"][0], None, "input 'x' is missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_inputs(case: str, tmp_path: Path) -> None:
    model, value, message = REFUSED[case]
    with pytest.raises(UnsupportedError, match=message) as error:
        predict(model, tmp_path, {} if value is None else {"x": value})
    assert "\n" not in error.value.message


DAMAGE: dict[str, tuple[Any, str]] = {
    "scales": (filled("scaler", (3,), (3,), scaleValue=[1, 2]), "2 values for 3 elements"),
    "norm": (filled("normalizer", (3,), (3,), normType=4), "has the norm 4"),
    "imputed": (filled("imputer", (3,), (3,), imputedDoubleArray__vector=[1.0]), "1 values for 3"),
    "nothing": (filled("imputer", (3,), (3,)), "no value to put in"),
    "place": (filled("arrayFeatureExtractor", (3,), (1,), extractIndex=[3]), "element 3 of 3"),
    "far": (filled("arrayFeatureExtractor", (3,), (1,), extractIndex=[2**64 - 1]), "extracts el"),
    "categories": (filled("oneHotEncoder", "string", (2,)), "has no categories"),
    "twice": (filled("oneHotEncoder", "int", (2,), int64Categories__vector=[1, 1]), "twice"),
    "map": (filled("categoricalMapping", "string", "int"), "maps nothing"),
    "type": (filled("categoricalMapping", "string", "int", **MAPS, strValue="?"), "another type"),
    "several": (table("normalizer", {"a": (2,), "b": (2,)}, {"y": (2,)}), "takes 2 and gives 1"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage(case: str, tmp_path: Path) -> None:
    model, message = DAMAGE[case]
    with pytest.raises(PackageError, match=message) as error:
        loaded(model, tmp_path)
    assert "\n" not in error.value.message


def test_features_are_joined(tmp_path: Path) -> None:
    """coremltools' builder; a dictionary has places."""
    from coremltools.models import datatypes
    from coremltools.models.feature_vectorizer import create_feature_vectorizer

    assert coremltools()
    features = [("a", datatypes.Int64()), ("b", datatypes.Array(2)), ("c", datatypes.Double()),
                ("d", datatypes.Dictionary(int))]  # fmt: skip
    spec, size = create_feature_vectorizer(features, "y", {"d": 3})
    row = {"a": 1, "b": np.array([2, 3], np.float32), "c": 4.5, "d": {2: 5.0}}
    assert predict(spec, tmp_path, row)["y"].tolist() == [1, 2, 3, 4.5, 0, 0, 5]
    assert size == 7
    with pytest.raises(UnsupportedError, match="'d' has a value at 3, of 3"):
        predict(spec, tmp_path, row | {"d": {3: 1.0}})
    spec.featureVectorizer.inputList[3].inputDimensions = 2**60
    with pytest.raises(UnsupportedError, match="joined features have"):
        loaded(spec, tmp_path)


def test_a_pipeline_as_coremltools_writes_it_for_scikit_learn(tmp_path: Path) -> None:
    """Columns, each encoded under one name, joined, scaled, and classified."""
    from coremltools.models import datatypes
    from coremltools.models.array_feature_extractor import create_array_feature_extractor
    from coremltools.models.feature_vectorizer import create_feature_vectorizer
    from coremltools.models.pipeline import PipelineClassifier

    row = [("x", datatypes.Array(3))]
    whole = PipelineClassifier(row, ["no", "yes"], ["label", "p"])
    whole.add_model(create_array_feature_extractor(row, "code", 0, "Int64"))
    encoder = table("oneHotEncoder", {"code": "int"}, {"code": "ints"})
    encoder.oneHotEncoder.int64Categories.vector.extend([7, 9])
    encoder.oneHotEncoder.outputSparse = True
    whole.add_model(encoder)
    whole.add_model(create_array_feature_extractor(row, "rest", [1, 2]))
    parts = [("code", datatypes.Dictionary(int)), ("rest", datatypes.Array(2))]
    whole.add_model(create_feature_vectorizer(parts, "joined", {"code": 2})[0])
    outputs = {"label": "string", "p": "strings"}
    classifier = table("glmClassifier", {"joined": (4,)}, outputs, ["no", "yes"])
    classifier.glmClassifier.weights.add().value.extend([1, -1, 0.5, 0.25])
    classifier.glmClassifier.offset.append(0)
    whole.add_model(classifier)
    session = loaded(whole.spec, tmp_path)
    for code, score in ((7, 2.0), (9, 0.0)):
        given = session.predict({"x": np.array([code, 1.0, 2.0])})
        assert given["label"] == ("yes" if score else "no")
        assert given["p"]["yes"] == pytest.approx(1 / (1 + np.exp(-score)))
    assert session.description.labels == ("no", "yes")
    with pytest.raises(UnsupportedError, match="is 8, which the model does not know"):
        session.predict({"x": np.array([8.0, 1, 2])})
