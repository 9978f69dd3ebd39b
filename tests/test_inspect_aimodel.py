"""What inspect and diff say of an asset of Core AI, beside a package of the same network."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import coreai_networks
from export.__main__ import app
from export.formats.coreml.build import build
from export.inspect.inspect import inspect
from export.inspect.rules import findings
from export.mil.cost import cost
from export.mil.program import Function
from export.mil.read.model import read
from export.prepared import prepare_checkpoint
from export.runtimes.portable import PortableRuntime
from export.spec import ExportSpec
from export.verify.agreement import probe_pictures
from export.verify.diff import diff
from export.verify.intermediates import of_package
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal
from mobilenet.preprocess import IMAGENET

pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")

ROUNDING = 3e-2  # relative L2 of a layer in halves
TURNED = {"cast", "mul", "add", "cast_1"}  # blue first in Apple's graph


@pytest.fixture(scope="module")
def network() -> Checkpoint:
    return coreai_networks.folded_network(IMAGENET)


@pytest.fixture(scope="module")
def asset(network: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("assets") / "n.aimodel"
    return coreai_networks.classifier(path, network, np.float16)


@pytest.fixture(scope="module")
def package(network: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packages") / "n.mlpackage"
    build(prepare_checkpoint(network, ExportSpec())).save(str(path))
    return path


def test_an_asset_is_shown_as_a_package_is(asset: Path, package: Path) -> None:
    ours, core_ml = inspect(asset), inspect(package)
    assert (ours.kind, ours.oldest) == ("coreai", "iOS 27")
    assert [feature.kind for feature in ours.inputs] == ["image, RGB, 32 x 32"]
    assert [feature.kind for feature in ours.outputs] == ["float32 (1, 10)"] * 2
    assert ours.labels == core_ml.labels
    assert "labels" not in ours.about
    main, pixels = ours.parts
    (part,) = core_ml.parts
    assert (main.name, pixels.name) == ("main", "pixels")
    for function in (main, pixels):
        assert function.macs == part.macs
        assert function.parameters == part.parameters
        assert function.weight_bytes == part.weight_bytes
    assert main.pixels == part.pixels
    assert ours.size_bytes > main.weight_bytes["float16"]
    assert not ours.findings


def test_rules_of_core_mls_inputs_are_silent(asset: Path) -> None:
    function = read(asset).function()

    def rules(kind: str, of: Function) -> set[str]:
        return {finding.rule for finding in findings(kind, of, cost(of), {}, None)}

    assert not rules("coreai", function)
    assert rules("mlprogram", function) == {"ops-before-first-layer"}
    labels = function.description.labels[1:]
    short = replace(function, description=replace(function.description, labels=labels))
    assert rules("coreai", short) == {"label-count"}


def test_layers_of_an_asset_are_compared_with_a_packages(asset: Path, package: Path) -> None:
    precise = diff(asset, package, precision="float32")
    names = [layer.name for layer in precise.layers]
    assert {"conv0", "conv0_relu6", "conv13_pointwise_relu6", "pool", "logits"} <= {*names}
    for layer in precise.layers:
        assert layer.name in (layer.reference_name, "mul", "add", "probabilities")
        assert layer.weights in (None, 0)
        assert layer.relative_l2 is not None
        assert layer.relative_l2 < 1e-5
    declared = diff(asset, package)
    assert declared.first_difference is None


def test_a_wrong_kernel_is_found(asset: Path, network: Checkpoint, tmp_path: Path) -> None:
    layer = network.layers["conv3_depthwise"]
    layers = network.layers | {"conv3_depthwise": replace(layer, kernel=layer.kernel[:, :, ::-1])}
    wrong = coreai_networks.classifier(
        tmp_path / "wrong.aimodel", replace(network, layers=layers), np.float16
    )
    assert diff(wrong, asset).first_difference == "conv3_depthwise"


def test_declared_values_are_apples(asset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    function, pictures = read(asset).function(), probe_pictures(32)[:1]
    (ours,) = of_package(asset, function, pictures, "float32")
    monkeypatch.delattr(PortableRuntime, "compile")
    (apples,) = of_package(asset, function, pictures, "declared")
    values = {(layer.name, layer.type): layer.value for layer in ours}
    assert {name for name, _ in values} - {layer.name for layer in apples} == TURNED
    for layer in apples:
        reference = values[layer.name, layer.type]
        distance = np.linalg.norm(layer.value.astype(np.float32) - reference)
        assert distance < ROUNDING * np.linalg.norm(reference), layer.name
    assert {layer.value.dtype.name for layer in apples} == {"float16", "float32"}


def test_the_commands_take_assets(
    asset: Path, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def output(*arguments: str) -> dict[str, object]:
        assert terminal.run(app, [*arguments, "--json"]) == 0
        printed: dict[str, object] = json.loads(capsys.readouterr().out)
        return printed

    assert output("inspect", str(asset))["kind"] == "coreai"
    assert output("diff", str(package), str(asset))["first_difference"] is None
    assert terminal.run(app, ["inspect", str(asset)]) == 0
    assert "coreai, specification 2: iOS 27 and later" in capsys.readouterr().out
