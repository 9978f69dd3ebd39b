"""Learned numbers, proven later: their photographs are not at hand, the original weights are."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from export.__main__ import app
from export.compression.compressed_network import CompressedNetwork
from export.compression.forms import LayerForm
from export.compression.quantizer import Quantizer
from export.formats.registry import format_of
from export.mil.read.model import read
from export.package import metadata
from export.package.calibration_record import CalibrationRecord
from export.prepared import Prepared
from export.source import Published
from export.spec import ExportSpec, Variant
from export.targets import MIXED
from export.verify.diff import diff
from export.verify.gates import verify_package
from export.verify.learned_numbers import with_numbers_of
from export.verify.limits import STRUCTURE
from export.verify.reverify import reverify
from learned_networks import learned, nearest
from mobilenet.checkpoint import Layer
from mobilenet.common import terminal
from mobilenet.common.errors import PackageError, VerificationError

FORMS = {
    "conv7_pointwise": LayerForm("int4", 32), "conv8_pointwise": LayerForm("palette4", 16),
    "conv9_pointwise": LayerForm("palette4", 16), "conv10_pointwise": LayerForm("prune50"),
    "logits": LayerForm("palette6"),
}  # fmt: skip
SPEC = ExportSpec(compress="int4")


def published(spec: ExportSpec = SPEC, **changes: float) -> Prepared:
    sizes = {} if spec.resolutions else {"resolution": 33}
    variant = Variant(**{"alpha": 0.25, "weights": "untrained"} | sizes | changes)
    return Published(variant).prepare(spec.resolved())


def written(prepared: Prepared, path: Path) -> Path:
    format_of(prepared.spec).write(prepared, path)
    return path


@pytest.mark.parametrize("options", [{}, {"resolutions": "33,64"}])
def test_a_learned_package_is_proven_without_its_photographs(
    options: dict[str, str], tmp_path: Path
) -> None:
    ready = learned(published(replace(SPEC, **options)), FORMS)
    again = reverify(written(ready, tmp_path / "n.mlpackage"))
    assert again.verified.structure <= STRUCTURE.usual
    assert again.verified.agreement < again.verified.loss


def changed(prepared: Prepared, **kernels: Callable[[np.ndarray], np.ndarray]) -> Prepared:
    """Written with other numbers than the record in its metadata is about."""
    network = prepared.compressed
    stored = dict(network.kernels)
    for layer, change in kernels.items():
        stored[layer] = nearest(change(stored[layer].dense()), FORMS[layer])
    return replace(prepared, compressed=CompressedNetwork.of(network.folded, stored))


def one_entry_moved(prepared: Prepared) -> Prepared:
    prepared.compressed.kernels["conv9_pointwise"].operands["lut"].flat[20] *= 1.02
    return prepared


def two_layers_swapped(prepared: Prepared) -> Prepared:
    network = prepared.compressed
    names = ["conv8_pointwise", "conv9_pointwise"]
    first, second = (network.kernels[name] for name in names)
    swapped = {**network.kernels, names[0]: second, names[1]: first}
    return replace(prepared, compressed=CompressedNetwork.of(network.folded, swapped))


def a_bias_moved(prepared: Prepared) -> Prepared:
    layers = dict(prepared.compressed.folded.layers)
    layers["conv0"] = replace(layers["conv0"], bias=layers["conv0"].bias * 1.01)
    folded = replace(prepared.compressed.folded, layers=layers)
    return replace(prepared, compressed=replace(prepared.compressed, folded=folded))


def rows_turned(prepared: Prepared) -> Prepared:
    return changed(prepared, conv7_pointwise=lambda kernel: kernel[::-1])


@pytest.mark.parametrize("fault", [one_entry_moved, two_layers_swapped, a_bias_moved, rows_turned])
def test_other_numbers_are_found(fault: Callable[[Prepared], Prepared], tmp_path: Path) -> None:
    path = written(fault(learned(published(), FORMS)), tmp_path / "n.mlpackage")
    with pytest.raises(VerificationError, match="numbers are not those that were learned"):
        reverify(path)


def test_other_steps_of_activations_are_found(tmp_path: Path) -> None:
    ready = published(ExportSpec(compress="w8a8"))
    forms = {name: LayerForm("int8") for name in ready.folded.layers if name != "conv0"}
    ready = learned(replace(ready, quantizers={name: Quantizer(6 / 255) for name in forms}), forms)
    assert reverify(written(ready, tmp_path / "right.mlpackage")).verified.loss
    steps = {**ready.quantizers, "conv9_pointwise": Quantizer(7 / 255)}
    path = written(replace(ready, quantizers=steps), tmp_path / "n.mlpackage")
    with pytest.raises(VerificationError, match="numbers are not those that were learned"):
        reverify(path)


def test_a_layer_in_another_form_is_found(tmp_path: Path) -> None:
    ready = learned(published(), FORMS)
    less = {name: k for name, k in ready.compressed.kernels.items() if name != "logits"}
    ready = replace(ready, compressed=replace(ready.compressed, kernels=less))
    with pytest.raises(VerificationError, match=r"logits\.kernel .* dense, it should be palette6"):
        reverify(written(ready, tmp_path / "n.mlpackage"))


def two_kernels_swapped(layers: dict[str, Layer]) -> None:
    names = ["conv8_pointwise", "conv9_pointwise"]
    layers |= dict(zip(names, [layers[name] for name in reversed(names)], strict=True))


def a_kernel_that_was_not_compressed(layers: dict[str, Layer]) -> None:
    kernel = layers["conv3_depthwise"].kernel
    layers["conv3_depthwise"] = replace(layers["conv3_depthwise"], kernel=kernel * 1.2)


def a_bias(layers: dict[str, Layer]) -> None:
    bias = layers["conv0"].bias
    layers["conv0"] = replace(layers["conv0"], bias=bias + 0.5)


@pytest.mark.parametrize("change", [two_kernels_swapped, a_kernel_that_was_not_compressed, a_bias])
def test_other_original_weights_are_found(
    change: Callable[[dict[str, Layer]], None], tmp_path: Path
) -> None:
    ready = learned(published(), FORMS)
    path = written(ready, tmp_path / "n.mlpackage")
    record = ready.metadata.calibration
    assert isinstance(record, CalibrationRecord)
    other = published()
    layers = dict(other.folded.layers)
    change(layers)
    other = replace(other, folded=replace(other.folded, layers=layers))
    with pytest.raises(VerificationError, match=r"numbers lie \d\.\d+ .* its export 0\.\d+"):
        with_numbers_of(read(path).function(), other, record)


@pytest.mark.parametrize("compress", MIXED)
def test_mixed_forms_that_are_not_told(compress: str, tmp_path: Path) -> None:
    function = read(written(learned(published(), FORMS), tmp_path / "n.mlpackage")).function()
    untold = replace(published(), compress=compress)
    for record in (msgspec.UNSET, CalibrationRecord(256, 64, "ab", {}, loss=0.2)):
        with pytest.raises(PackageError, match="does not say which layer has which"):
            with_numbers_of(function, untold, record)


def test_a_loss_that_grew_is_found(tmp_path: Path) -> None:
    ready = learned(published(), FORMS)
    path = written(ready, tmp_path / "n.mlpackage")
    verified = verify_package(path, ready)
    beside = metadata.verified_path(path)
    beside.write_bytes(msgspec.json.encode(verified))
    assert reverify(path).verified.loss == pytest.approx(verified.loss)
    beside.write_bytes(msgspec.json.encode(replace(verified, loss=verified.loss - 0.1)))
    with pytest.raises(VerificationError, match="loss: relative L2"):
        reverify(path)


def test_core_ai_is_proven_too(tmp_path: Path) -> None:
    pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    forms = {name: form for name, form in FORMS.items() if form.method != "prune50"}
    ready = learned(published(replace(SPEC, format="coreai")), forms)
    again = reverify(written(ready, tmp_path / "n.aimodel"))
    assert again.verified.structure <= STRUCTURE.usual


def test_a_difference_of_forms_is_among_the_causes(tmp_path: Path) -> None:
    learned_path = written(learned(published(), FORMS), tmp_path / "a.mlpackage")
    plain = written(published(), tmp_path / "b.mlpackage")
    (cause,) = (c for c in diff(learned_path, plain).causes if c.startswith("compression"))
    assert cause == (
        "compression: int4 learned from photographs (palette4/16 x 2, int4/32 x 1, prune50 x 1, "
        "palette6 x 1); in the reference int4"
    )


def test_what_was_learned_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(learned(published(), FORMS), tmp_path / "n.mlpackage")
    assert terminal.run(app, ["inspect", str(path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "learned from 256 photographs: palette4/16 x 2, int4/32 x 1" in printed
    assert "top-1 as uncompressed for 93.8% of 64 others (95 % interval 85.0% to 97.5%)" in printed
    assert terminal.run(app, ["inspect", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["learned"]["forms"]["logits"] == "palette6"
