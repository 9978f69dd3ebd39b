import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilenet.checkpoint import Layer
from mobilenet.common.errors import CheckpointError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.widths import V1_RULES
from mobilenet.sources.assemble import assemble


def widths(config: MobileNetConfig) -> list[int]:
    return [row.out_channels for row in config.rows()]


@given(st.sampled_from(sorted(V1_RULES)), st.integers(10, 200).map(lambda n: n / 100))
def test_the_alpha_found_has_the_same_shapes(rule: str, alpha: float) -> None:
    config = MobileNetConfig(alpha, width_rule=rule)
    fitted = MobileNetConfig(width_rule=rule).fitted(widths(config), 1000)
    assert [widths(fitted)[n] for n in (0, -1)] == [widths(config)[n] for n in (0, -1)]
    assert len(str(fitted.alpha)) <= len(str(alpha))


@pytest.mark.parametrize("alpha", [1.0, 0.75, 0.5, 0.25, 0.35, 1.25, 0.1])
@pytest.mark.parametrize("rule", ["slim", "keras", "timm"])
def test_round_alphas_are_found_as_such(alpha: float, rule: str) -> None:
    config = MobileNetConfig(alpha, width_rule=rule)
    fitted = MobileNetConfig(width_rule=rule).fitted(widths(config), 1000)
    assert fitted == config


def test_widths_of_no_mobilenet() -> None:
    with pytest.raises(CheckpointError, match="32 channels wide and the last 1000"):
        MobileNetConfig().fitted([32] * 26 + [1000], 1000)


def test_a_wrong_number_of_convolutions_is_said() -> None:
    layer = Layer(np.zeros((8, 3, 3, 3), np.float32))
    with pytest.raises(CheckpointError, match=r"3 convolutions .* has 27 \(shallow: 17\)"):
        assemble([layer] * 3, Layer(np.zeros((8, 8), np.float32)), MobileNetConfig())
