"""Core AI's graphs said in MIL: our runtime on what was read against Apple's on the asset."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coreai_networks
from export.compression.stored_weights import layers_of
from export.coreai.separate_process import CoreAIProcess
from export.inspect.input_scaling import input_scalings
from export.mil.cost import cost
from export.mil.description import ImageInput, TensorInput
from export.mil.read.model import read
from export.verify.agreement import logits_name, probe_pictures, relative_l2, run
from mobilenet import fold
from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import IMAGENET
from mobilenet.untrained import untrained

ca = pytest.importorskip(
    "coreai.authoring", reason="there is no wheel of coreai-core for this machine"
)
FLOAT32_LIMIT = 1e-5  # relative L2
Array = np.ndarray[Any, np.dtype[Any]]


@pytest.fixture(scope="module")
def process() -> Iterator[CoreAIProcess]:
    with CoreAIProcess() as started:
        yield started


@pytest.fixture(scope="module")
def network() -> Checkpoint:
    checkpoint = untrained(MobileNetConfig(0.25, 32, classes=10, shallow=True), seed=1)
    labels = tuple(f"class {number}" for number in range(10))
    return replace(checkpoint, labels=labels, normalization=IMAGENET)


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory, network: Checkpoint) -> Path:
    path = tmp_path_factory.mktemp("assets") / "network.aimodel"
    return coreai_networks.classifier(path, network)


def test_a_picture_is_what_core_ml_takes(asset: Path, network: Checkpoint) -> None:
    program = read(asset)
    assert program.kind == "coreai"
    assert program.default == "main"
    function = program.function()
    assert function.description.inputs == (ImageInput("image", 32, 32, "RGB"),)
    assert function.description.labels == network.labels
    assert logits_name(function) == "logits"
    (scaling,) = input_scalings(function)
    expected, _ = network.normalization.split()
    assert scaling.first is not None
    assert scaling.first.name == "conv0"
    assert np.allclose(scaling.scale, expected.scale)
    assert np.allclose(scaling.bias, expected.bias)
    pixels = program.function("pixels").description.inputs
    assert pixels == (TensorInput("image", (32, 32, 4), "uint8"),)


def test_layers_are_the_networks(asset: Path, network: Checkpoint) -> None:
    function = read(asset).function()
    folded = fold.fold_input_scaling(fold.fold(network))
    for name, layer in layers_of(function, network.config).items():
        assert np.array_equal(layer.kernel, folded.layers[name].kernel)
        assert np.array_equal(layer.bias, folded.layers[name].bias)
    rows = [name for row in network.config.rows() for name in row.operations]
    head = ["pool", "logits", "logits", "probabilities"]  # the second is a reshape
    assert [op.name for op in function.ops][3:] == [*rows, *head]
    costs = cost(function)
    assert costs.macs == network.config.cost().macs
    assert costs.parameters == sum(
        layer.kernel.size + layer.bias.size for layer in folded.layers.values()
    )


def test_our_runtime_agrees_with_apples(asset: Path, process: CoreAIProcess) -> None:
    process.load(asset, "pixels")
    for picture in probe_pictures(32):
        colors = np.asarray(picture)
        bgra = np.dstack([colors[..., ::-1], np.full((32, 32), 255, np.uint8)])
        apples = process.call({"image": bgra})
        for function, value in (("main", picture), ("pixels", bgra)):
            (ours,) = run(asset, [{"image": value}], function=function)
            for name, values in apples.items():
                assert relative_l2(ours[name], values) < FLOAT32_LIMIT
