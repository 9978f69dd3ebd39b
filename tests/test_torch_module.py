"""The network, its folding, its file, and a seeded network that is alive."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from mobilenet import store
from mobilenet.checkpoint import BatchNorm, Checkpoint, Layer
from mobilenet.common.errors import CheckpointError
from mobilenet.fold import fold, fold_layer
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.torch_module import MobileNet, from_checkpoint, to_layers
from mobilenet.untrained import untrained


def logits(checkpoint: Checkpoint, x: torch.Tensor) -> np.ndarray:
    return from_checkpoint(checkpoint)(x).numpy()


@pytest.fixture
def x(rng: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(rng.uniform(-1, 1, (2, 3, 96, 96)).astype(np.float32))


def test_folding_keeps_the_function_and_is_idempotent(hot: Checkpoint, x: torch.Tensor) -> None:
    folded = fold(hot)
    assert folded.folded
    assert not hot.folded
    modules = (from_checkpoint(hot).double(), from_checkpoint(folded).double())
    a, b = (module(x.double()).numpy() for module in modules)
    assert np.linalg.norm(a - b) / np.linalg.norm(a) < 1e-6
    again = fold(folded)
    assert all(again.layers[n] is folded.layers[n] for n in folded.layers)


def test_folding_is_exact_to_float32_rounding_at_variances_of_1e_35() -> None:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    variance = np.array([3.9e-35, 1e-7, 0.5, 900] * 100, np.float32)
    layer = Layer(draw(400, 3, 3, 3), norm=BatchNorm(draw(400), draw(400), draw(400), variance))
    folded = fold_layer(layer, 1e-3)
    scale = layer.norm.gamma.astype(np.longdouble) / np.sqrt(variance.astype(np.longdouble) + 1e-3)
    exact = layer.kernel.astype(np.longdouble) * scale[:, None, None, None]
    np.testing.assert_array_max_ulp(folded.kernel, exact.astype(np.float32), 1)
    bias = layer.norm.beta - layer.norm.mean * scale
    np.testing.assert_allclose(folded.bias, bias.astype(np.float64), rtol=6e-8)


def test_module_and_layers_are_inverse(hot: Checkpoint) -> None:
    layers = to_layers(from_checkpoint(hot))
    assert list(layers) == list(hot.layers)
    assert all((layers[n].kernel == hot.layers[n].kernel).all() for n in layers)


@pytest.mark.parametrize("folded", [False, True])
def test_our_file_keeps_everything(hot: Checkpoint, tmp_path: Path, folded: bool) -> None:
    checkpoint = fold(hot) if folded else hot
    store.save(checkpoint, tmp_path / "w.safetensors")
    back = store.load(tmp_path / "w.safetensors")
    assert (back.config, back.labels, back.provenance) == (hot.config, hot.labels, hot.provenance)
    assert list(back.layers) == list(hot.layers)  # the file has them by name: conv10 before conv2
    assert (back.normalization, back.geometry) == (hot.normalization, hot.geometry)
    theirs, ours = store.state_arrays(back), store.state_arrays(checkpoint)
    assert theirs.keys() == ours.keys()
    assert all(np.array_equal(theirs[k], ours[k]) for k in ours)
    module = MobileNet(hot.config, folded=folded)
    state = safetensors.torch.load_file(tmp_path / "w.safetensors")
    assert not module.load_state_dict(state).missing_keys


@pytest.mark.parametrize(
    "config", [MobileNetConfig(0.25, 64), MobileNetConfig(0.5, 97, shallow=True)]
)
def test_untrained_networks_are_alive_and_repeatable(config: MobileNetConfig) -> None:
    checkpoint = untrained(config, seed=3)
    assert not checkpoint.provenance.trained
    again = store.state_arrays(untrained(config, seed=3))
    assert all(np.array_equal(a, again[k]) for k, a in store.state_arrays(checkpoint).items())
    y = torch.rand(4, 3, config.resolution, config.resolution) * 2 - 1
    for name, unit in from_checkpoint(checkpoint).layers.items():
        y = unit(y)
        assert torch.isfinite(y).all(), name
        assert 0.05 < (y > 0).float().mean() < 0.98, name  # neither dead nor linear
        assert y.std() > 0.1, name
        assert (y == 6).any(), name  # the upper clip is reached


def changed(hot: Checkpoint, name: str, **fields: object) -> dict[str, Layer]:
    return {**hot.layers, name: replace(hot.layers[name], **fields)}


def test_a_checkpoint_that_does_not_fit_names_the_tensor(hot: Checkpoint) -> None:
    kernel = hot.layers["conv3_pointwise"].kernel
    nan = kernel.copy()
    nan[1, 2] = np.nan
    norm = hot.layers["conv0"].norm
    negative = replace(norm, variance=-norm.variance)
    cases = [
        (
            {k: v for k, v in hot.layers.items() if k != "conv5_depthwise"},
            "conv5_depthwise is missing",
        ),
        ({**hot.layers, "conv99": hot.layers["conv0"]}, "conv99 does not belong"),
        (
            changed(hot, "conv3_pointwise", kernel=kernel[:, :-1]),
            "conv3_pointwise.kernel has shape",
        ),
        (changed(hot, "conv3_pointwise", kernel=nan), "conv3_pointwise.kernel holds nan"),
        (changed(hot, "conv0", norm=negative), "conv0.variance has a negative"),
        (changed(hot, "conv0", norm=None), "conv0 must have either"),
        (changed(hot, "logits", bias=None), "logits must have a bias"),
    ]
    for layers, message in cases:
        with pytest.raises(CheckpointError, match=message):
            replace(hot, layers=layers)
    with pytest.raises(CheckpointError, match="3 labels for 1000"):
        replace(hot, labels=("a", "b", "c"))


def test_dropping_the_background_keeps_the_other_logits(hot: Checkpoint, x: torch.Tensor) -> None:
    shorter = logits(hot.without_background(), x)
    np.testing.assert_allclose(shorter, logits(hot, x)[:, 1:], atol=1e-5)
    assert hot.without_background().labels == hot.labels[1:]


def test_a_checkpoint_is_always_the_same_bytes(hot: Checkpoint, tmp_path: Path) -> None:
    path, written = tmp_path / "w.safetensors", set()
    for _ in range(8):  # the library's own order of metadata is another one each time
        store.save(hot, path)
        written.add(path.read_bytes())
    assert len(written) == 1
    assert safetensors.torch.load_file(path)["layers.conv0.norm.weight"].shape == (8,)
    with safetensors.safe_open(path, "pt") as file:
        assert file.metadata()["format"] == "pt"


def test_a_file_of_somebody_else_or_cut_short_is_refused(hot: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    store.save(hot, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"w\.safetensors cannot be read"):
        store.load(path)
    safetensors.torch.save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="no metadata of ours"):
        store.load(path)


def test_a_file_of_a_newer_version_is_refused(
    hot: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = store.SCHEMA + 1
    with monkeypatch.context() as patch:
        patch.setattr(store, "SCHEMA", newer)
        store.save(hot, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match=f"has schema {newer}"):
        store.load(tmp_path / "w.safetensors")


def test_a_module_owns_its_numbers(hot: Checkpoint) -> None:
    """Training one changes neither the checkpoint nor any other module made from it."""
    before = {name: layer.kernel.copy() for name, layer in hot.layers.items()}
    trained, other = from_checkpoint(hot), from_checkpoint(hot)
    for parameter in trained.parameters():
        parameter.mul_(0)
    after = to_layers(other)
    for name, kernel in before.items():
        assert np.array_equal(hot.layers[name].kernel, kernel), name
        assert np.array_equal(after[name].kernel, kernel), name
