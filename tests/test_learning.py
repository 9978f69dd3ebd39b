"""Kernels learned from photographs: what they gain, along the rows of every network."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from export.compression.activations import Range, quantize_inputs, rounded, units
from export.compression.compressed_network import CompressedNetwork
from export.compression.forms import LayerForm
from export.compression.kernels import compressed
from export.compression.learning import learned_network, paired_networks
from export.compression.learning.learned_network import kept_bytes, learned
from export.compression.quantizer import Quantizer
from export.compression.ranges import least_error_quantizers
from made_detector import detector
from made_network import MadeConfig
from made_photographs import calibration_of
from made_segmenter import segmenter
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError
from mobilenet.fold import fold
from mobilenet.networks.classifier import Hidden
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.torch_module import MobileNet, from_checkpoint
from mobilenet.untrained import untrained

V1 = MobileNetConfig(0.25, 64, classes=9)
CONFIGS = {
    "v1": V1,
    "shallow": replace(V1, shallow=True),
    "a hidden layer": replace(V1, hidden=(Hidden(16, "relu6"),)),
    "a flat map": replace(V1, pool="flatten"),
    "sums": MobileNetV2Config(0.35, 64, classes=9),
    "dilation": MadeConfig(),
}


@pytest.fixture(scope="module", params=CONFIGS)
def folded(request: pytest.FixtureRequest) -> Checkpoint:
    return fold(untrained(CONFIGS[request.param], seed=1))


def form_of(folded: Checkpoint, method: str, least: int = 1000) -> dict[str, LayerForm]:
    """Of all layers but the first with so many weights."""
    first = next(iter(folded.layers))
    large = {name: x for name, x in folded.layers.items() if x.kernel.size > least}
    return {name: LayerForm(method) for name in large if name != first}


def nearest(folded: Checkpoint, forms: Mapping[str, LayerForm]) -> CompressedNetwork:
    """Each weight the nearest value of its form, with nothing learned."""
    kernels = {}
    for name, form in forms.items():
        kernel = folded.layers[name].kernel.astype(np.float16)
        shape = (*kernel.shape, *[1] * (4 - kernel.ndim))
        kernels[name] = compressed(kernel.reshape(shape), form.method, None)
    return CompressedNetwork.of(folded, kernels)


def loss(module: MobileNet, folded: Checkpoint) -> float:
    """Relative L2 on photographs held back."""
    photographs = calibration_of(folded)
    x = torch.from_numpy(photographs.inputs(photographs.held_back))
    expected = from_checkpoint(folded)(x)
    return float((module(x) - expected).norm() / expected.norm())


def test_learning_pays(folded: Checkpoint) -> None:
    forms = form_of(folded, "int4")
    network = learned(folded, forms, calibration_of(folded), dtype=np.float16)
    assert dict(network.forms) == forms
    before = loss(from_checkpoint(nearest(folded, forms).folded), folded)
    assert loss(from_checkpoint(network.folded), folded) < 0.95 * before


@pytest.mark.parametrize("method", ["palette4", "palette6", "int8", "prune50"])
def test_every_form_is_learned(method: str) -> None:
    folded = fold(untrained(CONFIGS["shallow"], seed=1))
    forms = form_of(folded, method)
    network = learned(folded, forms, calibration_of(folded), dtype=np.float16)
    assert dict(network.forms) == forms
    limits = {"palette4": 0.5, "palette6": 0.25, "int8": 0.1, "prune50": 0.8}
    assert loss(from_checkpoint(network.folded), folded) < limits[method]
    for name in forms:
        layer = network.folded.layers[name]
        assert np.array_equal(layer.kernel, layer.kernel.astype(np.float16)), name
        assert np.array_equal(layer.bias, layer.bias.astype(np.float16)), name


@pytest.mark.parametrize("network", ["detector", "segmenter"])
def test_heads_that_say_where_things_are(network: str) -> None:
    folded = fold(detector() if network == "detector" else segmenter("v2"))
    forms = form_of(folded, "int4", 2000)
    result = learned(folded, forms, calibration_of(folded), dtype=np.float16)
    before = loss(from_checkpoint(nearest(folded, forms).folded), folded)
    assert loss(from_checkpoint(result.folded), folded) < before


def test_the_same_photographs_give_the_same_numbers() -> None:
    folded = fold(untrained(V1, seed=1))
    forms, photographs = form_of(folded, "palette4"), calibration_of(folded)
    first, second = (learned(folded, forms, photographs, dtype=np.float16) for _ in range(2))
    for name in folded.layers:
        assert np.array_equal(first.folded.layers[name].kernel, second.folded.layers[name].kernel)
        assert np.array_equal(first.folded.layers[name].bias, second.folded.layers[name].bias)


def test_nothing_is_moved_before_the_first_layer_that_is_compressed() -> None:
    folded = fold(untrained(V1, seed=1))
    forms = {"conv5_pointwise": LayerForm("int4")}
    network = learned(folded, forms, calibration_of(folded), dtype=np.float16)
    names = list(folded.layers)
    at = names.index("conv5_pointwise")
    same = [np.array_equal(folded.layers[x].bias, network.folded.layers[x].bias) for x in names]
    assert all(same[:at])
    assert not any(same[at:])
    moved = (
        network.folded.layers["conv6_depthwise"].kernel - folded.layers["conv6_depthwise"].kernel
    )
    assert np.abs(moved).max() > 0.01 * np.abs(folded.layers["conv6_depthwise"].kernel).max()


def test_small_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    folded = fold(untrained(CONFIGS["shallow"], seed=1))
    forms, photographs = form_of(folded, "int8"), calibration_of(folded)
    at_once = learned(folded, forms, photographs, dtype=np.float32)
    monkeypatch.setattr("export.compression.learning.layer_samples.PART_BYTES", 1 << 20)
    in_parts = learned(folded, forms, photographs, dtype=np.float32)
    losses = [loss(from_checkpoint(x.folded), folded) for x in (at_once, in_parts)]
    assert losses[0] == pytest.approx(losses[1], rel=0.3)


def test_memory_bounds_how_many_photographs_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    folded = fold(untrained(V1, seed=1))
    seen = []
    real = paired_networks.PairedNetworks.__init__

    def watched(self: object, *arguments: object) -> None:
        seen.append(len(arguments[2]))
        real(self, *arguments)

    monkeypatch.setattr(paired_networks.PairedNetworks, "__init__", watched)
    # conv1_pointwise reads 8 maps of 32 x 32 and gives 16, in two networks and two bytes each
    assert kept_bytes(folded.config) == 4 * 24 * 32 * 32
    monkeypatch.setattr(learned_network, "MAPS_BYTES", 50 * kept_bytes(folded.config))
    learned(folded, form_of(folded, "int8"), calibration_of(folded), dtype=np.float16)
    assert seen == [50]


def test_inputs_that_are_rounded_are_learned_from() -> None:
    folded = fold(untrained(V1, seed=1))
    forms, photographs = form_of(folded, "int8", 0), calibration_of(folded)
    quantizers = {name: Quantizer(0.2) for name in forms}  # coarse: some 30 steps

    def rounding(network: CompressedNetwork) -> MobileNet:
        module = from_checkpoint(network.folded)
        quantize_inputs(module, quantizers)
        return module

    without = learned(folded, forms, photographs, dtype=np.float16)
    network = learned(folded, forms, photographs, dtype=np.float16, quantizers=quantizers)
    assert loss(rounding(network), folded) < loss(rounding(without), folded)


def test_ranges_of_the_least_error() -> None:
    """Behind ReLU, where a few values are far above all others."""
    folded = fold(untrained(replace(V1, activation="relu"), seed=1))
    photographs = calibration_of(folded)
    quantizers = least_error_quantizers(folded, photographs)
    assert list(quantizers) == list(folded.layers)[1:]
    inputs: dict[str, torch.Tensor] = {}
    module = from_checkpoint(folded)
    for name, unit in units(module):
        unit.register_forward_pre_hook(lambda _, x, name=name: inputs.update({name: x[0]}))
    module(torch.from_numpy(photographs.inputs(photographs.learned_from)))
    shares = []
    for name, quantizer in quantizers.items():
        x = inputs[name]
        extremes = Range(min(float(x.min()), 0.0), float(x.max())).quantizer()
        errors = [float(((rounded(x, q) - x) ** 2).mean()) for q in (quantizer, extremes)]
        shares.append(errors[0] / errors[1])
    assert max(shares) < 1.05  # counted in bins
    assert np.median(shares) < 0.95


@pytest.mark.parametrize(
    ("forms", "message"),
    [
        ({"conv99": LayerForm("int4")}, "conv99 is not of this network"),
        ({"conv0": LayerForm("int4")}, "conv0 reads pixels"),
        ({"conv5_pointwise": LayerForm("int4", 5)}, "groups of 5 do not divide 64"),
        ({"logits": LayerForm("sparse")}, "sparse of layer logits"),
    ],
    ids=["unknown", "pixels", "group", "method"],
)
def test_what_cannot_be_learned_is_refused(forms: Mapping[str, LayerForm], message: str) -> None:
    folded = fold(untrained(V1, seed=1))
    with pytest.raises(ConfigError, match=message):
        learned(folded, forms, calibration_of(folded), dtype=np.float16)
