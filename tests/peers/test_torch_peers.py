"""State dicts of v2, and of v1 with more: the peer's own file, and the peer's own logits."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from mobilenet.common.errors import CheckpointError
from mobilenet.common.size import Size
from mobilenet.overrides import Overrides
from mobilenet.preprocess import IMAGENET
from mobilenet.sources.recognise import read
from mobilenet.torch_module import from_checkpoint

Peer = Callable[[str], ModuleType]
Enliven = Callable[[nn.Module, torch.Tensor], None]
Save = Callable[[nn.Module, int, Path], None]

LIMIT = 1e-5  # relative L2 of logits
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def agrees(
    enliven: Enliven, rng: np.random.Generator, tmp_path: Path
) -> Callable[[nn.Module, int, Save], None]:
    """Enliven a peer's module, save it, read it, and compare."""

    def check(model: nn.Module, size: int, save: Save) -> None:
        x = torch.from_numpy(rng.uniform(-1, 1, (2, 3, size, size)).astype(np.float32))
        enliven(model, x)
        save(model, size, tmp_path)
        read_back = read(tmp_path, resolution=size)
        assert read_back.config.size == Size.square(size)
        with torch.no_grad():
            theirs = model(x)
            theirs = getattr(theirs, "logits", theirs)
            distance = (from_checkpoint(read_back)(x) - theirs).norm() / theirs.norm()
        assert np.ptp(theirs.numpy()) > 0.1, "the peer's network is dead"
        assert distance <= LIMIT

    return check


def as_pth(model: nn.Module, size: int, folder: Path) -> None:
    torch.save({"model": model.state_dict(), "epoch": 3}, folder / "x.pth")


def as_folder(model: nn.Module, size: int, folder: Path) -> None:
    """As transformers saves its own."""
    model.save_pretrained(folder)


Agrees = Callable[[nn.Module, int, Save], None]


@pytest.mark.parametrize(
    ("name", "size", "classes"),
    [
        ("mobilenetv1_100h", 96, 5),
        ("mobilenetv1_100", 97, 0),
        ("mobilenetv2_035", 96, 5),
        ("mobilenetv2_050", 96, 1000),
        ("mobilenetv2_100", 97, 5),
        ("mobilenetv2_140", 96, 0),
    ],
)
def test_timm(name: str, size: int, classes: int, peer: Peer, agrees: Agrees) -> None:
    agrees(peer("timm").create_model(name, num_classes=classes), size, as_pth)


@pytest.mark.parametrize("name", ["mobilenetv2_110d", "mobilenetv2_120d"])
def test_timm_with_other_repetitions_is_refused(name: str, peer: Peer, tmp_path: Path) -> None:
    as_pth(peer("timm").create_model(name), 0, tmp_path)
    with pytest.raises(CheckpointError, match="convolutions are in the file, MobileNet v2 has 52"):
        read(tmp_path)


def test_timm_says_how_v2_takes_pixels(peer: Peer, tmp_path: Path) -> None:
    model = peer("timm").create_model("mobilenetv2_100")
    data = peer("timm.data").resolve_data_config(model=model)
    as_pth(model, 224, tmp_path)
    read_back = read(tmp_path)
    assert read_back.normalization == IMAGENET
    assert (data["mean"], data["std"]) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert read_back.geometry.crop == data["crop_pct"]
    assert read_back.geometry.interpolation == data["interpolation"]


@pytest.mark.parametrize(("alpha", "size"), [(0.35, 96), (1.0, 97), (1.4, 96)])
def test_torchvision(alpha: float, size: int, peer: Peer, agrees: Agrees) -> None:
    agrees(peer("torchvision.models").mobilenet_v2(num_classes=5, width_mult=alpha), size, as_pth)


@pytest.mark.parametrize(
    ("alpha", "size", "fine"), [(0.35, 96, True), (1.4, 193, True), (0.5, 96, False)]
)
@pytest.mark.parametrize("tf_padding", [True, False])
def test_transformers(
    alpha: float, size: int, fine: bool, tf_padding: bool, peer: Peer, agrees: Agrees
) -> None:
    hub = peer("transformers")
    config = hub.MobileNetV2Config(
        depth_multiplier=alpha, image_size=size, num_labels=10, tf_padding=tf_padding,
        finegrained_output=fine,
    )  # fmt: skip
    model = hub.MobileNetV2ForImageClassification(config)
    agrees(model, size, as_folder)


@pytest.mark.parametrize(
    ("alpha", "size", "stride"), [(0.35, 65, 8), (0.35, 96, 16), (1.0, 65, 16), (0.5, 97, 32)]
)
@pytest.mark.parametrize("tf_padding", [True, False])
def test_transformers_that_segment(
    alpha: float, size: int, stride: int, tf_padding: bool, peer: Peer, agrees: Agrees
) -> None:
    hub = peer("transformers")
    config = hub.MobileNetV2Config(
        depth_multiplier=alpha, image_size=size, num_labels=7, tf_padding=tf_padding,
        output_stride=stride,
    )  # fmt: skip
    model = hub.MobileNetV2ForSemanticSegmentation(config)
    agrees(model, size, as_folder)


def test_the_names_of_others(
    peer: Peer, enliven: Enliven, rng: np.random.Generator, tmp_path: Path
) -> None:
    """A module as tutorials write v1: known by the shapes of its layers in order."""

    def unit(inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]

    blocks: list[nn.Module] = [nn.Sequential(*unit(3, 32, 3, 2, 1))]
    width = 32
    for outputs, stride in (
        (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5,
        (1024, 2), (1024, 1),
    ):  # fmt: skip
        depthwise = unit(width, width, 3, stride, width)
        blocks.append(nn.Sequential(*depthwise, *unit(width, outputs, 1, 1, 1)))
        width = outputs
    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 5))
    model = nn.Sequential(nn.Sequential(*blocks), *pooled)
    x = torch.from_numpy(rng.uniform(-1, 1, (2, 3, 65, 65)).astype(np.float32))
    enliven(model, x)
    torch.save(model.state_dict(), tmp_path / "x.pth")
    given = Overrides(
        padding="symmetric", epsilon=1e-5, activation="relu", mean=(0.5,), std=(0.5,)
    )
    read_back = read(tmp_path / "x.pth", overrides=given, resolution=65)
    with torch.no_grad():
        theirs = model(x)
        distance = (from_checkpoint(read_back)(x) - theirs).norm() / theirs.norm()
    assert distance <= LIMIT
