"""State dicts of our own module, what is wrapped around them, and what has to be given."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import torch_states
import weight_files
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.graph import FileGraph, GraphInput
from mobilenet.overrides import Overrides
from mobilenet.preprocess import CAFFE, IMAGENET, INCEPTION
from mobilenet.reading import Reading
from mobilenet.sources.conventions import Conventions
from mobilenet.sources.recognise import read
from mobilenet.torch_module import from_checkpoint
from torch_states import GIVEN, refused, same, saved, v1, v2

OPTIONS = "--padding --epsilon --activation --mean --std --resolution"


@pytest.mark.parametrize("original", [v1(), v1(last_channels=64), v1(shallow=True), v2()])
def test_our_own_state_dict_needs_what_it_does_not_say(
    original: Checkpoint, tmp_path: Path
) -> None:
    torch.save(from_checkpoint(original).state_dict(), tmp_path / "a.pth")
    error = refused(
        tmp_path / "a.pth",
        "a.pth does not say padding, epsilon, activation, preprocessing, resolution",
    )
    assert OPTIONS in error.hint
    refused(tmp_path / "a.pth", "does not say epsilon$", replace(GIVEN, epsilon=None), 96)
    refused(tmp_path / "a.pth", "does not say resolution$", GIVEN)
    with pytest.raises(ConfigError, match=r"^resolution is 5$"):
        read(tmp_path / "a.pth", overrides=GIVEN, resolution=5)
    read_back = read(tmp_path / "a.pth", overrides=GIVEN, resolution=96)
    same(read_back, original)
    assert read_back.normalization == IMAGENET
    assert read_back.reading is not None
    assert read_back.reading.how == "names"
    (given,) = read_back.reading.found
    assert given.startswith("padding symmetric, epsilon 1e-05, activation relu6, preprocessing")
    assert given.endswith(": given")


def test_a_trained_network_is_never_read_as_another(tmp_path: Path) -> None:
    """Symmetric padding, epsilon 1e-5 and ImageNet's mean: read as SAME, 1e-3 and -1 ... 1,
    it was right on 12 % of photographs instead of 97 %."""
    original = replace(v1(), normalization=IMAGENET)
    save_file(store.state_arrays(original), tmp_path / "bare.safetensors")
    store.save(original, tmp_path / "whole.safetensors")
    refused(tmp_path / "bare.safetensors", "does not say padding")
    whole = read(tmp_path / "whole.safetensors")
    same(whole, original)
    assert whole.normalization == IMAGENET
    assert whole.reading is not None
    assert whole.reading.how == "own file"
    read(tmp_path / "whole.safetensors", overrides=GIVEN)  # the same once more
    for wrong, says in (
        (Overrides(padding="same"), "says padding symmetric, given is same"),
        (Overrides(epsilon=1e-3), "says epsilon 1e-05, given is 0.001"),
        (Overrides(activation="relu"), "says activation relu6, given is relu"),
        (Overrides(scale=(1.0,), bias=(0.0,)), "says preprocessing pixel x .* given is pixel x 1"),
        (Overrides(channels="bgr"), "given is .*BGR"),
    ):
        refused(tmp_path / "whole.safetensors", says, wrong)


def test_a_bare_head_of_several_matrices_is_not_guessed(tmp_path: Path) -> None:
    state = store.state_arrays(v1()) | {"hidden.dense1.weight": np.zeros((3, 3), np.float32)}
    save_file(state, tmp_path / "x")
    refused(tmp_path / "x", "hidden.dense1.weight is of a head of several matrices", GIVEN, 96)


@pytest.mark.parametrize("how", torch_states.WRAPPED)
def test_what_training_scripts_wrap_around_is_taken_off(how: str, tmp_path: Path) -> None:
    original = v1(width_rule="timm")
    state = torch_states.tensors(weight_files.timm_state(original))
    torch.save(torch_states.WRAPPED[how](state), tmp_path / "x")
    same(read(tmp_path / "x", resolution=96), original)


def test_two_sets_of_weights_are_not_chosen_from(tmp_path: Path) -> None:
    state = torch_states.tensors(weight_files.timm_state(v1(width_rule="timm")))
    torch.save({"model": state, "model_ema": state}, tmp_path / "x")
    refused(tmp_path / "x", "x holds model and model_ema: several sets of weights")


def test_what_stands_beside_a_network_is_not_taken_off(tmp_path: Path) -> None:
    state = {f"model.{n}": t for n, t in weight_files.timm_state(v1()).items()}
    saved(state | {"criterion.weight": np.zeros(3, np.float32)}, tmp_path / "x")
    refused(tmp_path / "x", "holds no MobileNet that is known here")


def test_what_is_given_replaces_what_is_assumed(tmp_path: Path) -> None:
    original = v1(width_rule="timm")
    path = weight_files.timm(original, tmp_path / "model.safetensors")
    given = Overrides(padding="same", scale=(1 / 255,), bias=(0.0,), channels="bgr")
    read_back = read(path, overrides=given)
    assert read_back.config.padding == "same"
    assert read_back.config.bn_epsilon == 1e-5
    assert read_back.normalization.order == "BGR"
    assert read_back.normalization.scale == (1 / 255,) * 3
    assert read_back.reading is not None
    assert read_back.reading.assumed == ("resolution 224, epsilon 1e-05, activation relu6: timm",)
    (given_words,) = read_back.reading.found
    assert given_words.startswith("padding same, preprocessing pixel x 0.00392157 + 0, BGR: given")


def test_what_a_file_beside_says_is_not_replaced(tmp_path: Path) -> None:
    weight_files.timm(v1(width_rule="timm"), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(
        '{"architecture": "mobilenetv1_100", "pretrained_cfg": {"mean": [0.5, 0.5, 0.5],'
        ' "std": [0.5, 0.5, 0.5]}}'
    )
    read(tmp_path, overrides=Overrides(mean=(0.5,), std=(0.5,)))
    refused(tmp_path, "config.json says preprocessing", Overrides(mean=(0.4,), std=(0.5,)))
    reading = read(tmp_path, overrides=Overrides(padding="same")).reading
    assert reading is not None
    assert "padding same: given" in reading.found


def by_graph(*assumed: str) -> Checkpoint:
    graph = FileGraph("a graph", GraphInput("x", 96, 96), (), {}, ())
    return replace(v1(), reading=Reading("graph", graph, feed=INCEPTION, assumed=assumed))


def settled(read_back: Checkpoint, overrides: Overrides) -> Checkpoint:
    return Conventions("x.pb", overrides).checkpoint(read_back)


def test_of_a_graph_only_preprocessing_can_be_open() -> None:
    raw = Overrides(scale=(1.0,), bias=(0.0,))
    with pytest.raises(CheckpointError, match=r"says preprocessing pixel x 0\.00784314 - 1, RGB"):
        settled(by_graph("scores: softmax"), raw)
    with pytest.raises(CheckpointError, match=r"x\.pb says padding symmetric, given is same"):
        settled(by_graph("preprocessing: usual"), Overrides(padding="same"))
    given = settled(by_graph("preprocessing: usual", "scores: softmax"), raw)
    assert given.reading is not None
    assert given.normalization == given.reading.feed
    assert given.normalization.scale == (1, 1, 1)
    assert given.reading.assumed == ("scores: softmax",)
    assert given.reading.found == ("preprocessing pixel x 1 + 0, RGB: given",)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"scale": (1.0,)}, "scale without bias"),
        ({"std": (1.0,)}, "std without mean"),
        ({"scale": (1.0, 2.0), "bias": (0.0,)}, "scale has 2 numbers"),
        ({"scale": (1.0,), "bias": (0.0,), "mean": (0.0,), "std": (1.0,)}, "scale and mean at on"),
        ({"epsilon": 0.0}, "epsilon is 0"),
        ({"padding": "valid"}, "padding is 'valid'"),
        ({"activation": "gelu"}, "activation is 'gelu'"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Overrides(**options)


def test_channels_alone_turn_the_usual_numbers_around() -> None:
    assert Overrides(channels="bgr").normalization(CAFFE) is CAFFE
    assert Overrides(channels="rgb").normalization(CAFFE).bias == CAFFE.bias[::-1]
