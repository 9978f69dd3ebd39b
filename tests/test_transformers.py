"""Models that make features of features, by hand; all that lies between a row and a forest."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.coremltools_import import coremltools
from mobilenet.common.errors import PackageError, UnsupportedError
from sound_tables import ANSWERS, MAPS, filled
from table_models import loaded, predict, table


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
    "size": (ANSWERS["scale"][0], np.zeros(4), r"'x' has shape \(4,\)"),
    "rank": (ANSWERS["scale"][0], np.zeros((1, 3)), r"'x' has shape \(1, 3\)"),
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


def test_a_category_of_two_places_is_refused(tmp_path: Path) -> None:
    model = filled("oneHotEncoder", "int", (2,), int64Categories__vector=[1, 1])
    with pytest.raises(UnsupportedError, match="a oneHotEncoder has a category twice"):
        loaded(model, tmp_path)


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
