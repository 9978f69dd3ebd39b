"""Each family's loader against the program that wrote the format: their file, their logits."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

import weight_files
from mobilenet.checkpoint import Checkpoint
from mobilenet.fold import fold
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import Geometry
from mobilenet.sources.recognise import read
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained

Peer = Callable[[str], ModuleType]
Enliven = Callable[[torch.nn.Module, torch.Tensor], None]

PHOTO = Path(__file__).parents[1] / "data" / "chelsea.jpg"
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

SHAPES = [(0.35, 96, False), (1.25, 75, False), (0.25, 97, True), (0.5, 64, True)]
shapes = pytest.mark.parametrize(("alpha", "size", "shallow"), SHAPES)


def images(rng: np.random.Generator, size: int) -> torch.Tensor:
    return torch.from_numpy(rng.uniform(-1, 1, (2, 3, size, size)).astype(np.float32))


def agree(found: Checkpoint, x: torch.Tensor, theirs: np.ndarray, atol: float = 1e-4) -> None:
    """Logits within `atol` as they are, and within five times that folded.

    Folding rounds every weight anew, which these random networks amplify more than trained ones.
    """
    assert np.ptp(theirs) > 0.5, "the peer's network is dead"
    with torch.no_grad():
        for checkpoint, bound in ((found, atol), (fold(found), 5 * atol)):
            ours = from_checkpoint(checkpoint)(x).numpy()
            np.testing.assert_allclose(ours, theirs, atol=bound, rtol=0)


@shapes
@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_timm(
    kind: str, alpha: float, size: int, shallow: bool,
    peer: Peer, enliven: Enliven, rng: np.random.Generator, tmp_path: Path,
) -> None:  # fmt: skip
    make = peer("timm.models.efficientnet")._gen_mobilenet_v1
    model = make("mobilenetv1_100", channel_multiplier=alpha, num_classes=10)
    if shallow:
        model.blocks[3] = model.blocks[3][:1]
    x = images(rng, size)
    enliven(model, x)
    if kind == "pth":
        torch.save(model.state_dict(), tmp_path / "x")
    else:
        peer("safetensors.torch").save_file(model.state_dict(), tmp_path / "x")
    found = read(tmp_path / "x")
    assert (found.config.shallow, found.config.classes) == (shallow, 10)
    with torch.no_grad():
        agree(found, x, model(x).numpy())


def test_timm_prepares_images_alike(peer: Peer, tmp_path: Path) -> None:
    model = peer("timm").create_model("mobilenetv1_125")
    data = peer("timm.data")
    theirs = data.create_transform(**data.resolve_data_config(model=model))
    peer("safetensors.torch").save_file(model.state_dict(), tmp_path / "x")
    found = read(tmp_path / "x")
    picture = Image.open(PHOTO)
    ours = found.normalization.apply(found.geometry.apply(picture, 224))
    np.testing.assert_allclose(ours[0], theirs(picture).numpy(), atol=2.1 / 255)


@pytest.mark.parametrize("size", [(64, 96), (160, 96), (200, 224)])
def test_timm_covers_oblong_inputs_alike(size: tuple[int, int], peer: Peer) -> None:
    theirs = peer("timm.data").create_transform(
        (3, *size), interpolation="bicubic", mean=(0, 0, 0), std=(1, 1, 1), crop_pct=0.875
    )
    picture = Image.open(PHOTO)
    ours = Geometry(0.875, "bicubic").apply(picture, size)
    np.testing.assert_array_equal(np.asarray(ours).transpose(2, 0, 1), 255 * theirs(picture))


@shapes
@pytest.mark.parametrize("tf_padding", [True, False])
def test_transformers(
    tf_padding: bool, alpha: float, size: int, shallow: bool,
    peer: Peer, enliven: Enliven, rng: np.random.Generator, tmp_path: Path,
) -> None:  # fmt: skip
    hub = peer("transformers")
    config = hub.MobileNetV1Config(
        depth_multiplier=alpha, image_size=size, num_labels=10, tf_padding=tf_padding
    )
    model = hub.MobileNetV1ForImageClassification(config)
    if shallow:
        layers = model.mobilenet_v1.layer
        model.mobilenet_v1.layer = torch.nn.ModuleList([*layers[:12], *layers[22:]])
    x = images(rng, size)
    enliven(model, x)
    model.save_pretrained(tmp_path)
    found = read(tmp_path)
    assert (found.config.resolution, found.config.classes, found.labels) == (size, 10, ())
    with torch.no_grad():
        agree(found, x, model(x).logits.numpy())


@pytest.mark.parametrize(("alpha", "size", "shallow"), [s for s in SHAPES if not s[2]])
@pytest.mark.parametrize("file", ["x.weights.h5", "x.h5", "x.keras"])
def test_keras(
    file: str, alpha: float, size: int, shallow: bool,
    peer: Peer, rng: np.random.Generator, tmp_path: Path,
) -> None:  # fmt: skip
    keras = peer("keras")
    model = keras.applications.MobileNet(
        (size, size, 3), alpha, weights=None, classes=10, classifier_activation=None
    )
    x = images(rng, size)
    channels_last = x.permute(0, 2, 3, 1).numpy()
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(1, 3, layer.gamma.shape))
            layer.beta.assign(rng.normal(1, 1, layer.beta.shape))
            layer.momentum = 0.0
    model(channels_last, training=True)
    save = model.save_weights if file == "x.weights.h5" else model.save
    save(tmp_path / file)
    found = read(tmp_path / file)
    assert found.config.resolution == (224 if file == "x.weights.h5" else size)
    agree(found, x, model.predict(channels_last, verbose=0))


def test_keras_on_the_published_file(
    peer: Peer, real_weights: Path, rng: np.random.Generator
) -> None:
    keras = peer("keras")
    path = real_weights / "keras_0.25_224.h5"
    model = keras.applications.MobileNet(
        (224, 224, 3), 0.25, weights=None, classifier_activation=None
    )
    model.load_weights(path)
    pixels = rng.integers(0, 256, (2, 224, 224, 3), np.uint8)
    prepared = keras.applications.mobilenet.preprocess_input(pixels.astype(np.float32))
    found = read(path)
    scale, bias = found.normalization.scale[0], found.normalization.bias[0]
    np.testing.assert_allclose(pixels * scale + bias, prepared, atol=1e-6)
    x = torch.from_numpy(prepared.transpose(0, 3, 1, 2).copy())
    agree(found, x, model.predict(prepared, verbose=0))


@shapes
def test_caffe_in_opencv(
    alpha: float, size: int, shallow: bool,
    peer: Peer, rng: np.random.Generator, tmp_path: Path,
) -> None:  # fmt: skip
    cv2 = peer("cv2")
    original = untrained(
        MobileNetConfig(
            alpha,
            size,
            shallow,
            10,
            activation="relu",
            padding="symmetric",
            bn_epsilon=1e-5,
            width_rule="keras",
        )
    )
    path = weight_files.caffe(original, tmp_path / "x.caffemodel")
    (tmp_path / "x.prototxt").write_text(weight_files.prototxt(original))
    network = cv2.dnn.readNetFromCaffe(str(tmp_path / "x.prototxt"), str(path))
    x = images(rng, size)
    network.setInput(x.numpy())
    theirs = network.forward().reshape(2, -1)
    found = read(path)
    assert found.config.activation == "relu"
    # without a clip the numbers grow: the bound is relative to the largest
    agree(found, x, theirs, atol=1e-5 * max(10.0, np.abs(theirs).max()))
