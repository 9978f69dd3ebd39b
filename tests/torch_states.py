"""State dicts under the names of public PyTorch modules, by hand, from one checkpoint."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import weight_files
from mobilenet import store
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.common.errors import CheckpointError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.overrides import Overrides
from mobilenet.sources.recognise import read

State = dict[str, np.ndarray]
NORM = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}
V2_REPETITIONS = (1, 2, 3, 4, 3, 3, 1)


def unit(layer: Layer, kernel: str, norm: str) -> State:
    """A convolution, and the norm that follows it."""
    return {f"{kernel}.weight": layer.kernel} | {
        f"{norm}.{field}": getattr(layer.norm, ours) for field, ours in NORM.items()
    } | {f"{norm}.num_batches_tracked": np.array(7)}  # fmt: skip


def state_of(checkpoint: Checkpoint, names: Iterator[tuple[str, str]], head: str) -> State:
    """In the order of the network."""
    state: State = {}
    layers = [layer for name, layer in checkpoint.layers.items() if name != "logits"]
    for layer, (kernel, norm) in zip(layers, names, strict=True):
        state |= unit(layer, kernel, norm)
    if "logits" in checkpoint.layers:
        logits = checkpoint.layers["logits"]
        assert logits.bias is not None
        state |= {f"{head}.weight": logits.kernel, f"{head}.bias": logits.bias}
    return state


def torchvision_names() -> Iterator[tuple[str, str]]:
    yield "features.0.0", "features.0.1"
    for block in range(1, 18):
        inside = f"features.{block}.conv"
        places = range(1 if block == 1 else 2)
        yield from ((f"{inside}.{place}.0", f"{inside}.{place}.1") for place in places)
        yield f"{inside}.{len(places)}", f"{inside}.{len(places) + 1}"
    yield "features.18.0", "features.18.1"


def timm_v2_names() -> Iterator[tuple[str, str]]:
    yield "conv_stem", "bn1"
    for stage, count in enumerate(V2_REPETITIONS):
        for block in range(count):
            prefix = f"blocks.{stage}.{block}"
            kinds = ("conv_dw", "conv_pw") if stage == 0 else ("conv_pw", "conv_dw", "conv_pwl")
            for number, kind in enumerate(kinds, start=1):
                yield f"{prefix}.{kind}", f"{prefix}.bn{number}"
    yield "conv_head", "bn2"


def transformers_v2_names(prefix: str = "mobilenet_v2.") -> Iterator[tuple[str, str]]:
    places = [f"conv_stem.{name}" for name in ("first_conv", "conv_3x3", "reduce_1x1")]
    for number in range(16):
        places += [f"layer.{number}.{n}" for n in ("expand_1x1", "conv_3x3", "reduce_1x1")]
    for place in [*places, "conv_1x1"]:
        yield f"{prefix}{place}.convolution", f"{prefix}{place}.normalization"


def transformers_segmenter(checkpoint: Checkpoint) -> State:
    """With the backbone's last convolution, which is stored and not used."""
    layers = dict(checkpoint.layers)
    *backbone, last = transformers_v2_names()
    head = [f"segmentation_head.conv_{name}" for name in ("pool", "aspp", "projection")]
    names = [*backbone, *((f"{each}.convolution", f"{each}.normalization") for each in head)]
    scores = layers.pop("class_scores")
    state: State = {}
    for layer, (kernel, norm) in zip(layers.values(), names, strict=True):
        state |= unit(layer, kernel, norm)
    assert scores.bias is not None
    classifier = "segmentation_head.classifier.convolution"
    state |= {f"{classifier}.weight": scores.kernel, f"{classifier}.bias": scores.bias}
    return state | unit(layers["aspp0"], *last)  # of any numbers


def sequential_v1_names(root: str = "model") -> Iterator[tuple[str, str]]:
    """As in implementations that put every block into an `nn.Sequential`."""
    yield f"{root}.0.0", f"{root}.0.1"
    for block in range(1, 14):
        yield f"{root}.{block}.0", f"{root}.{block}.1"
        yield f"{root}.{block}.3", f"{root}.{block}.4"


def tensors(state: State) -> dict[str, torch.Tensor]:
    """As `torch.save` wants them."""
    return {name: torch.from_numpy(np.array(array)) for name, array in state.items()}


WRAPPED: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"lr": 0.1}},
    "model": lambda state: {"model": state, "args": None},
    "nested": lambda state: {"net": {"model_state_dict": state}, "best": 0.9},
    "DataParallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "Lightning": lambda state: {
        "state_dict": {f"model.{name}": value for name, value in state.items()},
        "hyper_parameters": {"lr": 0.1},
    },
    "compiled": lambda state: {f"module._orig_mod.{name}": v for name, v in state.items()},
    "averaged": lambda state: {
        "n_averaged": torch.tensor(4),
        **{f"module.{name}": value for name, value in state.items()},
    },
}


GIVEN = Overrides(
    padding="symmetric", epsilon=1e-5, activation="relu6",
    mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
)  # fmt: skip
SYMMETRIC = {"padding": "symmetric", "bn_epsilon": 1e-5}


@cache
def v1(classes: int = 5, alpha: float = 0.25, **fields: object) -> Checkpoint:
    return weight_files.random_checkpoint(
        MobileNetConfig(alpha, 96, classes=classes, **SYMMETRIC, **fields)
    )


@cache
def v2(classes: int = 5, alpha: float = 0.35) -> Checkpoint:
    return weight_files.random_checkpoint(
        MobileNetV2Config(alpha=alpha, resolution=96, classes=classes, **SYMMETRIC)
    )


def same(read_back: Checkpoint, original: Checkpoint) -> None:
    assert read_back.config == original.config
    assert list(read_back.layers) == list(original.layers)
    for name, array in store.state_arrays(original).items():
        np.testing.assert_array_equal(store.state_arrays(read_back)[name], array)


def saved(state: State, path: Path) -> Path:
    torch.save(tensors(state), path)
    return path


def refused(
    path: Path, says: str, overrides: Overrides | None = None, resolution: int | None = None
) -> CheckpointError:
    with pytest.raises(CheckpointError, match=says) as error:
        read(path, overrides=overrides, resolution=resolution)
    return error.value
