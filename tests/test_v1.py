"""The formulas against the paper, and against the module they describe."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilenet.common.errors import ConfigError
from mobilenet.networks.rows import same_padding
from mobilenet.networks.v1 import MobileNetConfig, resolution_of

# Howard et al. 2017, Tables 4 to 7, to the digits that the arithmetic gives: million MACs
PAPER = {
    1.0: (568.74, 418.12, 290.68, 186.40),
    0.75: (325.40, 239.27, 166.40, 106.77),
    0.5: (149.50, 109.97, 76.52, 49.16),
    0.25: (41.03, 30.21, 21.06, 13.57),
}
PARAMETERS = {1.0: 4.232, 0.75: 2.586, 0.5: 1.332, 0.25: 0.470}  # million, unfolded


@pytest.mark.parametrize("alpha", PAPER)
def test_costs_are_the_papers(alpha: float) -> None:
    costs = [MobileNetConfig(alpha, size).cost() for size in (224, 192, 160, 128)]
    assert [round(c.macs / 1e6, 2) for c in costs] == list(PAPER[alpha])
    assert {round(c.parameters_unfolded / 1e6, 3) for c in costs} == {PARAMETERS[alpha]}


def test_the_articles_parameter_count() -> None:
    assert MobileNetConfig().cost().parameters == 4_221_032


def test_the_shallow_twin() -> None:
    shallow = MobileNetConfig(shallow=True).cost()
    assert (round(shallow.macs / 1e6, 1), round(shallow.parameters_unfolded / 1e6, 3)) == (
        307.3,
        2.888,
    )


def test_27_convolutions_or_17_when_shallow() -> None:
    assert len(MobileNetConfig().rows()) == 27
    names = [row.name for row in MobileNetConfig(shallow=True).rows()]
    assert len(names) == 17
    assert "conv6_pointwise" in names
    assert "conv7_depthwise" not in names
    assert "conv12_depthwise" in names


@pytest.mark.parametrize(
    ("rule", "first", "last"), [("slim", 11, 358), ("keras", 11, 358), ("timm", 16, 360)]
)
def test_widths_of_odd_alphas_are_each_makers_own(rule: str, first: int, last: int) -> None:
    """32 and 1024 channels times 0.35: cut, but timm rounds to multiples of 8, 10 % less at most.

    timm/layers/helpers.py, `make_divisible(v, divisor=8, round_limit=0.9)`.
    """
    config = MobileNetConfig(0.35, width_rule=rule)
    rows = config.rows()
    assert (rows[0].out_channels, rows[-1].out_channels) == (first, last)


@settings(max_examples=25, deadline=None)
@given(
    alpha=st.floats(0.1, 1.5),
    size=st.integers(32, 160),
    shallow=st.booleans(),
    rule=st.sampled_from(["slim", "keras", "timm"]),
    head=st.sampled_from(["classifier", "features"]),
    padding=st.sampled_from(["same", "symmetric"]),
)
def test_the_module_has_the_parameters_and_sizes_of_the_formula(
    alpha: float, size: int, shallow: bool, rule: str, head: str, padding: str
) -> None:
    import torch

    from mobilenet.torch_module import MobileNet

    config = MobileNetConfig(
        alpha, size, shallow, classes=7, head=head, padding=padding, width_rule=rule
    )
    with torch.device("meta"):
        folded, unfolded = MobileNet(config, folded=True), MobileNet(config)
        x = torch.empty(2, 3, size, size)
        for spec, unit in zip(config.rows(), folded.layers.values(), strict=True):
            assert tuple(x.shape[1:]) == (spec.in_channels, *spec.in_size)
            x = unit(x)
            assert tuple(x.shape[1:]) == (spec.out_channels, *spec.out_size)
    assert sum(p.numel() for p in folded.parameters()) == config.cost().parameters
    assert sum(p.numel() for p in unfolded.parameters()) == config.cost().parameters_unfolded


@pytest.mark.parametrize(
    ("rho", "pixels"), [(1, 224), (0.857, 192), (0.714, 160), (0.571, 128), (0.01, 32)]
)
def test_rho_rounds_to_multiples_of_32(rho: float, pixels: int) -> None:
    assert resolution_of(rho) == pixels


@pytest.mark.parametrize("size", range(1, 40))
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_keeps_tensorflows_output_size(size: int, stride: int) -> None:
    before, after = same_padding(size, stride)
    assert (size + before + after - 3) // stride + 1 == -(-size // stride)
    assert after - before in (0, 1)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"alpha": 0}, "alpha is 0"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"resolution": 16}, "resolution is 16"),
        ({"resolution": 5000}, "resolution is 5000"),
        ({"classes": 0}, "classes is 0"),
        ({"bn_epsilon": 0.0}, "bn_epsilon is 0.0"),
        ({"until": "conv5_pointwise"}, "layer is 'conv5_pointwise' with head classifier"),
        ({"until": "conv99", "head": "features"}, "layer is 'conv99'"),
    ],
)
def test_impossible_values_are_named(fields: dict[str, float], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        MobileNetConfig(**fields)
    assert caught.value.hint


@pytest.mark.parametrize("rho", [0, 1.5, float("inf")])
def test_impossible_rho(rho: float) -> None:
    with pytest.raises(ConfigError, match="rho is"):
        resolution_of(rho)


def test_slugs_have_no_dots_and_differ() -> None:
    configs = [
        MobileNetConfig(a, r, s)
        for a in (1, 0.75, 0.333)
        for r in (224, 96)
        for s in (False, True)
    ]
    slugs = {c.slug for c in configs}
    assert len(slugs) == len(configs)
    assert all(slug.isidentifier() for slug in slugs)
    assert MobileNetConfig(0.75, 192).slug == "MobileNetV1_075_192"
