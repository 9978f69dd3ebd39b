"""Heads of fine-tuned files, in every format: what they compute, say, and refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.accuracy import plan
from bench.accuracy.classifiers import of_checkpoint
from bench.runtimes.torch_runtime import TorchRuntime
from export import pipeline
from export.calibration_options import CalibrationOptions
from export.compression.activations import BOUNDS, calibrated
from export.inspect.inspect import inspect
from export.mil.cost import cost
from export.mil.description import ModelDescription, ModelOutput
from export.mil.read.model import read
from export.package.metadata import listed_labels
from export.prepared import prepare_checkpoint
from export.runtimes.base import Feature
from export.runtimes.inputs import from_picture
from export.spec import ExportSpec, Variant
from export.verify.agreement import probe_pictures, run
from export.verify.class_answers import check_answer
from export.verify.diff import diff
from export.verify.reverify import reverify
from fine_tuned import LABELS, fine_tuned
from made_photographs import folder_of
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, PackageError, UnsupportedError, VerificationError
from mobilenet.store import save
from mobilenet.torch_module import from_checkpoint

PICTURE = probe_pictures(64)[1]
FORMATS = {
    "mlprogram": {},
    "ane": {"target": "ane"},
    "ane int4": {"target": "ane", "compress": "int4"},
    "mlmodel": {"format": "neuralnetwork"},
    "coreai": {"format": "coreai"},
    "coreai int4": {"format": "coreai", "compress": "int4"},
}


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("stack", "mlprogram"), ("stack", "ane"), ("stack", "mlmodel"), ("stack", "coreai"),
        ("flat", "mlprogram"), ("flat", "ane int4"), ("flat", "mlmodel"), ("flat", "coreai int4"),
        ("several", "ane"), ("several", "mlmodel"), ("flat several", "coreai"),
    ],
)  # fmt: skip
def test_every_format_computes_them(head: str, name: str, tmp_path: Path) -> None:
    spec, network = ExportSpec(**FORMATS[name]), fine_tuned(head)
    if spec.format == "coreai":
        pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    path = tmp_path / f"net{spec.file_kind.suffix}"
    exported = pipeline.export(network, path, spec=spec)
    assert exported.verified is not None
    assert exported.verified.structure <= 1e-5
    costs = cost(read(path).function())
    assert costs.macs == network.config.cost().macs


def test_eight_bits_at_the_input_of_each_matrix(tmp_path: Path) -> None:
    for number, picture in enumerate(probe_pictures(64)):
        picture.save(tmp_path / f"{number}.png")
    network, spec = fine_tuned("flat several"), ExportSpec(compress="w8a8", target="ane")
    quantizers = calibrated(prepare_checkpoint(network, ExportSpec()).folded, tmp_path)
    assert quantizers["dense1"] == BOUNDS["relu6"].quantizer()
    assert quantizers["logits"] == BOUNDS["sigmoid"].quantizer()
    pipeline.export(
        network,
        tmp_path / "net.mlpackage",
        spec=spec,
        calibration=CalibrationOptions(calibrate=folder_of(tmp_path / "photographs")),
    )


def predicted(path: Path) -> dict[str, Feature]:
    description = read(path).function().description
    (outputs,) = run(path, [from_picture(description, PICTURE)])
    return outputs


def logits(network: Checkpoint) -> np.ndarray:
    x = torch.from_numpy(network.normalization.apply(PICTURE))
    return from_checkpoint(network)(x).numpy()


@pytest.mark.parametrize("suffix", [".mlpackage", ".mlmodel"])
def test_independent_classes_are_an_array_with_its_labels(suffix: str, tmp_path: Path) -> None:
    network, path = fine_tuned("several"), tmp_path / f"net{suffix}"
    pipeline.export(network, path, verify=False)
    (name, values), *others = predicted(path).items()
    assert (name, others) == ("probabilities", [])
    expected = 1 / (1 + np.exp(-logits(network)))
    np.testing.assert_allclose(values, expected, atol=2e-3)
    description = read(path).function().description
    assert description.labels == ()
    assert json.loads(description.metadata["labels"]) == [*LABELS]
    assert listed_labels(description.metadata) == inspect(path).labels == LABELS
    (output,) = inspect(path).outputs
    assert output.description.startswith("Probability of each class on its own")
    assert ", ".join(LABELS) in output.description


def test_an_asset_lists_them_too(tmp_path: Path) -> None:
    pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    path = tmp_path / "net.aimodel"
    pipeline.export(fine_tuned("several"), path, verify=False)
    about = json.loads((path / "metadata.json").read_bytes())
    assert about["creatorDefinedMetadata"]["labels"] == [*LABELS]


def test_a_package_of_them_is_verified_again(tmp_path: Path) -> None:
    weights, photo, path = (tmp_path / name for name in ("w.safetensors", "p.png", "n.mlpackage"))
    save(fine_tuned("several"), weights)
    PICTURE.resize((80, 70)).save(photo)
    pipeline.export(Variant(weights=str(weights)), path, verify=False)
    result = reverify(path, photo, weights=str(weights))
    assert {label for label, _ in result.top5} == {*LABELS}
    difference = diff(path, weights)
    assert difference.first_difference is None
    assert difference.unmatched_reference == ()
    assert {"pool", "dense1", "dense1_relu", "logits"} <= {one.name for one in difference.layers}


def test_a_classifier_of_independent_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="outputs classifier for independent classes"):
        pipeline.export(
            fine_tuned("several"), tmp_path / "n.mlpackage", spec=ExportSpec(outputs="classifier")
        )
    assert not [*tmp_path.iterdir()]


def test_a_network_without_a_top_gives_features(tmp_path: Path) -> None:
    bare = fine_tuned("stack").as_features()
    pipeline.export(bare, tmp_path / "n.mlpackage")
    assert [*predicted(tmp_path / "n.mlpackage")] == ["features"]
    with pytest.raises(ConfigError, match="outputs logits for a network without a classifier"):
        pipeline.export(bare, tmp_path / "m.mlpackage", spec=ExportSpec(outputs="logits"))


def test_one_sigmoid_with_two_labels_is_a_classifier(tmp_path: Path) -> None:
    network, path = fine_tuned("one", ("cats", "dogs")), tmp_path / "n.mlpackage"
    weights = tmp_path / "w.safetensors"
    save(network, weights)
    variant, spec = Variant(weights=str(weights)), ExportSpec(precision="fp32")
    exported = pipeline.export(variant, path, spec=spec, verify=False)
    assert any("classifier of two classes" in note for note in exported.notes)
    probability = 1 / (1 + np.exp(-logits(network).item()))
    answer = predicted(path)
    assert answer["classLabel"] == ("dogs" if probability > 0.5 else "cats")
    expected = {"cats": 1 - probability, "dogs": probability}
    assert answer["classLabel_probs"] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(
        logits(network.as_two_classes()), [[0, logits(network).item()]], rtol=1e-6
    )
    assert diff(path, weights).first_difference is None
    assert reverify(path, weights=str(weights)).verified.identity == exported.identity


def test_one_sigmoid_alone_is_an_array_of_one(tmp_path: Path) -> None:
    network, path = fine_tuned("one", ()), tmp_path / "n.mlpackage"
    pipeline.export(network, path)
    assert predicted(path)["probabilities"].shape == (1, 1)
    save(network, tmp_path / "w.safetensors")
    assert diff(path, tmp_path / "w.safetensors").first_difference is None


def test_a_damaged_list_of_labels_is_told() -> None:
    assert listed_labels({"labels": "not ours"}) == ()
    with pytest.raises(PackageError, match="the package's labels cannot be read"):
        listed_labels({"mobilenet": "{}", "labels": '["cat", 3]'})


def test_a_flat_head_has_one_resolution(tmp_path: Path) -> None:
    spec = ExportSpec(resolutions="64,96")
    with pytest.raises(ConfigError, match="96 x 96 for a head that reads every pixel"):
        pipeline.export(fine_tuned("flat"), tmp_path / "n.mlpackage", spec=spec)


def test_probabilities_far_from_zero_do_not_overflow() -> None:
    description = ModelDescription((), (ModelOutput("probabilities", "array", (1, 3)),))
    scores = np.array([-1000, 0, 1000], np.float32)
    check_answer(description, {"probabilities": np.array([[0, 0.5, 1]])}, scores, "sigmoid")
    with pytest.raises(VerificationError, match="off by"):
        check_answer(description, {"probabilities": np.array([[0, 0.4, 1]])}, scores, "sigmoid")


def test_pytorch_answers_as_the_package_and_accuracy_is_refused(tmp_path: Path) -> None:
    network, path = fine_tuned("flat several"), tmp_path / "n.mlpackage"
    pipeline.export(network, path, spec=ExportSpec(precision="fp32"), verify=False)
    runtime = TorchRuntime()
    session = runtime.load(runtime.compile(path, tmp_path), "CPU")
    answer = session.predict(from_picture(session.description, PICTURE))
    np.testing.assert_allclose(
        answer["probabilities"], predicted(path)["probabilities"], atol=1e-5
    )
    with pytest.raises(UnsupportedError, match="there is no top-1"):
        plan.load([path], ["portable"], (), None, tmp_path)
    with pytest.raises(UnsupportedError, match="there is no top-1"):
        of_checkpoint(network)
