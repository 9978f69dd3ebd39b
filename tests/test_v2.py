"""MobileNet v2's rows: costs as published, residuals by shape, widths by each publisher's rule."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.networks.widths import V2_RULES
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained

# tensorflow/models, research/slim/nets/mobilenet/README.md: millions of MACs at 224
PUBLISHED_MACS = {1.4: 582, 1.3: 509, 1.0: 300, 0.75: 209, 0.5: 97, 0.35: 59}
SMALLER_MACS = {192: 221, 160: 154, 128: 99, 96: 56}  # of alpha 1


@pytest.mark.parametrize(("alpha", "millions"), PUBLISHED_MACS.items())
def test_it_costs_what_its_authors_say(alpha: float, millions: int) -> None:
    macs = MobileNetV2Config(alpha, classes=1001).cost().macs
    assert abs(macs / 1e6 - millions) < 1


@pytest.mark.parametrize(("resolution", "millions"), SMALLER_MACS.items())
def test_smaller_pictures_cost_what_its_authors_say(resolution: int, millions: int) -> None:
    macs = MobileNetV2Config(resolution=resolution, classes=1001).cost().macs
    assert abs(macs / 1e6 - millions) < 1


def test_every_repetition_adds_its_input_and_no_first_block_does() -> None:
    adding = {row.name: row.adds for row in MobileNetV2Config().rows() if row.adds}
    numbers = (2, 4, 5, 7, 8, 9, 11, 12, 14, 15)
    assert adding == {f"block{n}_project": f"block{n - 1}_project" for n in numbers}


def test_at_some_alphas_a_first_block_adds_its_input_too() -> None:
    rows = {row.name: row for row in MobileNetV2Config(0.1).rows()}
    assert rows["block0_project"].adds == "conv0"  # both 8 channels wide


def test_only_projections_are_linear() -> None:
    linear = [row.name for row in MobileNetV2Config().rows() if row.activation is None]
    assert linear == [f"block{n}_project" for n in range(17)]


def divisible(value: float) -> int:
    """make_divisible as all publishers copied it."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


CUTS = {
    "slim": lambda c: c,
    "timm": lambda c: c,
    "keras": int,
    "transformers": round,
}


@given(st.sampled_from(sorted(CUTS)), st.integers(10, 200).map(lambda n: n / 100))
def test_widths_are_rounded_as_their_publisher_does(rule: str, alpha: float) -> None:
    config = MobileNetV2Config(alpha, width_rule=rule)
    projections = [row.out_channels for row in config.rows() if row.name.endswith("project")]
    table = [16, 24, 24, *[32] * 3, *[64] * 4, *[96] * 3, *[160] * 3, 320]
    assert projections == [divisible(CUTS[rule](width * alpha)) for width in table]
    assert config.rows()[-1].out_channels == divisible(1280 * max(alpha, 1))


@given(st.sampled_from(sorted(V2_RULES)), st.integers(10, 200).map(lambda n: n / 100))
def test_the_widths_of_a_file_give_its_alpha(rule: str, alpha: float) -> None:
    config = MobileNetV2Config(alpha, width_rule=rule)
    widths = [row.out_channels for row in config.rows()]
    fitted = MobileNetV2Config(width_rule=rule).fitted(widths, 1000)
    assert [row.out_channels for row in fitted.rows()] == widths


def test_the_rules_differ_where_it_is_said() -> None:
    def rows(rule: str, alpha: float) -> list[int]:
        return [row.out_channels for row in MobileNetV2Config(alpha, width_rule=rule).rows()]

    alphas = [n / 100 for n in range(10, 201)]
    different = [a for a in alphas if len({tuple(rows(rule, a)) for rule in CUTS}) > 1]
    assert len(different) == 47
    assert not {1.4, 1.3, 1.0, 0.75, 0.5, 0.35} & set(different)


def test_deeplab_rounds_to_whole_channels() -> None:
    """deeplabv3_mnv2_dm05 has 12 where all others would have 16."""
    rows = MobileNetV2Config(0.5, width_rule="deeplab").rows()
    projections = [row.out_channels for row in rows if row.name.endswith("project")]
    assert projections[:4] == [8, 12, 12, 16]


def test_another_last_layer_is_kept() -> None:
    widths = [row.out_channels for row in MobileNetV2Config().rows()]
    assert MobileNetV2Config().fitted([*widths[:-1], 1000], None).last_channels == 1000


@pytest.mark.parametrize("widths", [[32] * 27, [32] * 52])
def test_other_widths_are_refused(widths: list[int]) -> None:
    with pytest.raises(CheckpointError):
        MobileNetV2Config().fitted(widths, 1000)


def test_there_is_no_shallow_one() -> None:
    with pytest.raises(ConfigError, match="shallow MobileNet v2"):
        MobileNetV2Config(shallow=True)


@pytest.fixture(scope="module")
def small() -> Checkpoint:
    return untrained(MobileNetV2Config(0.35, 64, classes=5))


def unit(
    x: torch.Tensor, layer: Layer, stride: int = 1, *, depthwise: bool = False
) -> torch.Tensor:
    kernel, norm = torch.from_numpy(layer.kernel), layer.norm
    if kernel.shape[-1] == 3:
        x = F.pad(x, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))  # SAME over even maps
    x = F.conv2d(x, kernel, stride=stride, groups=x.shape[1] if depthwise else 1)
    vectors = (torch.from_numpy(v) for v in (norm.mean, norm.variance, norm.gamma, norm.beta))
    return F.batch_norm(x, *vectors, eps=1e-3)


def test_it_computes_what_the_paper_draws(small: Checkpoint) -> None:
    """Figure 4 of the paper, written out."""
    layers, x = small.layers, torch.rand(1, 3, 64, 64)
    expected = F.relu6(unit(x, layers["conv0"], 2))
    strides = {1: 2, 3: 2, 6: 2, 13: 2}
    for number in range(17):
        source, name = expected, f"block{number}"
        if number:
            expected = F.relu6(unit(expected, layers[f"{name}_expand"]))
        stride = strides.get(number, 1)
        depthwise = unit(expected, layers[f"{name}_depthwise"], stride, depthwise=True)
        expected = unit(F.relu6(depthwise), layers[f"{name}_project"])
        if stride == 1 and source.shape == expected.shape:
            expected = expected + source
    features = F.relu6(unit(expected, layers["conv_last"])).mean((2, 3))
    logits = F.linear(
        features, *(torch.from_numpy(a) for a in (layers["logits"].kernel, layers["logits"].bias))
    )
    torch.testing.assert_close(from_checkpoint(small)(x), logits)
    assert np.ptp(logits.numpy()) > 0
