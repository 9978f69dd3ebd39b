"""SSDLite's rows and priors: costs as published, boxes by a formula of their own."""

import itertools

import numpy as np
import pytest
import torch

from mobilenet.common.size import Size
from mobilenet.networks.ssdlite import Detection, priors
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained

SIDES = (19, 10, 5, 3, 2, 1)


def test_v2_costs_what_is_published() -> None:
    """4.475 million parameters: Open Model Zoo, ssdlite_mobilenet_v2."""
    cost = MobileNetV2Config(1.0, 300, head="ssdlite", classes=90).cost()
    assert cost.parameters == 4_475_167
    assert cost.macs == 749_503_856


@pytest.mark.parametrize("kind", [MobileNetConfig, MobileNetV2Config])
def test_it_looks_at_six_maps(kind: type) -> None:
    readout = kind(1.0, 300, head="ssdlite", classes=90).readout
    assert [each.size for each in readout.predictors] == [Size.square(side) for side in SIDES]
    assert [each.anchors for each in readout.predictors] == [3, 6, 6, 6, 6, 6]
    assert len(readout.kept) == 12


def test_v2_taps_an_expansion_before_it_is_filtered() -> None:
    rows = {row.name: row for row in MobileNetV2Config(1.0, 300, head="ssdlite").rows()}
    assert rows["boxes0_depthwise"].reads == "block13_expand"
    assert (rows["boxes0_depthwise"].in_channels, rows["boxes1_depthwise"].reads) == (
        576,
        "conv_last",
    )
    assert rows["scores5"].activation is None
    assert rows["scores5"].biased


def test_priors_are_those_of_the_generator() -> None:
    """create_ssd_anchors of multiple_grid_anchor_generator.py, in numpy."""
    scales = np.append(np.linspace(0.2, 0.95, 6), 1.0)
    expected = []
    for number, side in enumerate(SIDES):
        if number == 0:
            pairs = [(0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5)]
        else:
            pairs = [(scales[number], ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)]
            pairs.append((np.sqrt(scales[number] * scales[number + 1]), 1.0))
        for s, ratio in pairs:
            for y, x in itertools.product((np.arange(side) + 0.5) / side, repeat=2):
                expected.append((y, x, s / np.sqrt(ratio), s * np.sqrt(ratio)))
    boxes = np.array([*priors([Size.square(side) for side in SIDES], Detection())])
    assert boxes.shape == (1917, 4)
    np.testing.assert_allclose(boxes, expected, rtol=1e-12)


def test_the_module_gives_boxes_in_the_order_of_the_priors() -> None:
    made = untrained(MobileNetV2Config(0.35, 96, head="ssdlite", classes=3))
    module, x = from_checkpoint(made), torch.rand(1, 3, 96, 96)
    given = module(x)
    assert given.shape == (1, 3 * 36 + 6 * (9 + 4 + 1 + 1 + 1), 4 + 4)
    maps = dict.fromkeys(made.config.readout.kept)
    for name in maps:
        module.layers[name].register_forward_hook(
            lambda _module, _inputs, value, name=name: maps.__setitem__(name, value)
        )
    module(x)
    boxes, scores = maps["boxes1"], maps["scores1"]  # (1, 6 x 4, 3, 3), (1, 6 x 4, 3, 3)
    at = 3 * 36 + 4 * 9 + (2 * 3 + 1)  # the fifth shape, row 2, column 1
    torch.testing.assert_close(given[0, at, :4], boxes[0, 4::6, 2, 1])
    torch.testing.assert_close(given[0, at, 4:], scores[0, 4::6, 2, 1])
