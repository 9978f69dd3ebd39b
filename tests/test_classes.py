"""The end of a classifier in its forms: texts or numbers, one or many, of any shape."""

import numpy as np
import pytest

from export.coremltools_import import coremltools
from programs import run_package, save

SCORES = np.array([0.1, 0.6, 0.3], np.float32)


def run(tmp_path, classes, scores, build=None, **options):
    path = save(
        tmp_path / "c.mlpackage", build or (lambda mb, x: mb.identity(x=x, name="scores")),
        [scores], classifier_config=coremltools().ClassifierConfig(classes, **options),
    )  # fmt: skip
    return run_package(path, {"x0": scores})


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 3, 1, 1), (1, 1, 3)])
@pytest.mark.parametrize("classes", [["a", "b", "c"], [-7, 0, 1 << 40]])
def test_classes_of_texts_and_numbers(classes, shape, tmp_path):
    outputs = run(tmp_path, classes, SCORES.reshape(shape))
    assert set(outputs) == {"classLabel", "classLabel_probs"}
    assert outputs["classLabel"] == classes[1]
    assert outputs["classLabel_probs"] == dict(zip(classes, SCORES.tolist(), strict=True))


@pytest.mark.parametrize("classes", [["only"], [5]])
def test_one_class(classes, tmp_path):
    outputs = run(tmp_path, classes, SCORES[:1])
    assert outputs["classLabel"] == classes[0]
    assert list(outputs["classLabel_probs"]) == classes


def test_of_equal_scores_the_first_class(tmp_path):
    assert run(tmp_path, ["a", "b"], np.float32([0.5, 0.5]))["classLabel"] == "a"


def test_another_output_and_names_of_its_own(tmp_path):
    def build(mb, x):
        return mb.softmax(x=x, name="scores"), mb.add(x=x, y=np.float32(1), name="more")

    outputs = run(
        tmp_path, [3, 1, 2], SCORES, build, predicted_feature_name="digit",
        predicted_probabilities_output="scores",
    )  # fmt: skip
    assert (outputs["digit"], set(outputs)) == (1, {"digit", "digit_probs", "more"})
    np.testing.assert_array_equal(outputs["more"], SCORES + 1)
