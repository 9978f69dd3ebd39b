"""Exporting from Python: the README's fine-tuning example, and a module of another kind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from export.module import export
from export.spec import ExportSpec
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, VerificationError
from mobilenet.preprocess import INCEPTION
from mobilenet.torch_module import MobileNet
from programs import run_package

COLOURS = {"rose": (220, 30, 60), "daisy": (245, 240, 230), "violet": (110, 40, 200)}


def flowers(rng: np.random.Generator, size: int, count: int) -> list[tuple[Image.Image, int]]:
    """Made pictures of three kinds: a coloured disc over a noisy meadow."""
    rows, columns = np.mgrid[:size, :size] - size / 2
    disc = (rows**2 + columns**2 < (size / 3) ** 2)[..., None]
    made = []
    for number in range(count):
        kind = number % len(COLOURS)
        meadow = rng.integers(0, 9, (size, size, 3)) + np.array([20, 90, 20])
        flower = np.array(list(COLOURS.values())[kind]) + rng.integers(-9, 9, (size, size, 3))
        pixels = np.where(disc, flower, meadow).clip(0, 255).astype(np.uint8)
        made.append((Image.fromarray(pixels), kind))
    return made


def fine_tune(model: MobileNet, pictures: list[tuple[Image.Image, int]]) -> None:
    """Train a new last layer on pooled features, as the README shows."""
    model.eval()
    with torch.no_grad():
        x = torch.from_numpy(np.concatenate([INCEPTION.apply(picture) for picture, _ in pictures]))
        for layer in model.layers.values():
            x = layer(x)
        features = x.mean((2, 3))
    wanted = torch.tensor([kind for _, kind in pictures])
    optimizer = torch.optim.Adam(model.logits.parameters(), lr=0.1, weight_decay=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model.logits(features), wanted).backward()
        optimizer.step()


def test_a_fine_tuned_network_classifies_from_its_package(
    hot: Checkpoint, rng: np.random.Generator, tmp_path: Path
) -> None:
    size, path = 64, tmp_path / "Flowers.mlpackage"
    model = MobileNet(replace(hot.config, resolution=size, classes=len(COLOURS)))
    backbone = {
        name: value for name, value in to_state(hot).items() if not name.startswith("logits")
    }
    model.load_state_dict(backbone, strict=False)
    nn.init.zeros_(model.logits.weight)
    nn.init.zeros_(model.logits.bias)
    fine_tune(model, flowers(rng, size, 45))
    done = export(model, path, labels=list(COLOURS), source="flowers, fine-tuned")
    assert done.path == path
    assert done.verified is not None
    for picture, kind in flowers(rng, size, 9):
        answer = run_package(path, {"image": picture}, "declared")
        assert answer["classLabel"] == list(COLOURS)[kind]


def to_state(checkpoint: Checkpoint) -> dict[str, Tensor]:
    from mobilenet.store import state_arrays

    return {name: torch.from_numpy(value) for name, value in state_arrays(checkpoint).items()}


class Foreign(nn.Module):
    """As people write them: another padding, another pooling, and `x.view(x.size(0), -1)`."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(),
            nn.Conv2d(16, 16, 3, 1, 1, groups=16), nn.Hardswish(), nn.AdaptiveAvgPool2d(2),
        )  # fmt: skip
        self.head = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        return self.head(x.view(x.size(0), -1))


@pytest.fixture
def foreign() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return Foreign().train()


def test_a_module_of_another_kind_is_traced_and_verified(
    foreign: nn.Module, tmp_path: Path
) -> None:
    path = tmp_path / "Other.mlpackage"
    done = export(foreign, path, labels=["a", "b", "a", "c", "d"], resolution=32)
    assert done.verified is not None
    assert done.verified.structure <= 1e-5
    assert foreign.training  # left as it was
    answer = run_package(path, {"image": Image.new("RGB", (32, 32), "teal")})
    assert set(answer["classLabel_probs"]) == {"a", "b", "a (2)", "c", "d"}


def test_a_traced_package_that_is_wrong_is_not_left_behind(
    foreign: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from export import module

    def wrong(*given: object, **named: object) -> object:
        model = Foreign().eval()
        return module_trace(model, *given[1:], **named)

    module_trace = module.trace
    monkeypatch.setattr(module, "trace", wrong)
    with pytest.raises(VerificationError):
        export(foreign, tmp_path / "Other.mlpackage", labels="abcde", resolution=32)
    assert not list(tmp_path.iterdir())


def test_options_that_do_not_fit(foreign: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="without labels"):
        export(foreign, tmp_path / "m.mlpackage")
    with pytest.raises(ConfigError, match="MobileNet of ours"):
        export(foreign, tmp_path / "m.mlpackage", labels="abcde", spec=ExportSpec(compress="int8"))
