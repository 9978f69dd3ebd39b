"""Every gate on Core AI assets: faults are rejected by Apple's runtime, damage is one line."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from conftest import PHOTO
from export import pipeline
from export.__main__ import app
from export.formats.registry import format_of
from export.package import metadata
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec, Variant
from export.verify.agreement import run
from export.verify.gates import verify_package
from faults import FAULTS, Fault
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal
from mobilenet.common.errors import VerificationError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
EXACT = ExportSpec(format="coreai", precision="fp32")
WEIGHTS = (
    "symmetric padding", "relu for relu6", "BGR", "no bias on pixels", "labels off by one",
    "one weight off by 1 %",
)  # fmt: skip


@pytest.fixture(scope="module")
def saturated() -> Checkpoint:
    """Small, and clipped at both ends."""
    checkpoint = untrained(MobileNetConfig(0.25, 50), seed=1)
    return replace(checkpoint, labels=tuple(f"class {i}" for i in range(1000)))


def rejected(right: Checkpoint, path: Path) -> None:
    with pytest.raises(VerificationError):
        verify_package(path, prepare_checkpoint(right, EXACT))


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.name in WEIGHTS], ids=lambda f: f.name)
def test_a_wrong_network_is_rejected(
    saturated: Checkpoint, fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "n.aimodel"
    format_of(EXACT).write(prepare_checkpoint(fault.change(saturated), EXACT), path)
    monkeypatch.setattr("export.verify.package_weights._check_weights", lambda *_: None)
    rejected(saturated, path)


def bent(name: str, change: Callable[..., Any]) -> Any:
    """While it lasts, Core AI's operation `name` is `change(library, itself, ...)`."""
    import coreai.authoring as ca

    real = getattr(ca, name)
    return mock.patch.object(ca, name, lambda *given: change(ca, real, *given))


PROGRAM = {
    "clip at 6.05": lambda: bent(
        "broadcasting_minimum", lambda _, real, x, limit: real(x, limit * np.float32(6.05 / 6))
    ),
    "clip at 6.001": lambda: bent(
        "broadcasting_minimum", lambda _, real, x, limit: real(x, limit * np.float32(6.001 / 6))
    ),
    "no upper clip": lambda: bent("broadcasting_minimum", lambda _, real, x, limit: x),
    "max pooled": lambda: bent("reduce_mean", lambda ca, _, *given: ca.reduce_max(*given)),
    "no softmax": lambda: bent("softmax", lambda _, real, x, axis: x),
    "padded at the top left": lambda: bent(
        "pad", lambda _, real, x, pads, value: real(x, pads[[0, 1, 2, 3, 5, 4, 7, 6]], value)
    ),
    "red and blue exchanged": lambda: bent(
        "slice_",
        lambda ca, real, *given: ca.reverse(real(*given), np.array([2], np.int32)),
    ),
}


@pytest.mark.parametrize("fault", PROGRAM)
def test_a_wrong_program_is_rejected(saturated: Checkpoint, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "n.aimodel"
    with PROGRAM[fault]():
        format_of(EXACT).write(prepare_checkpoint(saturated, EXACT), path)
    rejected(saturated, path)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> pipeline.Exported:
    variant = Variant(alpha=0.25, resolution=33, weights="untrained")
    folder = tmp_path_factory.mktemp("models")
    return pipeline.export(variant, folder, spec=ExportSpec(format="coreai"))


def test_an_export_is_verified_and_the_note_lies_beside_it(exported: pipeline.Exported) -> None:
    assert exported.path.name == "MobileNetV1_025_33_coreai_untrained.aimodel"
    assert metadata.verified(exported.path, exported.identity) == exported.verified
    assert exported.verified is not None
    assert exported.verified.runtime == "coreai"


def test_verify_shows_five_classes_and_says_what_was_run(
    exported: pipeline.Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.run(app, ["verify", str(exported.path), "--image", str(PHOTO)]) == 0
    out = capsys.readouterr().out
    assert "an image cannot run on Linux" in out
    assert len(out.split("\n\n")[-1].splitlines()) == 5


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda asset: cut(asset / "main.mlirb", 1000),
    "cut, with a hash that fits": lambda asset: (cut(asset / "main.mlirb", 1000), rehash(asset)),
    "flipped": lambda asset: flipped(asset / "main.mlirb"),
    "emptied": lambda asset: (asset / "main.mlirb").write_bytes(b""),
    "without a hash": lambda asset: (asset / "main.hash").unlink(),
    "metadata cut": lambda asset: cut(asset / "metadata.json", 40),
    "missing": shutil.rmtree,
}


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rehash(asset: Path) -> None:
    import hashlib

    digest = hashlib.sha256((asset / "main.mlirb").read_bytes()).digest()
    (asset / "main.hash").write_bytes(digest)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_asset_is_one_line(
    exported: pipeline.Exported, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asset = tmp_path / "n.aimodel"
    shutil.copytree(exported.path, asset)
    DAMAGE[damage](asset)
    assert terminal.run(app, ["verify", str(asset)]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert told.err.startswith("error: ")
    assert len(told.err.splitlines()) == 1


def test_apples_runtime_is_what_runs(
    saturated: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asset as it declares, and its twin; in float32 its own weights run elsewhere."""
    spec, path = ExportSpec(format="coreai"), tmp_path / "n.aimodel"
    runs: list[tuple[str, str]] = []

    def noted(*given: Any, runtime: str, **options: Any) -> Any:
        runs.append((given[2], runtime))
        return run(*given, runtime=runtime, **options)

    monkeypatch.setattr("export.verify.trial.run", noted)
    format_of(spec).write(prepare_checkpoint(saturated, spec), path)
    verify_package(path, prepare_checkpoint(saturated, spec))
    assert sorted(runs) == [
        ("declared", "coreai"), ("float32", "coreai"), ("float32", "portable"),
    ]  # fmt: skip
