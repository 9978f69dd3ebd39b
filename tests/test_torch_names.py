"""State dicts under the names of public modules, by name or by shapes in order; others named."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import torch_states
import weight_files
from made_segmenter import segmenter
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.overrides import Overrides
from mobilenet.preprocess import IMAGENET, INCEPTION
from mobilenet.sources.recognise import read
from torch_states import GIVEN, refused, same, saved, v1, v2


@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_torchvision(kind: str, tmp_path: Path) -> None:
    original = v2()
    state = torch_states.state_of(original, torch_states.torchvision_names(), "classifier.1")
    path = tmp_path / f"x.{kind}"
    saved(state, path) if kind == "pth" else save_file(state, path)
    read_back = read(path, resolution=96)
    same(read_back, original)
    assert read_back.normalization == IMAGENET
    assert read_back.reading is not None
    assert read_back.reading.how == "names"
    (assumed,) = read_back.reading.assumed
    assert assumed.startswith("padding symmetric, epsilon 1e-05, activation relu6, preproc")
    assert assumed.endswith(": torchvision")


@pytest.mark.parametrize("classes", [5, 1000, None])
def test_timm_v2(classes: int | None, tmp_path: Path) -> None:
    original = v2(classes or 5)
    original = replace(
        original if classes else original.as_features(),
        config=replace(
            original.config, width_rule="timm", head="classifier" if classes else "features"
        ),
    )
    state = torch_states.state_of(original, torch_states.timm_v2_names(), "classifier")
    read_back = read(saved(state, tmp_path / "x"), resolution=96)
    assert read_back.normalization == IMAGENET  # of timm's v1 it is -1 ... 1
    assert read_back.geometry.interpolation == "bicubic"
    assert len(read_back.labels) == (1000 if classes == 1000 else 0)
    assert [row.out_channels for row in read_back.config.rows()] == [
        row.out_channels for row in original.config.rows()
    ]
    assert read_back.config.readout.classes == classes


def test_timm_with_a_convolution_behind_the_blocks(tmp_path: Path) -> None:
    original = v1(last_channels=64, width_rule="timm")
    head = original.layers["conv_head"]
    blocks = replace(
        original,
        config=replace(original.config, last_channels=None, classes=5),
        layers={
            name: layer for name, layer in original.layers.items() if name != "conv_head"
        } | {"logits": replace(original.layers["logits"], kernel=np.zeros((5, 256), np.float32))},
    )  # fmt: skip
    state = weight_files.timm_state(blocks) | torch_states.unit(head, "conv_head", "bn2")
    state["classifier.weight"] = original.layers["logits"].kernel
    same(read(saved(state, tmp_path / "x"), resolution=96), original)


def test_timm_that_repeats_other_blocks_is_named(tmp_path: Path) -> None:
    state = torch_states.state_of(v2(), torch_states.timm_v2_names(), "classifier")
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"architecture": "mobilenetv2_110d"}')
    refused(tmp_path, "config.json says mobilenetv2_110d: read are")


@pytest.mark.parametrize("prefix", ["mobilenet_v2.", ""])
def test_transformers_v2(prefix: str, tmp_path: Path) -> None:
    original = v2()
    names = torch_states.transformers_v2_names(prefix)
    save_file(torch_states.state_of(original, names, "classifier"), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(
        '{"model_type": "mobilenet_v2", "image_size": 96, "tf_padding": false, "layer_norm_eps":'
        ' 1e-5, "id2label": {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"}}'
    )
    read_back = read(tmp_path)
    config = replace(original.config, width_rule="transformers")
    same(read_back, replace(original, config=config))
    assert read_back.labels == tuple("abcde")
    assert read_back.normalization == INCEPTION
    assert read_back.reading is not None
    assert read_back.reading.found == (
        "padding symmetric, epsilon 1e-05, activation relu6, resolution 96: config.json",
    )
    refused(
        tmp_path, "config.json says padding symmetric, given is same", Overrides(padding="same")
    )


@pytest.mark.parametrize("stride", [8, 16, None])
def test_transformers_that_segment(stride: int | None, tmp_path: Path) -> None:
    """Its config.json says the stride; without one it is that of the published segmenter."""
    made = segmenter("v2", 65, width_rule="transformers", alpha=0.35)
    original = replace(made, config=replace(made.config, output_stride=stride or 8))
    save_file(torch_states.transformers_segmenter(original), tmp_path / "model.safetensors")
    if stride is not None:
        config = {"model_type": "mobilenet_v2", "image_size": 65, "output_stride": stride}
        labels = dict(enumerate(original.labels))
        (tmp_path / "config.json").write_text(json.dumps(config | {"id2label": labels}))
    read_back = read(tmp_path, resolution=65)
    assert read_back.config == original.config
    assert read_back.labels == (original.labels if stride else ())
    same(read_back, original)
    assert any("output stride 8" in each for each in read_back.reading.assumed) == (not stride)


def test_transformers_whose_stride_is_made_by_dilation(tmp_path: Path) -> None:
    names = torch_states.transformers_v2_names()
    save_file(torch_states.state_of(v2(), names, "classifier"), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "mobilenet_v2", "output_stride": 8}')
    refused(tmp_path, "output stride 8")


def test_a_processor_that_leaves_steps_out(tmp_path: Path) -> None:
    weight_files.transformers(v1(), tmp_path / "x")
    (tmp_path / "x/preprocessor_config.json").write_text(
        '{"do_normalize": false, "do_flip_channel_order": true}'
    )
    use = read(tmp_path / "x").normalization
    np.testing.assert_allclose(use.scale, 1 / 255)
    assert (use.bias, use.order) == ((0, 0, 0), "BGR")


@pytest.mark.parametrize("config", [MobileNetConfig, MobileNetV2Config])
@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_shapes_in_order(kind: str, config: type[BaseConfig], tmp_path: Path) -> None:
    original = v1() if config is MobileNetConfig else v2()
    names = (
        torch_states.sequential_v1_names()
        if config is MobileNetConfig
        else ((f"stages.{n}.0", f"stages.{n}.1") for n in range(52))
    )
    state = torch_states.state_of(original, names, "fc")
    path = tmp_path / f"x.{kind}"
    saved(state, path) if kind == "pth" else save_file(state, path)
    refused(path, "does not say padding, epsilon, activation, preprocessing, resolution")
    read_back = read(path, overrides=GIVEN, resolution=96)
    same(read_back, original)
    assert read_back.reading is not None
    assert read_back.reading.how == "shapes in order"
    assert "strides" in read_back.reading.assumed[0]


def test_a_bias_before_a_norm_is_kept(tmp_path: Path) -> None:
    state = torch_states.state_of(v1(), torch_states.sequential_v1_names(), "fc")
    biased: torch_states.State = {}
    for name, array in state.items():
        is_mean = name.endswith("running_mean")
        biased[name] = array + 0.5 if is_mean else array
        if array.ndim == 4:
            biased[name.replace("weight", "bias")] = np.full(len(array), 0.5, np.float32)
    layers = read(saved(biased, tmp_path / "x"), overrides=GIVEN, resolution=96).layers
    for name, layer in v1().layers.items():
        mean = layer.norm and layers[name].norm and layers[name].norm.mean
        if layer.norm is not None:
            np.testing.assert_allclose(mean, layer.norm.mean, atol=1e-6)


def mixed(state: torch_states.State) -> torch_states.State:
    """The second norm before the second convolution."""
    items = list(state.items())
    return dict(items[:6] + items[7:12] + items[6:7] + items[12:])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: {n: a for n, a in s.items() if "model.5." not in n}, "are not those of v1 or"),
        (mixed, "stands where a convolution is expected"),
        (lambda s: s | {"fc2.weight": np.zeros((2, 5), np.float32)}, "fc, fc2 are several matri"),
        (lambda s: s | {"model.1.0.weight": np.zeros((8, 1, 5, 5), np.float32)}, "5 x 5"),
        (lambda s: s | {"model.2.1.weight": np.zeros(9, np.float32)}, "no batch norm of 16"),
    ],
)  # fmt: skip
def test_shapes_of_no_mobilenet(change: object, says: str, tmp_path: Path) -> None:
    state = torch_states.state_of(v1(), torch_states.sequential_v1_names(), "fc")
    assert callable(change)
    error = refused(saved(change(state), tmp_path / "x"), says, GIVEN, 96)
    assert "from Python, export(model, ...)" in error.hint


OTHERS = {
    "a ResNet": {"conv1.weight": (64, 3, 7, 7), "layer1.0.conv2.weight": (64, 64, 3, 3)},
    "such as VGG": {"features.0.weight": (64, 3, 3, 3), "classifier.0.weight": (16, 64)},
    "a SqueezeNet": {"features.3.squeeze.weight": (16, 96, 1, 1)},
    "a detector": {
        "head.classification_head.module_list.0.weight": (364, 512, 3, 3),
        "head.regression_head.module_list.0.weight": (16, 512, 3, 3),
    },
    "a DeepLab with ASPP branches": {
        "classifier.0.convs.1.0.weight": (256, 1280, 3, 3),
        "classifier.0.convs.3.0.weight": (256, 1280, 3, 3),
    },
    "an MLP": {"0.weight": (10, 20), "2.weight": (2, 10)},
    "squeeze and excitation": {
        "features.1.block.0.0.weight": (16, 1, 3, 3),
        "features.1.block.1.fc1.weight": (8, 16, 1, 1),
    },
    "an Inception": {"Mixed_5b.branch1x1.conv.weight": (64, 192, 1, 1)},
    "pictures of 32 pixels": {
        "conv1.weight": (32, 3, 3, 3), "layers.0.conv1.weight": (32, 1, 3, 3),
        "linear.weight": (10, 1024),
    },
}  # fmt: skip


@pytest.mark.parametrize("says", OTHERS)
def test_other_networks_are_named(says: str, tmp_path: Path) -> None:
    state = {name: np.zeros(shape, np.float32) for name, shape in OTHERS[says].items()}
    error = refused(saved(state, tmp_path / "x.pth"), f"x.pth is .*{says}", GIVEN, 96)
    assert "from Python, export(model, ...)" in error.hint
