"""Heads and input sizes of all networks' configs."""

import msgspec
import numpy as np
import pytest
import torch

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.common.errors import ConfigError
from mobilenet.common.size import Size
from mobilenet.networks import families
from mobilenet.networks.classifier import Hidden
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.store import Header, header, load, save
from mobilenet.torch_module import from_checkpoint, to_layers
from mobilenet.untrained import untrained

STACK = MobileNetConfig(
    0.25, 64, classes=3, input_width=96, hidden=(Hidden(8, "relu6"), Hidden(5)), scores="sigmoid"
)


def test_a_config_of_later_fields_comes_back_from_json() -> None:
    record = header(untrained(STACK))
    text = families.encode(record)
    again = msgspec.json.decode(text, type=Header, dec_hook=families.decode)
    assert again.config == STACK
    assert "input_width" in msgspec.json.decode(text)["config"]


def test_the_plain_config_is_written_as_the_first_version_wrote_it() -> None:
    record = header(untrained(MobileNetConfig(0.25, 32, classes=2)))
    fields = msgspec.json.decode(families.encode(record))["config"]
    assert [*fields] == [
        "alpha", "resolution", "shallow", "classes", "head", "activation", "padding",
        "bn_epsilon", "width_rule", "until",
    ]  # fmt: skip


def test_an_equal_width_is_a_square() -> None:
    assert MobileNetConfig(input_width=224) == MobileNetConfig()
    assert MobileNetConfig().at(Size(64, 96)).size == (64, 96)
    assert MobileNetConfig().at(Size(64, 96)).slug == "MobileNetV1_100_64x96"


def test_a_stack_of_matrices_is_computed_as_by_hand(tmp_path) -> None:
    made = untrained(STACK)
    path = tmp_path / "stack.safetensors"
    save(made, path)
    read = load(path)
    assert read.config == STACK
    module = from_checkpoint(read)
    x = torch.rand(2, 3, 64, 96)
    features = from_checkpoint(read.as_features())(x)
    for name, activation in (("dense1", torch.nn.functional.relu6), ("dense2", None)):
        weight, bias = (
            torch.from_numpy(a) for a in (read.layers[name].kernel, read.layers[name].bias)
        )
        features = features @ weight.T + bias
        features = features if activation is None else activation(features)
    logits = features @ module.logits.weight.T + module.logits.bias
    torch.testing.assert_close(module(x), logits)
    assert [*to_layers(module)] == [*read.layers]
    assert read.config.title.endswith("64 x 96, 8 units (relu6), 5 units, 3 independent classes")


def test_a_head_that_reads_every_pixel_keeps_its_size() -> None:
    flat = MobileNetConfig(0.25, 64, classes=3, pool="flatten")
    made = untrained(flat)
    assert made.layers["logits"].kernel.shape == (3, 256 * 2 * 2)
    x = torch.rand(1, 3, 64, 64)
    features = from_checkpoint(made.as_features("conv13_pointwise"))(x)
    logits = features.flatten(1) @ torch.from_numpy(made.layers["logits"].kernel).T
    torch.testing.assert_close(
        from_checkpoint(made)(x), logits + torch.from_numpy(made.layers["logits"].bias)
    )
    with pytest.raises(ConfigError, match="resolution 96 x 96 for a head that reads every pixel"):
        made.at(96)


def test_the_cost_counts_every_matrix() -> None:
    dense = 256 * 8 + 8 * 5 + 5 * 3
    features = STACK.as_features().cost()
    assert STACK.cost().macs == features.macs + dense
    assert STACK.cost().parameters == features.parameters + dense + 8 + 5 + 3


@pytest.mark.parametrize("field", [{"hidden": (Hidden(0),)}, {"hidden": (Hidden(1),) * 9}])
def test_heads_that_cannot_be_are_refused(field: dict) -> None:
    with pytest.raises(ConfigError):
        MobileNetConfig(**field)


def test_a_last_layer_of_its_own_is_a_row() -> None:
    config = MobileNetConfig(0.25, 32, last_channels=40)
    assert config.rows()[-1].name == "conv_head"
    assert config.readout.channels == 40
    widths = [row.out_channels for row in config.rows()]
    assert MobileNetConfig(resolution=32).fitted(widths, 1000) == config
    assert isinstance(config, NetworkConfig)


def test_a_matrix_of_another_shape_is_named() -> None:
    made = untrained(STACK)
    layers = made.layers | {"dense2": Layer(np.zeros((5, 9), np.float32), np.zeros(5, np.float32))}
    with pytest.raises(Exception, match=r"dense2.kernel has shape \(5, 9\)"):
        Checkpoint(STACK, layers, Provenance("made", trained=False))
