"""Rows that read, add, dilate and clip otherwise than MobileNet v1's, through everything."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.runtimes.torch_runtime import TorchRuntime
from export import pipeline
from export.calibration_options import CalibrationOptions
from export.compression import activations, weights
from export.compression.stored_weights import layers_of
from export.mil.read.model import read
from export.spec import ExportSpec
from export.verify import intermediates
from export.verify.agreement import probe_pictures, relative_l2
from made_network import MadeConfig, by_hand
from made_photographs import folder_of
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError, PackageError
from mobilenet.common.size import Size
from mobilenet.fold import fold
from mobilenet.networks import families
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.row_builder import RowBuilder
from mobilenet.networks.rows import last_uses
from mobilenet.preprocess import IMAGENET
from mobilenet.torch_module import from_checkpoint, to_layers
from mobilenet.untrained import untrained
from programs import run_package

LIMIT = 1e-5
ARRAYS = ExportSpec(target="cpu", input="tensor", outputs="logits")  # float32
OLD = replace(ARRAYS, format="neuralnetwork", min_ios=14, target="all", precision="fp32")


@pytest.fixture(scope="module", autouse=True)
def registered() -> None:
    """The one line that a further network takes."""
    families.FAMILIES["made"] = MadeConfig
    yield
    del families.FAMILIES["made"]


@pytest.fixture(scope="module")
def made() -> Checkpoint:
    checkpoint = untrained(MadeConfig(), seed=5)
    return replace(checkpoint, normalization=IMAGENET, labels=tuple("abcdefg"))


@pytest.fixture(scope="module")
def x(made: Checkpoint) -> torch.Tensor:
    arrays = [made.normalization.apply(picture) for picture in probe_pictures(64)]
    return torch.from_numpy(np.concatenate(arrays))


def test_the_config_is_a_network(made: Checkpoint) -> None:
    assert isinstance(made.config, NetworkConfig)
    rows = {row.name: row for row in made.config.rows()}
    assert [row.kind for row in rows.values()][:4] == [
        "stem",
        "pointwise",
        "depthwise",
        "pointwise",
    ]
    assert rows["spread"].pads == (2, 2, 2, 2)
    assert rows["shrink"].pads == (0, 1, 0, 1)
    assert list(rows["project"].operations) == ["project", "project_add"]
    assert list(rows["joined"].operations) == ["joined", "joined_relu6", "joined_add"]


@pytest.mark.parametrize("folded", [False, True])
def test_every_value_of_the_module_is_the_formulas(
    made: Checkpoint, x: torch.Tensor, folded: bool
) -> None:
    values = by_hand(made, x)
    assert (values["project"] < 0).any(), "a residual sum may be negative, and is not clipped"
    checkpoint = fold(made) if folded else made
    module = from_checkpoint(checkpoint)
    seen = {}
    for name, unit in module.units():
        unit.register_forward_hook(lambda _m, _i, y, name=name: seen.update({name: y}))
    seen["logits"] = module(x)
    assert list(seen) == list(values)
    for name, value in values.items():
        error = relative_l2(seen[name].flatten(1).numpy(), value.flatten(1).numpy())
        assert error <= LIMIT, (name, error)


FAULTS = {
    "no addition": ("project", {"adds": None}),
    "clipped projection": ("project", {"activation": "relu6"}),
    "no dilation": ("spread", {"dilation": 1}),
    "epsilon of the others": ("side", {"epsilon": 1e-3}),
    "reads its predecessor": ("joined", {"reads": "side", "in_channels": 16}),
    "symmetric padding": ("shrink", {"padding": "symmetric"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_that_says_otherwise_is_another_network(
    made: Checkpoint, x: torch.Tensor, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, fields = FAULTS[fault]
    rows = tuple(row._replace(**fields) if row.name == at else row for row in made.config.rows())
    monkeypatch.setattr(MadeConfig, "rows", lambda _: rows)
    layers = dict(made.layers)
    if "in_channels" in fields:
        layers["joined"] = replace(
            layers["joined"], kernel=np.tile(layers["joined"].kernel, (1, 2, 1, 1))
        )
    logits = from_checkpoint(replace(made, layers=layers))(x).numpy()
    assert relative_l2(logits, by_hand(made, x)["logits"].numpy()) > 100 * LIMIT


@pytest.mark.parametrize("spec", [ARRAYS, OLD], ids=["mlprogram", "neuralnetwork"])
def test_a_package_computes_the_formula(
    made: Checkpoint, x: torch.Tensor, spec: ExportSpec, tmp_path: Path
) -> None:
    exported = pipeline.export(made, tmp_path, spec=spec)
    assert exported.verified is not None
    got = [run_package(exported.path, {"input": one.numpy()[None]}, "float32") for one in x]
    logits = np.concatenate([answer["logits"] for answer in got])
    assert relative_l2(logits, by_hand(made, x)["logits"].numpy()) <= LIMIT


@pytest.mark.parametrize("until", ["", "project", "stem"])
def test_features_of_a_row(made: Checkpoint, x: torch.Tensor, until: str, tmp_path: Path) -> None:
    spec = replace(ARRAYS, outputs="features", layer=until or None)
    exported = pipeline.export(made, tmp_path, spec=spec)
    got = run_package(exported.path, {"input": x[:1].numpy()}, "float32")["features"]
    value = by_hand(made, x[:1])[until or "last"].numpy()
    assert relative_l2(got.ravel(), (value if until else value.mean((2, 3))).ravel()) <= LIMIT


def test_a_classifier_of_pictures_passes_the_gates_and_runs_in_pytorch(
    made: Checkpoint, tmp_path: Path
) -> None:
    exported = pipeline.export(made, tmp_path)
    assert exported.metadata.config == made.config
    assert exported.metadata.macs == made.config.cost().macs
    runtime, picture = TorchRuntime(), probe_pictures(64)[1]
    session = runtime.load(runtime.compile(exported.path, tmp_path), "CPU")
    answer = session.predict({"image": picture})
    logits = by_hand(made, torch.from_numpy(made.normalization.apply(picture)))["logits"][0]
    probabilities = list(answer["classLabel_probs"].values())
    np.testing.assert_allclose(probabilities, logits.softmax(0), atol=2e-2)


def test_layers_of_package_and_checkpoint_are_called_the_same(
    made: Checkpoint, tmp_path: Path
) -> None:
    exported = pipeline.export(made, tmp_path, spec=ExportSpec(precision="fp32"))
    function, picture = read(exported.path).function(), probe_pictures(64)[0]
    (package,) = intermediates.of_package(exported.path, function, [picture], "float32")
    ours = {layer.name: layer for layer in package}
    theirs = intermediates.of_checkpoint(made, picture, image_input=True)
    assert {"project", "project_add", "side_relu", "joined_add"} <= {one.name for one in theirs}
    for layer in theirs:
        assert ours[layer.name].type == layer.type
        assert relative_l2(ours[layer.name].value.ravel(), layer.value.ravel()) <= LIMIT
        if layer.kernel is not None:
            np.testing.assert_allclose(
                ours[layer.name].kernel.ravel(), layer.kernel.ravel(), rtol=1e-6
            )


def test_cost_is_that_of_the_module(made: Checkpoint, x: torch.Tensor) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    module, cost = from_checkpoint(made), made.config.cost()
    with FlopCounterMode(display=False) as counter:
        module(x[:1])
    assert counter.get_total_flops() == 2 * cost.macs
    assert sum(p.numel() for p in module.parameters()) == cost.parameters_unfolded
    assert sum(p.numel() for p in from_checkpoint(fold(made)).parameters()) == cost.parameters


def test_means_of_linear_rows_and_of_sums(made: Checkpoint) -> None:
    means = weights.expected_values(made)
    stem, project = made.layers["stem"].norm, made.layers["project"].norm
    clipped = weights.expected_activation(stem, "relu6")
    np.testing.assert_allclose(means["project"], project.beta + clipped)
    joined = weights.expected_activation(made.layers["joined"].norm, "relu6")
    side = weights.expected_activation(made.layers["side"].norm, "relu")
    np.testing.assert_allclose(means["joined"], joined + side)
    np.testing.assert_allclose(means["last"], made.layers["last"].norm.beta)


def test_biases_make_up_for_the_mean_of_what_a_row_reads(made: Checkpoint) -> None:
    folded, means = fold(made), weights.expected_values(made)
    stored = {n: replace(x, kernel=x.kernel * np.float32(0.9)) for n, x in folded.layers.items()}
    corrected = weights.with_corrected_biases(made, folded, stored).layers
    assert np.array_equal(corrected["stem"].bias, folded.layers["stem"].bias)
    for name, read_by in {"side": "stem", "joined": "project", "logits": "last"}.items():
        layer = folded.layers[name]
        taps = layer.kernel.reshape(*layer.kernel.shape[:2], -1).sum(2, dtype=np.float64)
        shift = corrected[name].bias - layer.bias
        np.testing.assert_allclose(shift, 0.1 * taps @ means[read_by], rtol=1e-4, atol=1e-5)


def test_a_sum_without_batch_norm_has_no_mean_that_is_known(made: Checkpoint) -> None:
    layers = dict(made.layers)
    layers["stem"] = fold(made).layers["stem"]
    known = weights.expected_values(replace(made, layers=layers))
    assert set(known) == set(made.layers) - {"stem", "project", "logits"}


def test_eight_bits_for_values_below_zero(made: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for number, picture in enumerate(probe_pictures(64)):
        picture.save(tmp_path / "pictures" / f"{number}.png")
    quantizers = activations.calibrated(made, tmp_path / "pictures")
    assert set(quantizers) == set(made.layers) - {"stem"}
    bounded = {name for name, q in quantizers.items() if q == (6 / 255, 0)}
    assert bounded == {"expand", "spread", "project", "side", "last"}
    assert quantizers["joined"].zero_point > 0
    assert quantizers["shrink"].zero_point == 0
    spec = ExportSpec(compress="w8a8", min_ios=17)
    exported = pipeline.export(
        made,
        tmp_path / "out",
        spec=spec,
        calibration=CalibrationOptions(calibrate=folder_of(tmp_path / "photographs")),
    )
    assert exported.verified.loss < 0.3
    types = [op.type for op in read(exported.path).function().ops]
    assert types.count("quantize") == len(quantizers)


def test_our_file_keeps_the_network(made: Checkpoint, tmp_path: Path) -> None:
    store.save(made, tmp_path / "w.safetensors")
    back = store.load(tmp_path / "w.safetensors")
    assert back.config == made.config
    assert list(back.layers) == list(made.layers) == list(to_layers(from_checkpoint(made)))
    del families.FAMILIES["made"]
    try:
        with pytest.raises(CheckpointError, match="network 'made' is none of v1"):
            store.load(tmp_path / "w.safetensors")
    finally:
        families.FAMILIES["made"] = MadeConfig


def test_layers_of_another_network_are_named(made: Checkpoint, tmp_path: Path) -> None:
    path = pipeline.export(made, tmp_path, spec=ARRAYS, verify=False).path
    function = read(path).function()
    with pytest.raises(PackageError, match="has no layer logits"):
        layers_of(replace(function, ops=function.ops[:-1]), made.config)
    with pytest.raises(PackageError, match="has a layer logits, the network has none"):
        layers_of(function, made.config.as_features())
    with pytest.raises(
        PackageError,
        match=re.escape(
            "logits.weight of the package has shape (7, 32), this network needs (9, 32)"
        ),
    ):
        layers_of(function, made.config.with_classes(9))


def test_values_are_let_go_when_no_row_needs_them(made: Checkpoint) -> None:
    uses = last_uses(made.config.rows(), ["last"])
    assert uses["stem"] == ("",)
    assert uses["project"] == ("spread",)  # the stem is needed again, by the side way
    assert uses["side"] == ("stem",)
    assert sorted(uses["joined"]) == ["project", "side"]
    assert "last" not in {name for names in uses.values() for name in names}


def test_what_is_added_must_have_the_same_shape() -> None:
    network = RowBuilder(Size.square(32), "same", "relu6", 1e-3)
    network.add("stem", 8, kernel=3, stride=2)
    network.add("wide", 16)
    with pytest.raises(ValueError, match="more has 8 channels of 16 x 16, wide that it"):
        network.add("more", 8, adds="wide")
