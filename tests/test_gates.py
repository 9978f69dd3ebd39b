"""Verification passes what is right and rejects every deliberate fault."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import PHOTO
from export import pipeline
from export.formats.coreml.build import build
from export.formats.registry import format_of
from export.mil.read.model import read
from export.package import metadata
from export.package.model_files import find
from export.prepared import Prepared, prepare_checkpoint
from export.spec import ExportSpec, Variant
from export.verify.agreement import probe_pictures, relative_l2
from export.verify.gates import verify_package
from export.verify.limits import PRECISION, STRUCTURE, passed
from export.verify.reverify import reverify
from faults import FAULTS, Fault
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import PackageError, VerificationError
from mobilenet.preprocess import CAFFE, IMAGENET


def package(checkpoint: Checkpoint, spec: ExportSpec, path: Path) -> Path:
    format_of(spec).write(prepare_checkpoint(checkpoint, spec), path)
    return path


SPECS = (
    ExportSpec(),
    ExportSpec(precision="fp32"),
    ExportSpec(target="ane"),
    ExportSpec(target="gpu", min_ios=18),
    ExportSpec(target="cpu", outputs="logits"),
    ExportSpec(outputs="logits"),
    ExportSpec(outputs="probabilities", input="tensor"),
    ExportSpec(outputs="features"),
    ExportSpec(outputs="features", layer="conv5_pointwise"),
    ExportSpec(outputs="features", layer="conv0", precision="fp32"),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.target + s.suffix)
def test_right_packages_pass(hot: Checkpoint, spec: ExportSpec, tmp_path: Path) -> None:
    checkpoint = hot.as_features(spec.layer or "") if spec.outputs == "features" else hot
    path = package(checkpoint, spec, tmp_path / "m.mlpackage")
    with Image.open(PHOTO) as photo:
        result = verify_package(path, prepare_checkpoint(checkpoint, spec), [photo])
    assert result.images == 3
    assert 0 < result.structure <= STRUCTURE.usual / 2
    assert result.agreement <= PRECISION[spec.resolved().precision].usual / 2


@pytest.mark.parametrize("normalization", [IMAGENET, CAFFE], ids=["per-channel std", "BGR"])
@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_other_preprocessing_is_exact_too(
    hot: Checkpoint, normalization: object, padding: str, tmp_path: Path
) -> None:
    checkpoint = replace(
        hot,
        normalization=normalization,
        config=replace(hot.config, padding=padding, resolution=97),
    )
    path = package(checkpoint, ExportSpec(), tmp_path / "m.mlpackage")
    verify_package(path, prepare_checkpoint(checkpoint, ExportSpec()))


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_every_deliberate_fault_is_rejected(
    hot: Checkpoint,
    fault: Fault,
    precision: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if precision not in fault.precisions:
        pytest.skip("no fault at this precision")
    spec = ExportSpec(precision=precision)
    with fault.bend():
        path = package(fault.change(hot), spec, tmp_path / "m.mlpackage")
    with pytest.raises(VerificationError) as caught:
        verify_package(path, prepare_checkpoint(hot, spec))
    assert caught.value.exit_code == 1
    if precision == "fp32" and "weights" in caught.value.message:
        with monkeypatch.context() as patch:  # running the package finds it as well
            patch.setattr("export.verify.package_weights._check_weights", lambda *_: None)
            with pytest.raises(VerificationError):
                verify_package(path, prepare_checkpoint(hot, spec))


def test_a_weight_that_is_off_by_a_float16_step_is_found(hot: Checkpoint, tmp_path: Path) -> None:
    kernel = hot.layers["conv0"].kernel.copy()
    kernel.flat[np.abs(kernel).argmax()] *= 1.001
    stem = replace(hot.layers["conv0"], kernel=kernel)
    other = replace(hot, layers={**hot.layers, "conv0": stem})
    path = package(other, ExportSpec(), tmp_path / "m.mlpackage")
    with pytest.raises(VerificationError, match=r"conv0\.kernel of the package is off by"):
        verify_package(path, prepare_checkpoint(hot, ExportSpec()))


def test_what_is_not_a_number_passes_no_gate() -> None:
    wanted = np.ones((2, 3), np.float32)
    for value in (np.nan, np.inf):
        got = wanted.copy()
        got[1, 2] = value
        assert relative_l2(got, wanted) == np.inf
    with pytest.raises(VerificationError, match="structure"):
        passed("structure", float("nan"), STRUCTURE.usual)


def test_a_package_that_fails_leaves_nothing_and_loses_nothing(
    hot: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, path = ExportSpec(), tmp_path / "m.mlpackage"
    first = pipeline.export(hot, path, spec=spec)
    wrong = replace(hot, config=replace(hot.config, activation="relu"))

    def broken(prepared: Prepared) -> object:
        return build(prepare_checkpoint(wrong, prepared.spec))

    monkeypatch.setattr("export.formats.coreml.build.build", broken)
    for name in ("m.mlpackage", "new.mlpackage"):
        with pytest.raises(VerificationError):
            pipeline.export(hot, tmp_path / name, spec=spec)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["m.mlpackage", "m.verified.json"]
    assert find(path).identity() == first.identity


def test_verify_again_finds_the_weights_from_the_metadata(tmp_path: Path) -> None:
    variant = Variant(alpha=0.25, resolution=64, weights="untrained")
    exported = pipeline.export(variant, tmp_path)
    assert exported.path.name == "MobileNetV1_025_64_untrained.mlpackage"
    again = reverify(exported.path, PHOTO)
    assert again.verified.agreement <= PRECISION["fp16"].usual
    assert len(again.top5) == 5
    assert sum(p for _, p in again.top5) <= 1.001
    note = metadata.verified(exported.path, exported.identity)
    assert note == exported.verified
    assert metadata.verified(exported.path, "another") is None


def test_verify_again_wants_the_same_weights(hot: Checkpoint, tmp_path: Path) -> None:
    trained = replace(hot, provenance=replace(hot.provenance, trained=True, sha256="ab" * 32))
    package(trained, ExportSpec(), tmp_path / "m.mlpackage")
    from mobilenet import store

    store.save(hot, tmp_path / "other.safetensors")
    with pytest.raises(PackageError, match="made from other weights"):
        reverify(tmp_path / "m.mlpackage", weights=str(tmp_path / "other.safetensors"))


def test_probe_pictures_are_the_same_everywhere() -> None:
    pictures = probe_pictures(64)
    assert [p.size for p in pictures] == [(64, 64)] * 2
    assert [int(np.asarray(p, np.int64).sum()) for p in pictures] == [
        int(np.asarray(p, np.int64).sum()) for p in probe_pictures(64)
    ]
    assert all(np.asarray(p).std(axis=(0, 1)).min() > 20 for p in pictures)


def test_a_package_names_its_licence_and_no_date(hot: Checkpoint, tmp_path: Path) -> None:
    licensed = replace(hot, provenance=replace(hot.provenance, licence="CC-BY-4.0"))
    program = read(package(licensed, ExportSpec(), tmp_path / "m.mlpackage"))
    assert program.license == "CC-BY-4.0"
    assert not any("date" in key for key in program.description.metadata)


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_published_weights(precision: str, tmp_path: Path) -> None:
    exported = pipeline.export(Variant(alpha=0.25), tmp_path, spec=ExportSpec(precision=precision))
    again = reverify(exported.path, PHOTO)
    assert [label for label, _ in again.top5[:3]] == ["Egyptian cat", "tabby", "tiger cat"]
    assert again.top5[0][1] == pytest.approx(0.53, abs=0.03)


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_the_authors_weights(real_weights: Path, precision: str, tmp_path: Path) -> None:
    """The hardest there are: folded weights reach 48. Prints what the limits were chosen from."""
    variant = Variant(weights=str(real_weights / "google_slim_1.0_224_frozen.pb"))
    exported = pipeline.export(variant, tmp_path, spec=ExportSpec(precision=precision))
    print(precision, exported.verified)
    again = reverify(exported.path, PHOTO, weights=variant.weights)
    assert [label for label, _ in again.top5[:3]] == ["tabby", "Egyptian cat", "tiger cat"]
    assert again.top5[0][1] == pytest.approx(0.43, abs=0.03)
