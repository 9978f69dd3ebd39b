"""The grid: rows for all, failures apart, and nothing done twice."""

import signal
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from export.__main__ import app
from export.inspect.inspect import inspect
from export.spec import ExportSpec, PackageForm, Variant, WeightOptions
from export.sweep import sweep
from export.sweep.export_options import CellOptions, SweepOptions
from export.sweep.sweep import Manifest, ManifestRow, SweepItem
from export.views import sweep_card
from mobilenet.common import terminal
from mobilenet.common.interrupts import Terminated
from mobilenet.networks.grid import SizeGrid

UNTRAINED = WeightOptions(weights="untrained")
OPTIONS = SweepOptions(workers=1, offline=True)


def cell(resolution: int, alpha: float = 0.25, **spec: object) -> SweepItem:
    variant = Variant(alpha=alpha, resolution=resolution, shallow=True, weights="untrained")
    return SweepItem(variant, ExportSpec(**spec))


def export_all(cells: list[SweepItem], folder: Path) -> Manifest:
    rows = sweep.export_all(cells, folder, OPTIONS)
    return sweep.write_manifest(cells, list(rows), folder / sweep.MANIFEST)


def test_a_grid_is_resumed_and_survives_a_failure(tmp_path: Path) -> None:
    cells = [cell(32), cell(16), cell(64)]
    first = export_all(cells, tmp_path)
    assert [row.status for row in first.rows] == ["exported", "failed", "exported"]
    assert "resolution is 16" in first.rows[1].reason
    assert first.exit_code == 2
    assert all(row.trained is False and row.package.endswith("_untrained.mlpackage")
               for row in first.rows if row.package)  # fmt: skip
    damaged = tmp_path / first.rows[2].package / "Data/com.apple.CoreML/weights/weight.bin"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    again = export_all([*cells[:1], cells[2]], tmp_path)
    assert [row.status for row in again.rows] == ["unchanged", "exported"]
    assert [row.identity for row in again.rows] == [first.rows[0].identity, first.rows[2].identity]
    assert again.exit_code == 0
    stored = msgspec.json.decode((tmp_path / sweep.MANIFEST).read_bytes(), type=Manifest)
    assert stored == again


def test_both_formats_of_a_cell_are_rows_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    sizes = SizeGrid(alpha=(0.25,), resolution=(32,), depth="deep")
    cells = sweep.grid(sizes, CellOptions(weights=UNTRAINED, format=("coreml", "coreai")))
    assert [cell.name for cell in cells] == ["0.25 32 all", "0.25 32 all coreai"]
    first, again = (
        sweep.write_manifest(
            cells, [sweep._export_item(each, tmp_path, OPTIONS) for each in cells],
            tmp_path / sweep.MANIFEST,
        )
        for _ in range(2)
    )  # fmt: skip
    assert [(row.format, Path(row.package).suffix) for row in first.rows] == [
        ("mlprogram", ".mlpackage"), ("coreai", ".aimodel"),
    ]  # fmt: skip
    assert len({row.identity for row in first.rows}) == 2
    assert [row.status for row in again.rows] == ["unchanged"] * 2
    assert [row.identity for row in again.rows] == [row.identity for row in first.rows]


def test_a_manifest_without_formats_is_of_packages() -> None:
    stored = msgspec.json.encode(row())
    old = stored.replace(b',"format":"mlprogram"', b"")
    assert old != stored
    assert msgspec.json.decode(old, type=ManifestRow) == row()


def row(**fields: object) -> ManifestRow:
    return replace(ManifestRow.of(cell(32), "exported"), **fields)


def test_an_interrupted_grid_keeps_what_is_finished(tmp_path: Path) -> None:
    closed = []

    def rows() -> object:
        try:
            yield row(package="a.mlpackage")
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    finished, interruption = sweep_card.followed(rows(), 2)
    assert isinstance(interruption, KeyboardInterrupt)
    manifest = sweep.write_manifest([cell(32), cell(64)], finished, tmp_path / "manifest.json")
    assert [r.status for r in manifest.rows] == ["exported", "not reached"]
    assert manifest.exit_code == 2
    assert closed


def test_the_manifest_is_written_before_a_signal_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(*_: object, **__: object) -> object:
        yield row(package="a.mlpackage")
        raise Terminated(signal.SIGTERM)

    monkeypatch.setattr(sweep, "export_all", rows)
    arguments = ["all", "--alpha", "0.25", "--resolution", "32", "64", "-o", str(tmp_path)]
    assert terminal.run(app, arguments) == 143
    assert "error: terminated" in capsys.readouterr().err
    stored = msgspec.json.decode((tmp_path / sweep.MANIFEST).read_bytes(), type=Manifest)
    assert {row.status for row in stored.rows} == {"exported", "not reached"}


def test_the_table_shows_failures_and_every_warning_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (
        row(package="A.mlpackage", size_bytes=1_010_000, macs=13_600_000, remarks=("no network",)),
        row(package="B.mlpackage", agreement=7.1e-3, remarks=("no network",)),
        row(status="failed", reason="resolution is 16"),
    )
    sweep_card.show(Manifest(1, "0", rows), tmp_path, json=False)
    printed = capsys.readouterr()
    assert "A.mlpackage" in printed.out
    assert "1.01" in printed.out
    assert "7.1e-03" in printed.out
    assert "failed: resolution is 16" in printed.out
    assert printed.err.count("no network") == 1
    assert "2 x no network" in printed.err


def test_a_grid_goes_into_a_folder_whatever_its_name(tmp_path: Path) -> None:
    manifest = export_all([cell(32)], tmp_path / "v1.2")
    assert [row.status for row in manifest.rows] == ["exported"]
    assert (tmp_path / "v1.2" / manifest.rows[0].package).is_dir()


def test_one_grid_of_both_networks_tells_them_apart(tmp_path: Path) -> None:
    sizes = SizeGrid(network=("v1", "v2"), alpha=(0.35,), resolution=(32,), depth="deep")
    cells = sweep.grid(sizes, CellOptions(weights=UNTRAINED))
    assert [cell.name for cell in cells] == ["0.35 32 all", "v2 0.35 32 all"]
    second = ManifestRow.of(cells[1], "failed", "of v2")
    manifest = sweep.write_manifest(cells, [second], tmp_path / "manifest.json")
    assert [(row.network, row.status) for row in manifest.rows] == [
        ("v1", "not reached"), ("v2", "failed"),
    ]  # fmt: skip


def test_a_manifest_without_networks_is_of_v1() -> None:
    stored = msgspec.json.encode(row())
    old = stored.replace(b',"network":"v1"', b"")
    assert old != stored
    assert msgspec.json.decode(old, type=ManifestRow) == row()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rho", "0.857"], "--rho is of a single export, not of a grid (name the sides"),
        (["--shallow"], "(--depth shallow, or --depth both)"),
        (["--resolutions", "128,160"], "each size has its package here"),
        (["--head", "deeplab"], "head deeplab in a grid without sizes"),
        (["--compress", "int3"], "compress is 'int3'"),
        (["--target", "ane", "--precision", "fp32"], "float16 alone"),
    ],
)
def test_a_grid_refuses_what_it_cannot_have(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.run(app, ["all", "-o", str(tmp_path), *arguments]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_grid_takes_what_a_single_export_takes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(f"class {i}" for i in range(1000)))
    cells = sweep.grid(
        SizeGrid(alpha=(0.25,), resolution=(32,), depth="deep"),
        CellOptions(weights=UNTRAINED, form=PackageForm(min_ios=14)),
    )
    options = SweepOptions(offline=True, swift=True, verify=False, classes=tmp_path / "labels.txt")
    row = sweep._export_item(cells[0], tmp_path, options)
    assert row.package == "MobileNetV1_025_32_neuralnetwork_untrained.mlmodel"
    assert (tmp_path / row.package).with_suffix("").name + "Classifier.swift" in {
        path.name for path in tmp_path.iterdir()
    }
    assert inspect(tmp_path / row.package).labels[:2] == ("class 0", "class 1")
