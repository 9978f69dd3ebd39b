"""The old format: an .mlmodel for iOS 13 and 14, from the same program."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from conftest import PHOTO
from export import pipeline
from export.mil.read import specification
from export.mil.read.model import read
from export.package.model_files import find
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec, Variant
from export.verify.agreement import probe_pictures
from export.verify.gates import verify_package
from export.verify.limits import PRECISION
from export.verify.reverify import reverify
from faults import FAULTS, Fault
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, PackageError, VerificationError
from mobilenet.preprocess import CAFFE, IMAGENET
from programs import run_package

SPEC = ExportSpec(format="neuralnetwork")


def network(path: Path) -> object:
    message = specification.load(find(path).specification)
    return getattr(message, message.WhichOneof("Type"))


def test_one_file_of_27_convolutions_and_clips(hot: Checkpoint, tmp_path: Path) -> None:
    exported = pipeline.export(hot, tmp_path / "m.mlmodel", spec=SPEC)
    assert exported.path.is_file()
    assert Counter(item.WhichOneof("layer") for item in network(exported.path).layers) == {
        "convolution": 27, "clip": 27, "reduceMean": 1, "innerProduct": 1, "softmaxND": 1,
    }  # fmt: skip
    message = specification.load(exported.path)
    assert message.specificationVersion == 4  # iOS 13
    assert exported.metadata.format == "neuralnetwork"
    assert exported.metadata.min_ios == 13
    assert exported.size_bytes < 2.2 * exported.metadata.parameters  # halves
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["m.mlmodel", "m.verified.json"]


def test_names_labels_and_preprocessing_are_those_of_the_package(
    hot: Checkpoint, tmp_path: Path
) -> None:
    old = pipeline.export(hot, tmp_path, spec=SPEC, verify=False)
    new = pipeline.export(hot, tmp_path, verify=False)
    assert old.path.stem != new.path.stem
    ours, theirs = read(old.path), read(new.path)
    assert ours.description.inputs == theirs.description.inputs
    assert ours.description.labels == theirs.description.labels
    assert {o.name: o.kind for o in ours.description.outputs} == {
        o.name: o.kind for o in theirs.description.outputs
    }
    assert (ours.author, ours.license, ours.short_description) == (
        theirs.author, theirs.license, theirs.short_description,
    )  # fmt: skip
    picture = {"image": probe_pictures(hot.config.resolution)[0]}
    got = run_package(old.path, picture)["classLabel_probs"]
    wanted = run_package(new.path, picture)["classLabel_probs"]
    assert list(got) == list(wanted)
    assert list(got.values()) == pytest.approx(list(wanted.values()), abs=2e-3)


@pytest.mark.parametrize(
    "spec",
    [
        ExportSpec(min_ios=13, precision="fp32"),
        ExportSpec(min_ios=14, outputs="logits", input="tensor"),
        ExportSpec(min_ios=13, outputs="features", target="gpu"),
        ExportSpec(min_ios=13, outputs="probabilities", target="cpu"),
    ],
    ids=lambda s: s.target + s.suffix,
)
def test_every_kind_of_output_is_verified(
    hot: Checkpoint, spec: ExportSpec, tmp_path: Path
) -> None:
    exported = pipeline.export(hot, tmp_path, spec=spec)
    assert exported.path.suffix == ".mlmodel"
    assert exported.verified is not None
    assert exported.verified.agreement <= PRECISION[spec.resolved().precision].usual


@pytest.mark.parametrize("normalization", [IMAGENET, CAFFE], ids=["per-channel std", "BGR"])
@pytest.mark.parametrize("activation", ["relu6", "relu"])
def test_other_preprocessing(
    hot: Checkpoint, normalization: object, activation: str, tmp_path: Path
) -> None:
    from dataclasses import replace

    config = replace(hot.config, activation=activation, padding="symmetric", resolution=65)
    checkpoint = replace(hot, normalization=normalization, config=config)
    pipeline.export(checkpoint, tmp_path, spec=SPEC)


SOME = ("relu for relu6", "BGR", "symmetric padding", "clip at 6.001", "labels off by one")


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.name in SOME], ids=lambda f: f.name)
def test_deliberate_faults_are_rejected(hot: Checkpoint, fault: Fault, tmp_path: Path) -> None:
    from export.formats.coreml.build import build
    from export.formats.coreml.kinds import KINDS
    from export.formats.coreml.save import save_reproducibly

    spec = ExportSpec(format="neuralnetwork", precision="fp32")
    with fault.bend():
        model = build(prepare_checkpoint(fault.change(hot), spec))
    if fault.name.startswith("clip"):  # which is a clip here, and not a bent relu6
        message = model.get_spec()
        for item in message.neuralNetworkClassifier.layers:
            if item.WhichOneof("layer") == "clip":
                item.clip.maxVal = 6.001
        model = type(model)(message)
    save_reproducibly(model, KINDS["neuralnetwork"], tmp_path / "m.mlmodel")
    with pytest.raises(VerificationError):
        verify_package(tmp_path / "m.mlmodel", prepare_checkpoint(hot, spec))


def test_verifying_again_and_the_same_bytes(tmp_path: Path) -> None:
    variant = Variant(alpha=0.25, resolution=64, weights="untrained")
    first = pipeline.export(variant, tmp_path / "a.mlmodel")
    second = pipeline.export(variant, tmp_path / "b", spec=ExportSpec(min_ios=13), verify=False)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert reverify(first.path, PHOTO).top5


def test_format_follows_the_output_and_contradictions_are_said(
    hot: Checkpoint, tmp_path: Path
) -> None:
    for spec in (ExportSpec(min_ios=17), ExportSpec(format="mlprogram")):
        with pytest.raises(ConfigError, match=r"with an output that ends in \.mlmodel"):
            pipeline.export(hot, tmp_path / "m.mlmodel", spec=spec)
    with pytest.raises(ConfigError, match=r"with an output that ends in \.mlpackage"):
        pipeline.export(hot, tmp_path / "m.mlpackage", spec=ExportSpec(min_ios=13))
    with pytest.raises(ConfigError, match="int8 needs iOS 16"):
        pipeline.export(hot, tmp_path / "m.mlmodel", spec=ExportSpec(compress="int8"))
    with pytest.raises(ConfigError, match="output is"):
        pipeline.export(hot, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_nothing_else_is_replaced(hot: Checkpoint, tmp_path: Path) -> None:
    folder = tmp_path / "m.mlmodel"
    folder.mkdir()
    (folder / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(ConfigError, match="is a folder"):
        pipeline.export(hot, folder, spec=SPEC)
    other = tmp_path / "n.mlpackage"
    other.mkdir()
    (other / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(PackageError, match="not a model package"):
        pipeline.export(hot, other)
    assert (folder / "thesis.txt").read_text() == (other / "thesis.txt").read_text()


def test_halves_are_the_nearest(hot: Checkpoint, tmp_path: Path) -> None:
    exported = pipeline.export(hot, tmp_path, spec=SPEC, verify=False)
    stem = network(exported.path).layers[0].convolution
    from mobilenet import fold

    wanted = fold.fold(hot).layers["conv0"]
    assert np.array_equal(
        np.frombuffer(stem.weights.float16Value, np.float16),
        wanted.kernel.astype(np.float16).ravel(),
    )
    assert np.array_equal(
        np.frombuffer(stem.bias.float16Value, np.float16), wanted.bias.astype(np.float16)
    )
