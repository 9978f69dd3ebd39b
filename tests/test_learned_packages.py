"""Packages of what photographs showed: written as it is, read back, and proven."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.compression.forms import LayerForm
from export.compression.kernels import CompressedKernel
from export.compression.quantizer import Quantizer
from export.compression.stored_kernels import kernels_of
from export.compression.stored_weights import roundings_of
from export.formats.registry import format_of
from export.mil.program import Constant, Function
from export.mil.read.model import read
from export.prepared import Prepared, prepare_checkpoint
from export.spec import ExportSpec
from export.verify import package_weights
from export.verify.gates import verify_package
from export.verify.limits import STRUCTURE
from learned_networks import learned
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, PackageError, VerificationError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

OLD = {
    "conv7_pointwise": LayerForm("int8"), "conv8_pointwise": LayerForm("palette2"),
    "conv9_pointwise": LayerForm("palette6"), "conv10_pointwise": LayerForm("prune50"),
    "logits": LayerForm("palette8"),
}  # fmt: skip
NEW = {
    "conv7_pointwise": LayerForm("int4", 32), "conv8_pointwise": LayerForm("int4"),
    "conv9_pointwise": LayerForm("palette4", 16), "conv10_pointwise": LayerForm("int8", 16),
    "conv11_pointwise": LayerForm("prune50"), "conv12_pointwise": LayerForm("int8"),
    "logits": LayerForm("palette6"),
}  # fmt: skip
FORMS = {"iOS 16": (OLD, {"min_ios": 16}), "iOS 18": (NEW, {"min_ios": 18, "target": "ane"})}
CODED = {
    "constexpr_affine_dequantize", "constexpr_blockwise_shift_scale", "constexpr_lut_to_dense",
    "constexpr_sparse_to_dense",
}  # fmt: skip


@pytest.fixture(scope="module")
def small() -> Checkpoint:
    checkpoint = untrained(MobileNetConfig(0.25, 33, classes=200), seed=1)
    return replace(checkpoint, labels=tuple(f"class {i}" for i in range(200)))


def prepared(small: Checkpoint, which: str) -> Prepared:
    forms, options = FORMS[which]
    return learned(prepare_checkpoint(small, ExportSpec(compress="int8", **options)), forms)


def written(prepared: Prepared, path: Path) -> Function:
    format_of(prepared.spec).write(prepared, path)
    return read(path).function()


@pytest.mark.parametrize("which", FORMS)
def test_a_package_holds_what_was_learned(small: Checkpoint, which: str, tmp_path: Path) -> None:
    ready = prepared(small, which)
    function = written(ready, tmp_path / "n.mlpackage")
    stored = kernels_of(function, small.config)
    assert {name: kernel.layer_form for name, kernel in stored.items()} == FORMS[which][0]
    for name, kernel in ready.compressed.kernels.items():
        assert np.array_equal(
            stored[name].elements.reshape(kernel.elements.shape), kernel.elements
        )
        assert np.array_equal(stored[name].dense().reshape(kernel.dense().shape), kernel.dense())
    used = {constant.form for constant in function.constants.values()} - {"const"}
    assert used <= CODED
    assert len(used) == 3
    verified = verify_package(tmp_path / "n.mlpackage", ready)
    assert verified.structure <= STRUCTURE.usual
    assert verified.agreement < verified.loss


def test_float32_is_exact(small: Checkpoint, tmp_path: Path) -> None:
    forms = {"conv9_pointwise": LayerForm("palette4", 16), "logits": LayerForm("int4", 32)}
    ready = learned(
        prepare_checkpoint(small, ExportSpec(compress="int4", precision="fp32")), forms
    )
    written(ready, tmp_path / "n.mlpackage")
    assert verify_package(tmp_path / "n.mlpackage", ready).agreement <= STRUCTURE.usual


def test_functions_share_what_was_learned(small: Checkpoint, tmp_path: Path) -> None:
    ready = learned(
        prepare_checkpoint(small, ExportSpec(compress="int4", resolutions="33,64")), NEW
    )
    format_of(ready.spec).write(ready, tmp_path / "n.mlpackage")
    places = [
        {leaf.location for c in f.constants.values() for leaf in c.stored() if leaf.location}
        for f in read(tmp_path / "n.mlpackage").functions.values()
    ]
    assert places[0] == places[1]


def test_the_same_bytes_every_time(small: Checkpoint, tmp_path: Path) -> None:
    first, second = tmp_path / "a.mlpackage", tmp_path / "b.mlpackage"
    for path in (first, second):
        written(prepared(small, "iOS 18"), path)
    files = [{p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
             for f in (first, second)]  # fmt: skip
    assert files[0] == files[1]


@pytest.mark.parametrize("form", [LayerForm("int4"), LayerForm("palette4", 16)])
def test_a_form_of_a_newer_system_is_refused(
    small: Checkpoint, form: LayerForm, tmp_path: Path
) -> None:
    ready = learned(
        prepare_checkpoint(small, ExportSpec(compress="int8", min_ios=17)),
        {"conv9_pointwise": form},
    )
    with pytest.raises(
        ConfigError, match=rf"conv9_pointwise as {form} needs iOS 18, min-ios is 17"
    ):
        written(ready, tmp_path / "n.mlpackage")


def a_changed_entry(kernel: CompressedKernel) -> None:
    kernel.operands["lut"].flat[7] *= 1.1


def one_code_changed(kernel: CompressedKernel) -> None:
    kernel.elements.flat[5] ^= 1


def a_scale_changed(kernel: CompressedKernel) -> None:
    kernel.operands["scale"].flat[3] *= 2


FAULTS: dict[str, tuple[str, Callable[[CompressedKernel], None]]] = {
    "a table's entry": ("conv9_pointwise", a_changed_entry),
    "a code of four bits": ("conv7_pointwise", one_code_changed),
    "an index": ("logits", one_code_changed),
    "a scale": ("conv10_pointwise", a_scale_changed),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_weights_gate_rejects(small: Checkpoint, fault: str, tmp_path: Path) -> None:
    layer, change = FAULTS[fault]
    wrong = prepared(small, "iOS 18")
    change(wrong.compressed.kernels[layer])
    function = written(wrong, tmp_path / "n.mlpackage")
    with pytest.raises(VerificationError, match=f"{layer}.kernel of the package is off"):
        package_weights.stored_network(function, prepared(small, "iOS 18"))


def test_the_weights_gate_rejects_biases_and_forms(small: Checkpoint, tmp_path: Path) -> None:
    right = prepared(small, "iOS 18")
    function = written(right, tmp_path / "n.mlpackage")
    layers = dict(right.compressed.folded.layers)
    layers["conv3_depthwise"] = replace(
        layers["conv3_depthwise"], bias=layers["conv3_depthwise"].bias * 1.01
    )
    moved = replace(right.compressed, folded=replace(right.compressed.folded, layers=layers))
    with pytest.raises(VerificationError, match=r"conv3_depthwise\.bias of the package is off"):
        package_weights.stored_network(function, replace(right, compressed=moved))
    less = {name: k for name, k in right.compressed.kernels.items() if name != "logits"}
    other = replace(right, compressed=replace(right.compressed, kernels=less))
    with pytest.raises(VerificationError, match=r"logits\.kernel .* is stored as palette6"):
        package_weights.stored_network(function, other)


def one_scale_less(constant: Constant) -> Constant:
    scale = constant.operands["scale"]
    less = replace(scale, read=lambda: scale.load().reshape(-1)[1:])
    return replace(constant, operands={**constant.operands, "scale": less})


def no_table(constant: Constant) -> Constant:
    return replace(constant, operands={"indices": constant.operands["indices"]})


def another_zero(constant: Constant) -> Constant:
    data = constant.operands["quantized_data"]
    return replace(constant, operands={**constant.operands, "zero_point": data})


@pytest.mark.parametrize(
    ("layer", "harm"),
    [
        ("conv7_pointwise", one_scale_less), ("conv7_pointwise", another_zero),
        ("conv8_pointwise", no_table),
    ],
)  # fmt: skip
def test_kernels_that_make_no_sense_are_one_line(
    small: Checkpoint, layer: str, harm: Callable[[Constant], Constant], tmp_path: Path
) -> None:
    function = written(prepared(small, "iOS 16"), tmp_path / "n.mlpackage")
    (operation,) = (op for op in function.ops if op.name == layer)
    name = str(operation.inputs["weight"][0])
    harmed = {**function.constants, name: harm(function.constants[name])}
    with pytest.raises(PackageError, match=rf"{layer}\.kernel of the package"):
        kernels_of(replace(function, constants=harmed), small.config)


def test_activations_of_eight_bits_go_with_learned_weights(
    small: Checkpoint, tmp_path: Path
) -> None:
    spec = ExportSpec(compress="w8a8")
    forms = {name: LayerForm("int8") for name in small.layers if name != "conv0"}
    ready = learned(prepare_checkpoint(small, spec), forms)
    ready = replace(ready, quantizers={name: Quantizer(6 / 255) for name in forms})
    function = written(ready, tmp_path / "n.mlpackage")
    assert roundings_of(function, small.config).keys() == forms.keys()
    assert kernels_of(function, small.config).keys() == forms.keys()
    assert verify_package(tmp_path / "n.mlpackage", ready).structure <= STRUCTURE.usual
