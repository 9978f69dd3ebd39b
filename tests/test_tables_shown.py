"""Models of tables through the commands and the Python interface: inspected, run, refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import load
from export.__main__ import app
from export.coremltools_import import coremltools
from export.inspect.inspect import inspect
from mobilenet.common import terminal
from table_models import forest, table, write_forest


@pytest.fixture
def trees(tmp_path: Path, rng: np.random.Generator) -> Path:
    outputs = {"label": "string", "shares": "strings"}
    model = table("treeEnsembleClassifier", {"age": "int", "x": (2,)}, outputs, ["no", "yes"])
    contents = model.treeEnsembleClassifier
    write_forest(contents.treeEnsemble, forest(rng, 3, 2, 3, 1), [0.5])
    contents.postEvaluationTransform = 2
    return save(model, tmp_path / "trees.mlmodel")


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A dictionary to places, then to an array."""
    from coremltools.models import datatypes
    from coremltools.models.feature_vectorizer import create_feature_vectorizer
    from coremltools.models.pipeline import Pipeline

    whole = Pipeline([("words", datatypes.Dictionary(str))], [("counts", datatypes.Array(2))])
    first = table("dictVectorizer", {"words": "strings"}, {"places": "ints"})
    first.dictVectorizer.stringToIndex.vector.extend(["cat", "dog"])
    whole.add_model(first)
    places = [("places", datatypes.Dictionary(int))]
    whole.add_model(create_feature_vectorizer(places, "counts", {"places": 2})[0])
    whole.spec.pipeline.models[1].isUpdatable = whole.spec.isUpdatable = True
    return save(whole.spec, tmp_path / "words.mlmodel")


def save(model: Any, path: Path) -> Path:
    coremltools().models.utils.save_spec(model, str(path))
    return path


def run(*words: object) -> int:
    return terminal.run(app, [*map(str, words)])


def test_trees_are_inspected(trees: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = inspect(trees)
    (part,) = found.parts
    assert (part.kind, part.contents, part.parameters, part.unknown) == (
        "treeEnsembleClassifier", "3 trees of 21 nodes, at most 2 deep", 21, "")  # fmt: skip
    assert found.labels == ("no", "yes")
    assert [feature.kind for feature in found.inputs] == ["int64", "float64 (2)"]
    assert run("inspect", trees) == 0
    text = capsys.readouterr().out
    assert text.count("3 trees of 21 nodes, at most 2 deep") == 1
    assert text.count("float64 (2)") == 1


def test_parts_of_a_pipeline_are_inspected(words: Path) -> None:
    found = inspect(words)
    assert [(part.kind, part.contents) for part in found.parts] == [
        ("dictVectorizer", "2 keys"), ("featureVectorizer", "1 features, 2 elements"),
    ]  # fmt: skip
    assert found.inputs[0].kind == "dictionary, label to number"
    assert found.parts[0].outputs[0].kind == "dictionary, integer to number"


def test_what_cannot_be_run_is_inspected_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = table("wordTagger", {"text": "string"}, {"tags": "list", "places": "places"})
    assert run("inspect", save(model, tmp_path / "w.mlmodel")) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "wordTagger" in text
    assert "text: string" in text
    assert "tags: list of strings" in text
    assert "Apple's Natural Language framework runs it" in text


def test_values_on_the_command_line(
    trees: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", trees, "--input", "age=3", "--input", "x=[0.5, 1]", "--json") == 0
    outputs = json.loads(capsys.readouterr().out)["outputs"]
    expected = load(trees).predict({"age": 3, "x": [0.5, 1]})
    assert expected["label"] in json.dumps(outputs)
    assert run("run", words, "--input", 'words={"dog": 2.5}') == 0
    assert "0, 2.5" in capsys.readouterr().out
    assert run("run", words, "--input", "words=[1]") == 2
    assert "a dictionary of strings to numbers" in " ".join(capsys.readouterr().err.split())
    assert run("run", words) == 2
    assert """--input words='{"red": 1.5}'""" in " ".join(capsys.readouterr().err.split())


def test_from_python(trees: Path, words: Path) -> None:
    model = load(words)
    assert model.input_description == {"words": ""}
    given = model.predict([{"words": {"cat": 1}}, {"words": {}}])
    assert [each["counts"].tolist() for each in given] == [[1, 0], [0, 0]]
    assert given[0]["counts"].dtype == np.float64
    answer = load(trees).predict({"age": np.int64(3), "x": np.array([0.5, 1])})
    assert sum(answer["shares"].values()) == pytest.approx(1)
    assert answer["label"] == max(answer["shares"], key=answer["shares"].get)
    with pytest.raises(KeyError, match="the model takes"):
        load(trees).predict({"Age": 3})


@pytest.mark.parametrize("command", ["diff", "verify"])
def test_what_needs_a_network_says_so(
    command: str, trees: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, trees, *([trees] if command == "diff" else [])) == 2
    text = " ".join(capsys.readouterr().err.split())
    assert "Traceback" not in text
    assert "treeEnsembleClassifier" in text or "was not exported by this tool" in text
