"""Compressed packages: what each form promises, and what is lost by it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import PHOTO
from export import pipeline
from export.calibration_options import CalibrationOptions
from export.compression import activations, tolerance, weights
from export.compression.stored_weights import layers_of, roundings_of
from export.formats.registry import format_of
from export.mil.program import Function
from export.mil.read.model import read
from export.package import metadata
from export.package.model_files import find
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec, Variant
from export.verify.gates import verify_package
from export.verify.limits import STRUCTURE
from export.verify.reverify import reverify
from faults import FAULTS, Fault
from made_photographs import folder_of
from mobilenet import fold
from mobilenet.checkpoint import BatchNorm, Checkpoint
from mobilenet.common.errors import ConfigError, VerificationError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

FORMS = {
    "int8": "constexpr_affine_dequantize",
    "int4": "constexpr_blockwise_shift_scale",
    "palette2": "constexpr_lut_to_dense",
    "palette6": "constexpr_lut_to_dense",
    "prune50": "constexpr_sparse_to_dense",
}
LOSSES = {"int8": 0.05, "int4": 0.5, "palette2": 1.5, "palette6": 0.15, "prune50": 1.0}


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(PHOTO.read_bytes())
    (folder / "notes.txt").write_text("no picture, and not taken for one")
    return folder


def forms(function: Function) -> Counter[str]:
    return Counter(c.form for c in function.constants.values() if c.form != "const")


@pytest.mark.parametrize("method", FORMS)
def test_each_form_keeps_its_promise(hot: Checkpoint, method: str, tmp_path: Path) -> None:
    exported = pipeline.export(hot, tmp_path, spec=ExportSpec(compress=method))
    function = read(exported.path).function()
    folded = fold.fold(hot)
    touched = [n for n, x in folded.layers.items() if x.kernel.size > weights.LEAST_WEIGHTS]
    assert forms(function) == {FORMS[method]: len(touched)}
    stored = layers_of(function, hot.config)
    for name, layer in folded.layers.items():
        kernel = stored[name].kernel
        if name not in touched:
            assert np.array_equal(kernel, layer.kernel.astype(np.float16))
        elif method.startswith("palette"):
            assert len(np.unique(kernel)) <= 2 ** int(method[-1])
        elif method == "prune50":
            assert np.count_nonzero(kernel == 0) == kernel.size // 2
        else:
            rows = kernel.reshape(len(kernel), -1)
            levels = max(len(np.unique(row)) for row in rows)
            assert levels <= (255 if method == "int8" else 15 * rows.shape[1] // 32)
    verified = exported.verified
    assert verified is not None
    assert verified.structure <= STRUCTURE.usual
    assert verified.agreement <= 1e-2
    assert verified.loss is not None
    assert verified.agreement < verified.loss <= LOSSES[method]
    assert exported.metadata.compression == method
    assert method in exported.path.stem


def test_verifying_again_reads_the_compression_off_the_package(tmp_path: Path) -> None:
    exported = pipeline.export(
        Variant(alpha=0.25, resolution=64, weights="untrained"),
        tmp_path,
        spec=ExportSpec(compress="int8"),
    )
    again = reverify(exported.path, PHOTO)
    assert again.verified.loss == pytest.approx(exported.verified.loss, rel=0.5)
    assert len(again.top5) == 5
    assert metadata.verified(exported.path, exported.identity) == exported.verified


@pytest.mark.parametrize("method", ["int4", "palette4"])
def test_the_same_bytes_every_time(hot: Checkpoint, method: str, tmp_path: Path) -> None:
    spec = ExportSpec(compress=method)
    first = pipeline.export(hot, tmp_path / "a.mlpackage", spec=spec, verify=False)
    second = pipeline.export(hot, tmp_path / "b.mlpackage", spec=spec, verify=False)
    assert first.identity == second.identity


def test_correcting_biases_pays(
    hot: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ExportSpec(compress="int4")
    corrected = pipeline.export(hot, tmp_path / "a.mlpackage", spec=spec).verified
    monkeypatch.setattr(weights, "with_corrected_biases", lambda _c, folded, _s: folded)
    plain = pipeline.export(hot, tmp_path / "b.mlpackage", spec=spec).verified
    assert corrected.loss < 0.75 * plain.loss


def test_weights_without_batch_norm_are_rounded_only(hot: Checkpoint) -> None:
    folded = fold.fold(hot)
    zeroed = {name: replace(x, kernel=x.kernel * 0) for name, x in folded.layers.items()}
    assert weights.with_corrected_biases(folded, folded, zeroed).layers == folded.layers


@pytest.mark.parametrize("activation", ["relu6", "relu"])
def test_expected_activation_is_the_mean_of_samples(
    activation: str, rng: np.random.Generator
) -> None:
    beta = np.array([-2.0, 0.0, 1.0, 5.0, 9.0, 3.0], np.float32)
    gamma = np.array([1.0, 2.0, -1.5, 2.0, 3.0, 0.0], np.float32)
    norm = BatchNorm(gamma, beta, beta, gamma)
    samples = beta + np.abs(gamma) * rng.standard_normal((200_000, 6))
    wanted = samples.clip(0, 6 if activation == "relu6" else None).mean(axis=0)
    assert weights.expected_activation(norm, activation) == pytest.approx(wanted, abs=0.02)


def test_odd_widths_have_a_scale_for_each_channel(tmp_path: Path) -> None:
    checkpoint = untrained(MobileNetConfig(0.35, 64))
    exported = pipeline.export(checkpoint, tmp_path, spec=ExportSpec(compress="int4"))
    assert sum(forms(read(exported.path).function()).values()) > 8


def test_a_network_too_small_to_compress(tmp_path: Path) -> None:
    checkpoint = untrained(MobileNetConfig(0.05, 32, classes=2))
    checkpoint = replace(checkpoint, labels=("a", "b"))
    with pytest.raises(ConfigError, match="no layer has more than"):
        pipeline.export(checkpoint, tmp_path, spec=ExportSpec(compress="int8"))


SOME = (
    "epsilon 1e-5 for 1e-3", "relu for relu6", "BGR", "two filters swapped", "clip at 6.05",
    "beta ignored", "labels off by one", "padded at the top left",
)  # fmt: skip


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.name in SOME], ids=lambda f: f.name)
def test_faults_show_under_compression(hot: Checkpoint, fault: Fault, tmp_path: Path) -> None:
    spec, path = ExportSpec(compress="int8"), tmp_path / "m.mlpackage"
    with fault.bend():
        format_of(spec).write(prepare_checkpoint(fault.change(hot), spec), path)
    with pytest.raises(VerificationError):
        verify_package(path, prepare_checkpoint(hot, spec))


def test_half_a_step(rng: np.random.Generator) -> None:
    kernel = rng.standard_normal((16, 64)).astype(np.float32)
    step = np.abs(kernel).max(axis=1, keepdims=True) / 127
    stored = np.round(kernel / step) * step
    assert tolerance.within_half_a_step(stored, kernel, "int8", None)
    assert not tolerance.within_half_a_step(stored + step, kernel, "int8", None)
    assert tolerance.within_half_a_step(stored + 0.7 * step, stored, "int8", None)
    assert not tolerance.within_half_a_step(stored - 0.8 * step, stored, "int8", None)
    table = np.linspace(-3, 3, 16, dtype=np.float32)
    nearest = table[np.abs(kernel[..., None] - table).argmin(axis=-1)]
    assert tolerance.within_half_a_step(nearest, kernel, "palette4", None)
    assert not tolerance.within_half_a_step(nearest, kernel, "palette2", None)
    assert not tolerance.within_half_a_step(nearest[::-1], kernel, "palette4", None)


def test_a_weight_halfway_between_two_values_may_take_either() -> None:
    """Of 131,072 weights one was, as they are rounded: right packages were refused for it."""
    spacing, table = 2.0**-12, np.array([[0.25, 0.5]], np.float32)
    for beyond, is_right in ((0.9, True), (1.1, False)):
        weights = np.array([[0.375 + beyond * spacing, 0.49]], np.float32)
        assert tolerance.within_half_a_step(table, weights, "palette4", None) is is_right


def test_w8a8_rounds_the_input_of_every_layer_but_the_first(
    hot: Checkpoint, tmp_path: Path
) -> None:
    calibration = CalibrationOptions(calibrate=folder_of(tmp_path / "photographs"))
    spec = ExportSpec(compress="w8a8")
    exported = pipeline.export(hot, tmp_path, spec=spec, calibration=calibration)
    function = read(exported.path).function()
    types = Counter(op.type for op in function.ops)
    assert types["quantize"] == types["dequantize"] == 27
    assert forms(function) == {"constexpr_affine_dequantize": 27}
    quantizers = {name: r.quantizer for name, r in roundings_of(function, hot.config).items()}
    assert list(quantizers) == [name for name in hot.layers if name != "conv0"]
    relu6 = float(np.float16(6 / 255))  # or less, where the largest values are rare
    assert max(q.scale for name, q in quantizers.items() if name != "logits") <= relu6
    assert 0 < quantizers["logits"].scale < relu6
    verified = exported.verified
    assert verified.structure <= STRUCTURE.usual  # the same steps as PyTorch takes
    assert verified.loss <= 0.2


@pytest.mark.parametrize("name", ["relu for relu6", "clip at 6.05", "padded at the top left"])
def test_faults_show_between_roundings(
    hot: Checkpoint, name: str, photographs: Path, tmp_path: Path
) -> None:
    """End to end, one step of one activation would hide them."""
    (fault,) = (f for f in FAULTS if f.name == name)
    spec, path = ExportSpec(compress="w8a8", precision="fp32"), tmp_path / "m.mlpackage"
    quantizers = activations.calibrated(hot, photographs)
    with fault.bend():
        wrong = replace(prepare_checkpoint(fault.change(hot), spec), quantizers=quantizers)
        format_of(spec).write(wrong, path)
    with pytest.raises(VerificationError):
        verify_package(path, prepare_checkpoint(hot, spec))


def test_calibration_finds_the_ranges_behind_relu(hot: Checkpoint, photographs: Path) -> None:
    checkpoint = replace(hot, config=replace(hot.config, activation="relu"))
    quantizers = activations.calibrated(checkpoint, photographs)
    assert len({q.scale for q in quantizers.values()}) == 27
    twice = photographs / "again.png"
    Image.new("RGB", (40, 30)).save(twice)
    more = activations.calibrated(checkpoint, photographs)
    assert all(more[name].scale >= quantizers[name].scale for name in more)


@pytest.mark.parametrize("how", ["empty", "few", "missing"])
def test_calibration_folders_that_will_not_do(
    hot: Checkpoint, how: str, photographs: Path, tmp_path: Path
) -> None:
    if how == "empty":
        (photographs / "cat.jpg").unlink()
    elif how == "missing":
        photographs = tmp_path / "nowhere"
    kept = pipeline.export(hot, tmp_path / "m.mlpackage", verify=False)
    with pytest.raises(ConfigError, match=r"no pictures|holds 1 photographs|not a folder"):
        pipeline.export(
            hot,
            kept.path,
            spec=ExportSpec(compress="w8a8"),
            calibration=CalibrationOptions(calibrate=photographs),
        )
    assert find(kept.path).identity() == kept.identity


def test_calibration_belongs_to_compression(
    hot: Checkpoint, photographs: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="without calibration pictures"):
        pipeline.export(hot, tmp_path, spec=ExportSpec(compress="w8a8"))
    with pytest.raises(ConfigError, match="without compress"):
        pipeline.export(hot, tmp_path, calibration=CalibrationOptions(calibrate=photographs))


@pytest.mark.parametrize("method", ["int8", "int4", "palette6"])
def test_published_weights_survive(method: str, tmp_path: Path) -> None:
    variant = Variant(alpha=0.25)
    exported = pipeline.export(variant, tmp_path, spec=ExportSpec(compress=method))
    assert exported.verified.loss < {"int8": 0.06, "int4": 0.5, "palette6": 0.2}[method]


@pytest.mark.parametrize("method", ["int8", "int4", "palette6"])
def test_the_authors_largest_weights_survive(
    real_weights: Path, method: str, tmp_path: Path
) -> None:
    """Their kernels are the hardest to round: by rounding alone four bits lose every class."""
    variant = Variant(weights=str(real_weights / "google_slim_1.0_224_frozen.pb"))
    exported = pipeline.export(variant, tmp_path, spec=ExportSpec(compress=method))
    assert exported.verified.loss < {"int8": 0.06, "int4": 0.5, "palette6": 0.2}[method]
