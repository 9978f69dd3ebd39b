"""The end of a classifier in its forms: texts or numbers, one or many, of any shape."""

import numpy as np
import pytest

import export
from export.coremltools_import import coremltools
from export.mil.read.specification import proto
from export.package.model_files import find
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


CLASSES = (["a", "b", "c"], [-7, 0, 1 << 40])


@pytest.mark.parametrize("classes", CLASSES)
def test_the_class_alone(classes, tmp_path):
    """Core ML asks no classifier for its probabilities: it may give out the class only."""
    path = save(
        tmp_path / "c.mlpackage", lambda mb, x: mb.identity(x=x, name="scores"), [SCORES],
        classifier_config=coremltools().ClassifierConfig(classes),
    )  # fmt: skip
    specification = find(path).specification
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    model.description.predictedProbabilitiesName = ""
    (at,) = [at for at, each in enumerate(model.description.output) if each.name != "classLabel"]
    del model.description.output[at]
    specification.write_bytes(model.SerializeToString())
    assert export.load(path).predict({"x0": SCORES}) == {"classLabel": classes[1]}


@pytest.mark.parametrize("with_array", [False, True])
@pytest.mark.parametrize("classes", CLASSES)
def test_the_class_of_an_old_network_with_or_without_its_scores(classes, with_array, tmp_path):
    ct = coremltools()
    array = ct.models.datatypes.Array(3)
    builder = ct.models.neural_network.NeuralNetworkBuilder(
        [("x", array)], [("y", array)], mode="classifier", disable_rank5_shape_mapping=True
    )
    builder.add_activation("twice", "LINEAR", "x", "y", [2.0, 0.0])
    builder.set_class_labels(classes, "class", "y")
    outputs = builder.spec.description.output
    (scores,) = [each for each in outputs if each.name == "y"]
    if with_array:  # an output beside the class, no dictionary
        scores.type.multiArrayType.shape.append(3)
    else:
        outputs.remove(scores)
    builder.spec.description.predictedProbabilitiesName = ""
    ct.utils.save_spec(builder.spec, str(tmp_path / "c.mlmodel"))
    got = export.load(tmp_path / "c.mlmodel").predict({"x": SCORES})
    assert got.pop("class") == classes[1]
    assert list(got) == ["y"] * with_array
    for values in got.values():
        np.testing.assert_array_equal(values, SCORES * 2)
