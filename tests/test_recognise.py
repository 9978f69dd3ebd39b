"""Every family, written by hand and read back; and what a wrong trait would cost."""

import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import keras_networks
import slim_files
import weight_files
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.fold import fold
from mobilenet.labels import imagenet_labels
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.widths import WidthRule
from mobilenet.overrides import Overrides
from mobilenet.sources.recognise import read
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained
from tensorflow_graphs import FLOAT, Type, const, node

Write = Callable[[Checkpoint, Path], Path]
HALF = (1 / 127.5, -1.0)


@dataclass(frozen=True)
class Family:
    """A row of the table of families: what each one's own code does."""

    write: Write
    rule: WidthRule = "slim"
    padding: str = "same"
    epsilon: float = 1e-3
    relu6: bool = True
    pixel: tuple[float, float] = HALF  # scale and bias
    order: str = "RGB"
    interpolation: str = "bilinear"
    keeps_size: bool = True  # whether the file says its resolution
    classes: int = 1000


def _style(style: str) -> Write:
    return lambda checkpoint, folder: weight_files.keras(checkpoint, folder / "k.h5", style)


def _tgz(checkpoint: Checkpoint, folder: Path) -> Path:
    slim_files.slim(checkpoint, folder / "mobilenet_v1_0.25_96_frozen.pb")
    with tarfile.open(folder / "release.tgz", "w:gz") as archive:
        (folder / "other.txt").write_text("not weights")
        archive.add(folder / "other.txt", "./other.txt")
        archive.add(folder / "mobilenet_v1_0.25_96_frozen.pb", "./x_frozen.pb")
    return folder / "release.tgz"


TIMM = {"rule": "timm", "padding": "symmetric", "epsilon": 1e-5, "interpolation": "bicubic"}
KERAS = {"rule": "keras", "padding": "keras"}
FAMILIES = {
    "slim": Family(lambda c, d: slim_files.slim(c, d / "x"), classes=1001),
    "slim-fused": Family(lambda c, d: slim_files.slim(c, d / "x", fused=True), classes=1001),
    "slim-tgz": Family(_tgz, classes=1001),
    "keras2": Family(_style("keras2"), **KERAS, keeps_size=False),
    "keras3": Family(lambda c, d: keras_networks.whole(c, d / "k.h5"), **KERAS),
    "keras": Family(lambda c, d: keras_networks.whole(c, d / "k.keras", "keras"), **KERAS),
    "weights.h5": Family(_style("weights.h5"), **KERAS, keeps_size=False),
    "timm": Family(lambda c, d: weight_files.timm(c, d / "x"), **TIMM, keeps_size=False),
    "timm-pth": Family(lambda c, d: weight_files.timm_pth(c, d / "x"), **TIMM, keeps_size=False),
    "transformers": Family(lambda c, d: weight_files.transformers(c, d / "x"), classes=1001),
    "caffe": Family(
        lambda c, d: weight_files.caffe(c, d / "x"),
        rule="keras", padding="symmetric", epsilon=1e-5, relu6=False,
        pixel=(0.017, 0.0), order="BGR",
    ),
}  # fmt: skip


@cache
def made(rule: WidthRule, classes: int, shallow: bool = False, alpha: float = 0.25) -> Checkpoint:
    return untrained(MobileNetConfig(alpha, 96, shallow, classes, width_rule=rule), seed=3)


def logits(checkpoint: Checkpoint, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return from_checkpoint(checkpoint)(torch.from_numpy(x)).numpy()


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-1, 1, (1, 3, 75, 75)).astype(np.float32)  # odd: paddings differ most


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shallow", [False, True], ids=["full", "shallow"])
def test_family_computes_what_its_own_code_would(
    name: str, shallow: bool, tmp_path: Path, x: np.ndarray
) -> None:
    family = FAMILIES[name]
    original = made(family.rule, family.classes, shallow)
    found = read(family.write(original, tmp_path))

    own = weight_files.plain_forward(
        original, x, padding=family.padding, epsilon=family.epsilon,
        activation=F.relu6 if family.relu6 else F.relu,
    )  # fmt: skip
    np.testing.assert_allclose(logits(found, x), own, atol=1e-4, rtol=1e-5)
    np.testing.assert_allclose(logits(fold(found), x), own, atol=2e-4, rtol=1e-5)
    assert (found.config.alpha, found.config.shallow) == (0.25, shallow)
    assert found.config.resolution == (96 if family.keeps_size else 224)
    assert found.labels[-1000:] == imagenet_labels()
    assert found.provenance.trained


@pytest.mark.parametrize(
    ("wrong", "least"),
    [({"bn_epsilon": 1e-5}, 1e-3), ({"padding": "symmetric"}, 0.1), ({"activation": "relu"}, 0.1)],
    ids=["epsilon", "padding", "activation"],
)
def test_a_wrong_trait_would_not_pass(
    wrong: dict[str, object], least: float, tmp_path: Path, rng: np.random.Generator
) -> None:
    x = rng.uniform(-1, 1, (2, 3, 96, 96)).astype(np.float32)
    original = made("slim", 1001)
    right = weight_files.plain_forward(
        original, x, padding="same", epsilon=1e-3, activation=F.relu6
    )
    found = read(FAMILIES["slim"].write(original, tmp_path))
    deviation = np.abs(
        logits(replace(found, config=replace(found.config, **wrong)), x) - right
    ).max()
    assert deviation > least > 5e-4


@pytest.mark.parametrize("name", FAMILIES)
def test_pixels_reach_the_network_as_in_training(
    name: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    family = FAMILIES[name]
    found = read(family.write(made(family.rule, family.classes), tmp_path))
    picture = rng.integers(0, 256, (5, 5, 3), np.uint8)
    scale, bias = family.pixel
    if family.order == "BGR":
        expected = (picture[..., ::-1] - np.array([103.94, 116.78, 123.68])) * scale
    else:
        expected = picture * scale + bias
    seen = found.normalization.apply(Image.fromarray(picture))[0].transpose(1, 2, 0)
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    assert found.geometry.interpolation == family.interpolation
    assert found.geometry.crop == 0.875


@pytest.mark.parametrize(
    ("name", "alpha"),
    [("slim", 0.35), ("keras2", 0.35), ("timm", 0.35), ("timm", 1.25), ("caffe", 0.6)],
)
def test_odd_alphas_are_found_from_the_shapes(name: str, alpha: float, tmp_path: Path) -> None:
    family = FAMILIES[name]
    found = read(family.write(made(family.rule, 7, True, alpha), tmp_path))
    assert (found.config.alpha, found.config.classes, found.labels) == (alpha, 7, ())


@pytest.mark.parametrize(("kind", "atol"), [("float32", 1e-4), ("float16", 0.2), ("uint8", None)])
def test_tflite(kind: str, atol: float | None, tmp_path: Path, x: np.ndarray) -> None:
    original = fold(made("slim", 1001))
    found = read(weight_files.tflite(original, tmp_path / "x", kind))
    assert found.folded
    assert found.config == original.config
    assert found.normalization.bias == (-1.0, -1.0, -1.0)
    assert found.normalization.scale[0] == (1 / 128 if kind == "uint8" else 1 / 127.5)
    if atol is not None:
        own = weight_files.plain_forward(
            original, x, padding="same", epsilon=0, activation=F.relu6
        )
        np.testing.assert_allclose(logits(found, x), own, atol=atol)
    for name, layer in original.layers.items():
        span = np.ptp(np.append(layer.kernel, 0)) if kind == "uint8" else 0.0
        np.testing.assert_allclose(
            found.layers[name].kernel, layer.kernel, atol=0.51 * span / 255 + 1e-6, rtol=1e-3
        )


def test_own_state_dict_and_own_safetensors(tmp_path: Path, x: np.ndarray) -> None:
    original = made("slim", 1000, True)
    torch.save(from_checkpoint(original).state_dict(), tmp_path / "a")
    store.save(original, tmp_path / "b")
    given = Overrides(
        padding="same", epsilon=1e-3, activation="relu6", scale=(1 / 127.5,), bias=(-1.0,)
    )
    for name in "ab":
        found = read(tmp_path / name, overrides=given, resolution=96)
        assert found.config == original.config
        np.testing.assert_array_equal(logits(found, x), logits(original, x))
    assert not read(tmp_path / "b").provenance.trained


def test_timm_json_beside_the_file_decides(tmp_path: Path) -> None:
    weight_files.timm(made("timm", 1000), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(
        '{"architecture": "mobilenetv1_100", "pretrained_cfg": {"input_size": [3, 256, 192],'
        ' "interpolation": "bilinear", "crop_pct": 0.95, "mean": [0.1, 0.2, 0.3],'
        ' "std": [1, 1, 1], "more": null}}'
    )
    found = read(tmp_path)
    assert found.config.size == (256, 192)
    assert (found.geometry.crop, found.geometry.interpolation) == (0.95, "bilinear")
    assert found.normalization.bias == (-0.1, -0.2, -0.3)


def test_transformers_json_decides(tmp_path: Path) -> None:
    labels = {str(index): f"thing {index % 2}" for index in range(3)}
    original = made("slim", 3)
    folder = weight_files.transformers(
        original, tmp_path / "a", tf_padding=False, hidden_act="relu", id2label=labels
    )
    found = read(folder)
    assert (found.config.padding, found.config.activation) == ("symmetric", "relu")
    assert found.labels == ("thing 0", "thing 1", "thing 0 (2)")


def test_a_head_behind_a_graph_is_the_networks_unless_another_end_is_asked_for(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    """A retrained graph: a new matrix on the old logits (tensorflow/hub, retrain.py)."""
    kernel = rng.standard_normal((1001, 2)).astype(np.float32)
    tail = b"".join(
        [
            const("final/weights", kernel),
            node("final/MatMul", "MatMul", slim_files.ENDS, "final/weights", T=Type(FLOAT)),
            node("final_result", "Softmax", "final/MatMul", T=Type(FLOAT)),
        ]
    )
    original = made("slim", 1001)
    path = slim_files.slim(original, tmp_path / "x", tail=tail)
    retrained, whole = read(path), read(path, slim_files.ENDS)
    assert (retrained.config.classes, retrained.labels) == (2, ())
    assert (whole.config.classes, whole.labels[1]) == (1001, "tench")
    x = rng.uniform(-1, 1, (1, 3, 96, 96)).astype(np.float32)
    np.testing.assert_allclose(logits(whole, x), logits(original, x), atol=1e-4)
    np.testing.assert_allclose(logits(retrained, x), logits(original, x) @ kernel, atol=1e-2)


def test_real_slim_and_keras_against_their_makers(real_weights: Path) -> None:
    x = np.load(real_weights / "reference/inputs_nhwc_u8.npz")["x"]
    x = (x / 127.5 - 1).astype(np.float32).transpose(0, 3, 1, 2).copy()
    for file, end, reference in (
        (
            "google_slim_1.0_224_frozen.pb", slim_files.ENDS,
            "google_slim_1.0_224_logits_1001.npy",
        ),
        ("keras_0.25_224.h5", "", "keras_0.25_224_logits_1000.npy"),
    ):  # fmt: skip
        found = read(real_weights / file, end)
        theirs = np.load(real_weights / "reference" / reference)
        np.testing.assert_allclose(logits(found, x), theirs, atol=1e-4)
        np.testing.assert_allclose(logits(fold(found), x), theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("which", "bound"), [("0.25_128", 0.3), ("0.5_160", 0.1), ("0.75_192", 0.05)]
)
def test_real_quantised_against_the_quantised_network(
    real_weights: Path, which: str, bound: float
) -> None:
    found = read(real_weights / f"mobilenet_v1_{which}_quant.tflite")
    reference = np.load(real_weights / f"reference/quant_{which}.npz")
    x = reference["x"].astype(np.float32) / 128 - 1
    ours = torch.softmax(
        torch.from_numpy(logits(found, x.transpose(0, 3, 1, 2).copy())), 1
    ).numpy()
    theirs = reference["probs_u8"] / 256
    assert (ours.argmax(1) == theirs.argmax(1)).all()
    assert np.abs(ours - theirs).max() < bound
    assert found.config == replace(
        found.config, alpha=float(which[:-4]), resolution=int(which[-3:]), classes=1001
    )
