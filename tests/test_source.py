"""Exporting from Python: the README's fine-tuning example, and a module of another kind."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from conftest import PHOTO
from export.mil.read.model import read
from export.package.metadata import ModuleMetadata, metadata_of, verified_path
from export.pipeline import export
from export.prepared import TracedModule
from export.spec import ExportSpec, Variant
from export.verify.reverify import reverify
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, PackageError, VerificationError
from mobilenet.preprocess import IMAGENET, INCEPTION, Geometry
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
    from export.formats.coreml import trace

    def wrong(traced: TracedModule, *options: object) -> object:
        return right(replace(traced, module=Foreign().eval()), *options)

    right = trace.trace
    monkeypatch.setattr(trace, "trace", wrong)
    with pytest.raises(VerificationError):
        export(foreign, tmp_path / "Other.mlpackage", labels="abcde", resolution=32)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", ["labels", "no softmax", "normalization"])
def test_labels_probabilities_and_pixels_of_a_traced_package_are_checked(
    foreign: nn.Module, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from export.formats.coreml import trace

    def wrong(traced: TracedModule, spec: ExportSpec, precision: str) -> object:
        if fault == "labels":
            traced = replace(traced, labels=traced.labels[1:] + traced.labels[:1])
        if fault == "normalization":
            traced = replace(traced, normalization=IMAGENET)
        if fault == "no softmax":
            traced = replace(traced, module=nn.Sequential(traced.module, nn.Softmax(1)))
        return right(traced, spec, precision)

    right = trace.trace
    monkeypatch.setattr(trace, "trace", wrong)
    with pytest.raises(VerificationError):
        export(foreign, tmp_path / "Other.mlpackage", labels="abcde", resolution=32)


def test_a_traced_package_says_what_it_is_and_is_verified_again(
    foreign: nn.Module, tmp_path: Path
) -> None:
    path, geometry = tmp_path / "Other.mlpackage", Geometry(0.9, "bicubic")
    done = export(
        foreign, path, labels="abcde", resolution=32, normalization=IMAGENET, geometry=geometry,
        source="my flowers", licence="CC0 1.0",
    )  # fmt: skip
    program = read(path)
    about = metadata_of(program.description.metadata)
    assert about == done.metadata
    assert about.config is None
    assert about.module == ModuleMetadata("Foreign", 32, 5)
    assert (about.provenance.source, about.provenance.licence) == ("my flowers", "CC0 1.0")
    assert (about.normalization, about.geometry) == (IMAGENET, geometry)
    assert about.parameters == sum(each.numel() for each in foreign.parameters())
    assert about.macs == 16 * 27 * 16**2 + 16 * 9 * 16**2 + 64 * 5
    assert program.license == "CC0 1.0"
    assert "my flowers" in program.author
    assert "shorter side to 35 pixels (bicubic)" in program.description.inputs[0].description
    again = reverify(path, PHOTO)
    assert again.against == "answers"
    assert again.verified.agreement == pytest.approx(done.verified.agreement, rel=1e-3)
    assert {label for label, _ in again.top5} == set("abcde")
    with pytest.raises(ConfigError, match="for a traced module"):
        reverify(path, weights="untrained")


def test_a_traced_package_that_changed_is_found_out(foreign: nn.Module, tmp_path: Path) -> None:
    """Its logits are those of the note beside it, or it is not known what they should be."""
    path, other = tmp_path / "Other.mlpackage", tmp_path / "Wrong.mlpackage"
    done = export(foreign, path, labels="abcde", resolution=32)
    with torch.no_grad():
        foreign.head.weight[0] *= 1.5
    wrong = export(foreign, other, labels="abcde", resolution=32)
    note = replace(wrong.verified, reference=done.verified.reference)
    verified_path(other).write_bytes(msgspec.json.encode(note))
    with pytest.raises(VerificationError, match="precision"):
        reverify(other)
    note = replace(note, reference=replace(note.reference, pictures="0" * 64))
    verified_path(other).write_bytes(msgspec.json.encode(note))
    with pytest.raises(PackageError, match="probe pictures"):
        reverify(other)
    export(foreign, other, labels="abcde", resolution=32, verify=False)
    with pytest.raises(PackageError, match="is not known"):
        reverify(other)


def test_every_part_of_a_module_keeps_its_mode(foreign: nn.Module, tmp_path: Path) -> None:
    foreign.train()
    foreign.body[1].eval()  # batch norm frozen, as in fine-tuning
    export(foreign, tmp_path / "Other.mlpackage", labels="abcde", resolution=32, verify=False)
    assert [part.training for part in (foreign, foreign.body, foreign.body[1], foreign.head)] == [
        True, True, False, True,
    ]  # fmt: skip


def test_options_that_do_not_fit(foreign: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="without labels"):
        export(foreign, tmp_path / "m.mlpackage")
    with pytest.raises(ConfigError, match="4 labels for a module of 5 outputs"):
        export(foreign, tmp_path / "m.mlpackage", labels="abcd", resolution=32)
    with pytest.raises(ConfigError, match="parameters on"):
        export(Foreign().double(), tmp_path / "m.mlpackage", labels="abcde")
    with pytest.raises(ConfigError, match="describe a module"):
        export(Variant(weights="untrained"), tmp_path, licence="CC0 1.0")
    spec = ExportSpec(outputs="features", layer="conv11_pointwise")
    with pytest.raises(ConfigError, match="no names of ours"):
        export(foreign, tmp_path / "m.mlpackage", spec=spec)
