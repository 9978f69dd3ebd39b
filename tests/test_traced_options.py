"""A module of another kind takes the options that a MobileNet of ours takes, or says why not."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from conftest import PHOTO
from export.calibration_options import CalibrationOptions
from export.mil.read.model import read
from export.package.metadata import verified_path
from export.package.model_files import find
from export.pipeline import export
from export.spec import ExportSpec
from export.verify.reverify import reverify
from mobilenet.common.errors import ConfigError, VerificationError
from mobilenet.common.size import Size
from programs import run_package

LABELS = ("daisy", "rose", "violet")


class Wide(nn.Module):
    """Two layers that are large enough to be compressed, one that is not; takes any size."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU6(), nn.Conv2d(64, 200, 1), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(200, len(LABELS))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).mean((2, 3)))


@pytest.fixture(scope="module")
def wide() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return Wide().eval()


def size_of(package: Path) -> int:
    return find(package).size_bytes


@pytest.mark.parametrize(
    ("method", "share", "values"),
    [("int8", 0.62, 256), ("int4", 0.45, None), ("palette4", 0.4, 16), ("prune50", 0.75, None)],
)
def test_weights_are_compressed_and_the_loss_is_said(
    method: str, share: float, values: int | None, wide: nn.Module, tmp_path: Path
) -> None:
    plain = export(wide, tmp_path / "Plain.mlpackage", labels=LABELS, resolution=32, verify=False)
    spec = ExportSpec(compress=method)
    done = export(wide, tmp_path / "Small.mlpackage", labels=LABELS, resolution=32, spec=spec)
    assert done.size_bytes < share * plain.size_bytes
    assert done.metadata.compression == method
    assert done.verified is not None
    assert done.verified.structure <= 1e-5
    assert done.verified.agreement <= 1e-2
    assert done.verified.loss is not None
    assert 1e-5 < done.verified.loss < 0.5
    function = read(done.path).function()
    kernels = [function.array(op, "weight") for op in function.ops if op.type == "conv"]
    first, *large = [kernel for kernel in kernels if kernel is not None]
    assert len(np.unique(first)) > 256  # as it was: too small
    for kernel in large:
        if method == "prune50":
            assert np.mean(kernel == 0) == pytest.approx(0.5, abs=0.01)
        elif values is not None:
            per_channel = kernel if method == "int8" else [kernel]
            assert max(len(np.unique(part)) for part in per_channel) <= values
    again = reverify(done.path, PHOTO)
    assert again.verified.loss == pytest.approx(done.verified.loss, rel=1e-3)


def test_a_compressed_package_that_changed_is_found_out(wide: nn.Module, tmp_path: Path) -> None:
    spec = ExportSpec(compress="int8")
    done = export(wide, tmp_path / "Small.mlpackage", labels=LABELS, resolution=32, spec=spec)
    with torch.random.fork_rng():
        other = export(
            Wide().eval(), tmp_path / "Other.mlpackage", labels=LABELS, resolution=32, spec=spec
        )
    assert done.verified is not None
    assert other.verified is not None
    note = replace(other.verified, reference=done.verified.reference)
    verified_path(other.path).write_bytes(msgspec.json.encode(note))
    with pytest.raises(VerificationError, match="loss"):
        reverify(other.path)


def test_a_module_too_small_to_compress(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ConfigError, match="no layer has more than 10000 weights"):
        export(
            module, tmp_path / "m.mlpackage", labels="abcd", resolution=32,
            spec=ExportSpec(compress="int8"),
        )  # fmt: skip


def test_a_function_for_each_resolution_shares_the_weights(
    wide: nn.Module, tmp_path: Path
) -> None:
    path = tmp_path / "Wide.mlpackage"
    done = export(wide, path, labels=LABELS, spec=ExportSpec(resolutions="32,64"))
    one = export(wide, tmp_path / "One.mlpackage", labels=LABELS, resolution=64, verify=False)
    assert done.metadata.resolutions == (32, 64)
    assert done.metadata.size == Size.square(64)
    assert done.size_bytes < 1.3 * one.size_bytes
    program = read(path)
    assert program.function().name == "r64"
    for size in (32, 64):
        answer = run_package(path, {"image": Image.new("RGB", (size, size), "teal")},
                             function=f"r{size}")  # fmt: skip
        with torch.no_grad():
            x = torch.tensor([0, 128, 128]).float().view(1, 3, 1, 1).expand(1, 3, size, size)
            expected = wide(x / 127.5 - 1).softmax(1)[0]
        probabilities = [answer["classLabel_probs"][label] for label in LABELS]
        np.testing.assert_allclose(probabilities, expected, atol=1e-4)
    assert reverify(path).against == "answers"


@pytest.mark.parametrize("outputs", ["classifier", "logits"])
def test_the_old_format_is_written(outputs: str, wide: nn.Module, tmp_path: Path) -> None:
    labels = LABELS if outputs == "classifier" else ()
    spec = ExportSpec(outputs=outputs)
    done = export(wide, tmp_path / "Wide.mlmodel", labels=labels, resolution=32, spec=spec)
    assert (done.metadata.format, done.metadata.min_ios) == ("neuralnetwork", 13)
    assert done.verified is not None
    assert done.verified.structure <= 1e-5
    parameters = sum(each.numel() for each in wide.parameters())
    assert done.size_bytes < 2.2 * parameters  # stored as halves


@pytest.mark.parametrize(
    ("options", "resolution", "why"),
    [
        ({"compress": "w8a8"}, None, "running the package in Core ML, which is on a Mac alone"),
        ({"outputs": "features", "layer": "conv11_pointwise"}, None, "no names of ours"),
        ({"format": "coreai", "compress": "int8"}, None, "compress with format coreai"),
        ({"format": "coreai", "resolutions": "32,64"}, None, "resolutions with format coreai"),
        ({"resolutions": "32,64"}, 32, "resolution 32 and resolutions 32,64"),
    ],
)
def test_what_cannot_be_done_says_why(
    options: dict[str, str], resolution: int | None, why: str, wide: nn.Module, tmp_path: Path
) -> None:
    spec = ExportSpec(**options)
    calibrate = PHOTO.parent if spec.compress == "w8a8" else None
    with pytest.raises(ConfigError, match=why):
        export(
            wide,
            tmp_path,
            labels=LABELS,
            resolution=resolution,
            spec=spec,
            calibration=CalibrationOptions(calibrate=calibrate),
        )
    assert not list(tmp_path.iterdir())


def test_a_size_that_a_module_does_not_take(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    with pytest.raises(ConfigError, match="takes no picture of 224 x 224") as refused:
        export(module, tmp_path, labels="ab")
    assert "resolution" in refused.value.hint
