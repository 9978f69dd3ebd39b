"""Pipelines as the portable runtime runs them: parts in order, values by name."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detectors import GRAY, WHITE, detector, network, suppression
from export.coremltools_import import coremltools
from export.mil.read.model import read, read_any
from export.mil.read.specification import proto
from export.package.model_files import find
from export.verify.diff import diff
from export.verify.reverify import reverify
from mobilenet.common.errors import PackageError, UnsupportedError
from model_messages import ProgramMessage, image, save
from programs import convert, run_package
from suppression_reference import crowd, kept

LABELS = ("cat", "dog", "bird")


@pytest.fixture(scope="module")
def crowded() -> tuple[np.ndarray, np.ndarray]:
    return crowd(np.random.default_rng(5), 40, 3)


@pytest.fixture(scope="module")
def package(crowded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return detector(tmp_path_factory.mktemp("d") / "d.mlpackage", *crowded, LABELS)


def check(outputs: dict[str, Any], crowded, iou: float, confidence: float, dim: float = 1) -> None:
    scores, boxes = crowded[0] * np.float32(dim), crowded[1]
    rows = kept(scores, boxes, iou, confidence, per_class=True)
    assert set(outputs) == {"confidence", "coordinates"}
    assert len(rows) > 1
    np.testing.assert_allclose(outputs["confidence"], scores[rows], rtol=1e-5)
    np.testing.assert_array_equal(outputs["coordinates"], boxes[rows])


@pytest.mark.parametrize("name", ["d.mlpackage", "n.mlpackage", "n.mlmodel"])
def test_a_detector_gives_what_stays(name: str, crowded, tmp_path: Path) -> None:
    kind = "mlprogram" if name[0] == "d" else "neuralnetwork"
    options = {} if name.endswith(".mlmodel") else {"kind": kind}
    path = detector(tmp_path / name, *crowded, LABELS, **options)
    check(run_package(path, {"x0": WHITE}), crowded, 0.5, 0.25)
    check(run_package(path, {"x0": GRAY, "confidenceThreshold": 0.1}), crowded, 0.5, 0.1, 0.2)


def test_thresholds_have_defaults_and_may_be_given(package: Path, crowded) -> None:
    description = read_any(package).description
    assert [(number.name, number.default) for number in description.numbers] == [
        ("iouThreshold", 0.5), ("confidenceThreshold", 0.25)
    ]  # fmt: skip
    assert [item.name for item in description.inputs] == ["x0"]
    assert description.labels == LABELS
    check(run_package(package, {"x0": WHITE, "iouThreshold": 0.1}), crowded, 0.1, 0.25)
    outputs = run_package(package, {"x0": WHITE, "confidenceThreshold": 2})
    assert (outputs["confidence"].shape, outputs["coordinates"].shape) == ((0, 3), (0, 4))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({}, "input 'x0' is missing"),
    "size": ({"x0": Image.new("RGB", (5, 4))}, "input 'x0' is RGB, 5 x 4 pixels"),
    "unknown": ({"x0": WHITE, "threshold": 0.5}, "input 'threshold' is unknown"),
    "text": ({"x0": WHITE, "iouThreshold": "high"}, "input 'iouThreshold' is 'high'"),
    "no number": ({"x0": WHITE, "iouThreshold": np.nan}, "input 'iouThreshold' is nan"),
    "beyond": ({"x0": WHITE, "iouThreshold": 1.5}, r"thresholds are 1.5 \(IoU\)"),
    "negative": ({"x0": WHITE, "confidenceThreshold": -0.1}, r"-0.1 \(confidence\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_inputs(case: str, package: Path) -> None:
    inputs, message = WRONG[case]
    with pytest.raises(UnsupportedError, match=message):
        run_package(package, inputs)


def test_weights_may_lie_in_the_folder_of_their_model(tmp_path: Path) -> None:
    """As in `models/0/weights/weight.bin`, beside the specification."""
    chance, program = np.random.default_rng(0), ProgramMessage()
    program.blob("table", chance.normal(size=(8, 8)))
    program.gives(program.op("add", "sum", (1, 3, 8, 8), x="image", y="table"))
    model = proto("Model_pb2").Model()
    model.CopyFrom(program.model)
    model.ClearField("mlProgram")
    model.pipeline.models.add().CopyFrom(program.model)
    path = save(tmp_path / "p.mlpackage", model, bytes(program.weights))
    black = {"image": Image.new("RGB", (8, 8))}
    wanted = run_package(path, black)["sum"]
    assert np.abs(wanted).max() > 0.1
    specification = find(path).specification
    content = specification.read_bytes()
    moved = model.pipeline.models[0]
    for op in moved.mlProgram.functions["main"].block_specializations["CoreML6"].operations:
        if op.type == "const":
            op.attributes["val"].blobFileValue.fileName = "@model_path/models/0/weights/w.bin"
    specification.write_bytes(model.SerializeToString())
    (specification.parent / "models/0/weights").mkdir(parents=True)
    shutil.move(specification.parent / "weights/weight.bin",
                specification.parent / "models/0/weights/w.bin")  # fmt: skip
    assert content != specification.read_bytes()
    np.testing.assert_array_equal(run_package(path, black)["sum"], wanted)


def test_pipelines_in_pipelines_and_pictures_between_models(tmp_path: Path) -> None:
    """The first part gives a picture, which the second takes."""
    ct = coremltools()
    picture = ct.ImageType("x0", (1, 3, 4, 4))
    half = convert(
        lambda mb, x: mb.mul(x=x, y=np.float32(0.5), name="dark"), [np.zeros((1, 3, 4, 4), "f4")],
        inputs=[picture],
    ).get_spec()  # fmt: skip
    format = half.description.output[0].type.imageType
    format.width = format.height = 4
    format.colorSpace = 20
    rest = convert(
        lambda mb, x: mb.reduce_mean(x=x, axes=[0, 2, 3], keep_dims=False, name="means"),
        [np.zeros((1, 3, 4, 4), "f4")], inputs=[picture],
    ).get_spec()  # fmt: skip
    rest.description.input[0].name = "dark"
    main = rest.mlProgram.functions["main"]
    main.inputs[0].name = "dark"
    for op in main.block_specializations[main.opset].operations:
        for binding in op.inputs.values():
            for argument in binding.arguments:
                if argument.name == "x0":
                    argument.name = "dark"
    inner, outer = (proto("Model_pb2").Model(specificationVersion=8) for _ in range(2))
    for model, stages in ((inner, (half, rest)), (outer, (inner,))):
        model.description.input.add().CopyFrom(half.description.input[0])
        model.description.output.add().CopyFrom(rest.description.output[0])
        for stage in stages:
            model.pipeline.models.add().CopyFrom(stage)
    path = save(tmp_path / "p.mlpackage", outer)
    means = run_package(path, {"x0": Image.new("RGB", (4, 4), (10, 21, 200))})["means"]
    np.testing.assert_array_equal(means, [5, 10, 100])  # 10.5 is the picture's 10


def test_a_pipeline_of_a_classifier(tmp_path: Path) -> None:
    ct = coremltools()
    scale = convert(lambda mb, x: mb.mul(x=x, y=np.float32(2), name="x1"),
                    [np.zeros((1, 3), "f4")])  # fmt: skip
    rest = convert(
        lambda mb, _, x: mb.softmax(x=x, axis=-1, name="shares"), [np.zeros((1, 3), "f4")] * 2,
        classifier_config=ct.ClassifierConfig(list(LABELS), "label", "shares"),
    )  # fmt: skip
    whole = ct.utils.make_pipeline(scale, rest).get_spec()
    model = proto("Model_pb2").Model()
    model.CopyFrom(whole)
    model.ClearField("pipeline")
    model.pipelineClassifier.pipeline.CopyFrom(whole.pipeline)
    path = save(tmp_path / "c.mlpackage", model)
    outputs = run_package(path, {"x0": np.array([[0, 3, 0]], "f4")})
    assert outputs["label"] == "dog"
    assert outputs["label_probs"]["dog"] == pytest.approx(np.exp(6) / (2 + np.exp(6)))
    assert read_any(path).description.labels == LABELS


def test_values_between_models_have_to_be_there(crowded, tmp_path: Path) -> None:
    path = detector(tmp_path / "d.mlpackage", *crowded, LABELS)
    specification = find(path).specification
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    last = model.pipeline.models[1]
    last.description.input[0].name = "scores"
    last.nonMaximumSuppression.confidenceInputFeatureName = "scores"
    specification.write_bytes(model.SerializeToString())
    with pytest.raises(PackageError, match="takes 'scores', which nothing before it gives"):
        read_any(path)
    model.description.output[0].name = "masks"
    last.description.input[0].name = "raw_confidence"
    last.nonMaximumSuppression.confidenceInputFeatureName = "raw_confidence"
    specification.write_bytes(model.SerializeToString())
    with pytest.raises(PackageError, match="gives 'masks', which none of its models does"):
        read_any(path)


def test_models_that_are_not_known_are_named(tmp_path: Path) -> None:
    model, inner = image(), image()
    inner.visionFeaturePrint.SetInParent()
    model.pipeline.models.add().CopyFrom(inner)
    with pytest.raises(
        UnsupportedError, match="is or holds a visionFeaturePrint: what it computes"
    ):
        run_package(save(tmp_path / "p.mlpackage", model), {"image": WHITE})


def test_a_suppression_alone_runs(crowded, tmp_path: Path) -> None:
    path = save(tmp_path / "s.mlpackage", suppression(40, LABELS))
    outputs = run_package(path, {"raw_confidence": crowded[0], "raw_coordinates": crowded[1]})
    check(outputs, crowded, 0.5, 0.25)
    with pytest.raises(UnsupportedError, match="input 'raw_coordinates' is missing"):
        run_package(path, {"raw_confidence": crowded[0]})


def test_what_needs_a_single_network_says_so(package: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="not a single network") as error:
        read(package)
    assert "\n" not in error.value.message
    with pytest.raises(PackageError, match="was not exported by this tool"):
        reverify(package)


def test_two_are_compared_by_their_only_networks(package: Path) -> None:
    difference = diff(package, package)
    assert difference.layers
    assert difference.first_difference is None


def test_values_within_its_only_network_can_be_asked_for(crowded, package: Path) -> None:
    outputs = run_package(package, {"x0": WHITE}, outputs=("raw_confidence",))
    np.testing.assert_allclose(outputs["raw_confidence"], crowded[0], rtol=1e-6)


def test_the_network_alone_gives_all_boxes(crowded, tmp_path: Path) -> None:
    network(*crowded).save(str(tmp_path / "n.mlpackage"))
    outputs = run_package(tmp_path / "n.mlpackage", {"x0": WHITE})
    np.testing.assert_allclose(outputs["raw_confidence"], crowded[0], rtol=1e-6)
