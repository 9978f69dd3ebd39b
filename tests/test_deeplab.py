"""DeepLab's rows: costs as published, strides that become dilation, the head written out."""

import pytest
import torch
import torch.nn.functional as F

from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained

SMALL = MobileNetV2Config(0.35, 65, head="deeplab", classes=5, output_stride=16)


@pytest.mark.parametrize(
    ("stride", "size", "millions"), [(16, 513, 2741), (8, 513, 8826), (16, 257, 720)]
)
def test_it_costs_what_is_published(stride: int, size: int, millions: int) -> None:
    config = MobileNetV2Config(1.0, size, head="deeplab", classes=21, output_stride=stride)
    assert round(config.cost().macs / 1e6) == millions
    assert len(config.rows()) == 55


@pytest.mark.parametrize(("stride", "first", "side"), [(16, 14, 33), (8, 7, 65)])
def test_what_lies_behind_a_left_out_stride_is_dilated(stride: int, first: int, side: int) -> None:
    config = MobileNetV2Config(1.0, 513, head="deeplab", classes=21, output_stride=stride)
    dilations = {row.name: row.dilation for row in config.rows() if row.dilation > 1}
    expected = {f"block{n}_depthwise": 2 for n in range(first, 17)}
    if stride == 8:
        expected |= {f"block{n}_depthwise": 4 for n in range(14, 17)}
    assert dilations == expected
    assert config.readout.size == (side, side)


def test_it_stands_on_v1_too() -> None:
    rows = MobileNetConfig(0.5, 65, head="deeplab", classes=3, output_stride=16).rows()
    assert [row.name for row in rows[-4:]] == [
        "image_pooling", "aspp0", "concat_projection", "class_scores",
    ]  # fmt: skip
    assert rows[-4].reads == "conv13_pointwise"


def test_names_say_what_it_is() -> None:
    assert SMALL.slug == "DeepLabV2_035_65_os16"
    assert SMALL.title == "MobileNet v2, alpha 0.35, 65 x 65, output stride 16, DeepLab, 5 classes"


@pytest.fixture(scope="module", params=[65, 64])
def made(request: pytest.FixtureRequest) -> Checkpoint:
    return untrained(SMALL.at(request.param))


def test_the_head_is_computed_as_by_hand(made: Checkpoint) -> None:
    """In the order of research/deeplab/model.py: the pooled branch first, ReLU, epsilon 1e-5."""
    side = made.config.resolution
    x = torch.rand(2, 3, side, side) * 2 - 1
    features = from_checkpoint(made.as_features("block16_project"))(x)

    def unit(x: torch.Tensor, name: str) -> torch.Tensor:
        layer = made.layers[name]
        x = F.conv2d(x, torch.from_numpy(layer.kernel))
        norm = layer.norm
        vectors = (torch.from_numpy(v) for v in (norm.mean, norm.variance, norm.gamma, norm.beta))
        return F.relu(F.batch_norm(x, *vectors, eps=1e-5))

    pooled = unit(features.mean((2, 3), keepdim=True), "image_pooling")
    pooled = F.interpolate(pooled, features.shape[2:], mode="bilinear", align_corners=True)
    joined = unit(torch.cat([pooled, unit(features, "aspp0")], 1), "concat_projection")
    last = made.layers["class_scores"]
    expected = F.conv2d(joined, torch.from_numpy(last.kernel), torch.from_numpy(last.bias))
    torch.testing.assert_close(from_checkpoint(made)(x), expected, rtol=1e-4, atol=1e-4)


def test_parameters_are_those_of_the_module(made: Checkpoint) -> None:
    count = sum(p.numel() for p in from_checkpoint(made).parameters())
    assert count == made.config.cost().parameters_unfolded
