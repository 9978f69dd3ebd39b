"""Inputs that are not square: exported, verified, read and run with each side in its place."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from conftest import PHOTO
from export import pipeline
from export.compression.activations import calibrated
from export.formats.registry import format_of
from export.inspect.inspect import inspect
from export.mil.description import ImageInput
from export.mil.read.model import read
from export.package.metadata import KEY, ModuleMetadata, metadata_of
from export.prepared import prepare_checkpoint
from export.runtimes.inputs import picture_size
from export.source import Published
from export.spec import ExportSpec, Variant
from export.verify import reference
from export.verify.agreement import probe_pictures
from export.verify.diff import diff
from export.verify.gates import verify_package
from export.verify.largest_values import largest_values
from export.verify.reverify import reverify
from export.views.export_card import show
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, PackageError, UserError
from mobilenet.common.size import Size
from mobilenet.fold import fold
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained
from mobilenet.weights.resolve import load_weights

SIZE = Size(64, 96)


@pytest.fixture(scope="module")
def oblong() -> Checkpoint:
    return untrained(MobileNetConfig(0.25, 64, input_width=96))


@pytest.fixture(scope="module")
def exported(oblong: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> pipeline.Exported:
    return pipeline.export(oblong, tmp_path_factory.mktemp("oblong") / "net.mlpackage", swift=True)


def needs_coreai(suffix: str) -> None:
    if suffix == ".aimodel":
        pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")


@pytest.mark.parametrize("suffix", [".mlpackage", ".mlmodel", ".aimodel"])
def test_every_format_takes_it_and_is_verified_again(
    oblong: Checkpoint, suffix: str, tmp_path: Path
) -> None:
    needs_coreai(suffix)
    path = pipeline.export(oblong, tmp_path / f"net{suffix}").path
    description = read(path).function().description
    (item,) = description.inputs
    assert isinstance(item, ImageInput)
    assert (item.width, item.height, picture_size(description)) == (96, 64, SIZE)
    about = metadata_of(description.metadata)
    assert about is not None
    assert about.size == SIZE
    again = reverify(path, PHOTO)
    assert again.against == "weights"
    assert again.verified.images == 3
    assert len(again.top5) == 5


@pytest.mark.parametrize("suffix", [".mlpackage", ".aimodel"])
def test_an_array_has_height_before_width(oblong: Checkpoint, suffix: str, tmp_path: Path) -> None:
    needs_coreai(suffix)
    spec = ExportSpec(input="tensor", outputs="features", layer="conv3_pointwise")
    path = pipeline.export(oblong, tmp_path / f"net{suffix}", spec=spec).path
    (item,) = read(path).function().description.inputs
    assert item.shape == (1, 3, 64, 96)


@pytest.mark.parametrize("suffix", [".mlpackage", ".mlmodel", ".aimodel"])
@pytest.mark.parametrize("input", ["image", "tensor"])
def test_swapped_sides_do_not_pass(
    oblong: Checkpoint, suffix: str, input: str, tmp_path: Path
) -> None:
    """The deliberate fault: all that is written is right, but for height and width."""
    needs_coreai(suffix)
    spec = ExportSpec(input=input, outputs="probabilities").for_file(suffix).resolved()
    prepared = prepare_checkpoint(oblong, spec)
    assert prepared.folded is not None
    path = tmp_path / f"net{suffix}"
    format_of(spec).write(replace(prepared, folded=prepared.folded.at((96, 64))), path)
    with pytest.raises(UserError):
        verify_package(path, prepared)
    with pytest.raises(PackageError, match=r"takes 96 x 64 pixels .* 64 x 96"):
        reverify(path)


def test_verification_knows_a_turned_picture(oblong: Checkpoint) -> None:
    """Were sides of pictures mixed up, the probe would show it: its halves are not alike."""
    for picture in probe_pictures(SIZE):
        assert picture.size == (96, 64)
        turned = picture.transpose(Image.Transpose.TRANSPOSE).resize((96, 64))
        answers = reference.of_network(oblong, [picture, turned]).logits
        assert np.linalg.norm(answers[0] - answers[1]) > 0.05 * np.linalg.norm(answers[0])


def test_pictures_of_an_oblong_shape_are_mirrored_and_not_turned() -> None:
    x = torch.arange(2.0 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    assert reference._mirrored_and_turned(x).shape == (8, 3, 4, 6)
    assert reference._mirrored_and_turned(x[..., :4]).shape == (16, 3, 4, 4)


def test_what_is_said_of_it(
    exported: pipeline.Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    about = exported.metadata
    assert about.title == "MobileNet v1, alpha 0.25, 64 x 96, 1000 classes"
    show(exported, json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "to cover 73 x 109, bilinear, centre 64 x 96" in said
    (item,) = inspect(exported.path).inputs
    assert item.kind == "image, RGB, 64 high, 96 wide"
    assert "64 x 96 picture. From a photograph: to cover 73 x 109 pixels" in item.description
    assert exported.swift is not None
    assert "aspect: CGFloat = 96.0 / 64.0" in exported.swift.read_text()
    stored = json.loads(about.encode())
    assert stored["config"]["resolution"] == 64
    assert stored["config"]["input_width"] == 96
    assert metadata_of({KEY: about.encode()}) == about


def test_layers_are_compared_with_the_file(
    exported: pipeline.Exported, oblong: Checkpoint, tmp_path: Path
) -> None:
    store.save(oblong, tmp_path / "net.safetensors")
    for image in (None, PHOTO):
        found = diff(exported.path, tmp_path / "net.safetensors", image)
        assert found.first_difference is None
        assert len(found.layers) > 27
    assert largest_values(exported.path, [PHOTO])["conv0_relu6"] == pytest.approx(6, abs=6)


def test_a_file_of_weights_keeps_its_size(oblong: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    store.save(oblong, path)
    kept = load_weights(path)
    assert (kept.checkpoint.config.size, kept.notes) == (SIZE, ())
    square = load_weights(path, resolution=128)
    assert square.checkpoint.config.size == (128, 128)
    assert square.notes == ("weights for pictures of 64 x 96 pixels are used at 128 x 128",)
    assert load_weights("untrained", resolution=(64, 96)).checkpoint.config.size == SIZE


def test_several_resolutions_are_squares(oblong: Checkpoint, tmp_path: Path) -> None:
    path, spec = tmp_path / "net.safetensors", ExportSpec(resolutions="64,96").resolved()
    store.save(oblong, path)
    for refused in (
        lambda: prepare_checkpoint(oblong, spec),
        lambda: Published(Variant(weights=str(path))).prepare(spec),
    ):
        with pytest.raises(ConfigError, match="resolutions 64,96 for a network of 64 x 96 pixels"):
            refused()


def test_calibration_crops_to_it(oblong: Checkpoint, tmp_path: Path) -> None:
    Image.open(PHOTO).save(tmp_path / "photo.png")
    shapes: list[Sequence[int]] = []
    network = fold(oblong)
    normalization = network.normalization

    class Watched(type(normalization)):  # type: ignore[misc]
        def apply(self, image: Image.Image) -> np.ndarray:
            shapes.append(image.size)
            return super().apply(image)

    watched = Watched(normalization.scale, normalization.bias, normalization.order)
    assert calibrated(replace(network, normalization=watched), tmp_path)
    assert shapes == [(96, 64)]


class Striped(nn.Module):
    """Weighs the sums over columns: it takes pictures of 48 pixels' width alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 1, 3, padding=1), nn.Linear(48, 48)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.conv(x).mean(dim=(1, 2)))


@pytest.mark.parametrize("suffix", [".mlpackage", ".aimodel"])
def test_a_module_of_another_kind(suffix: str, tmp_path: Path) -> None:
    if suffix == ".aimodel":
        pytest.importorskip("coreai_torch", reason="coreai-torch is not installed")
    torch.manual_seed(0)
    spec = ExportSpec(outputs="logits")
    made = pipeline.export(Striped(), tmp_path / f"m{suffix}", resolution=(32, 48), spec=spec)
    about = made.metadata
    assert about.module == ModuleMetadata("Striped", 32, 48, 48)
    assert about.title == "Striped, 32 x 48, 48 outputs"
    assert metadata_of({KEY: about.encode()}) == about
    assert reverify(made.path).against == "answers"
    with pytest.raises(PackageError, match="resolution is 32 x 99999"):
        metadata_of({KEY: about.encode().replace('"input_width":48', '"input_width":99999')})
    square = ModuleMetadata("Striped", 32, 32)
    assert "input_width" not in replace(about, module=square).encode()
