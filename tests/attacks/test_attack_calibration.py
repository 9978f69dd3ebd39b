"""Claim: a folder to calibrate with, whatever it holds, costs one line, or its fit photographs do.

A calibration that is interrupted, refused or robbed of its folder leaves the package that was
there as it was, and nothing beside it.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from acting_progress import Acting
from export import pipeline
from export.__main__ import app
from export.calibration_options import CalibrationOptions
from export.compression import calibration
from export.package.model_files import find
from export.spec import ExportSpec
from learned_networks import small_network
from made_photographs import folder_of
from mobilenet.common import terminal
from mobilenet.common.errors import ConfigError

NETWORK = ["--weights", "untrained", "--alpha", "0.25", "--resolution", "32", "--shallow"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photographs", 45)


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A package that must stay as it is."""
    path = tmp_path / "out" / "a.mlpackage"
    pipeline.export(small_network(), path, verify=False)
    return path


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("title", ["Reading photographs", "Weighing layers", "Learning layers"])
def test_ctrl_c_leaves_the_old_package_alone(title: str, folder: Path, there: Path) -> None:
    before, progress = find(there).identity(), Acting(title, interrupt)
    options = CalibrationOptions(calibrate=folder, size=160_000, progress=progress)
    with pytest.raises(KeyboardInterrupt):
        pipeline.export(small_network(), there, spec=ExportSpec(), calibration=options)
    assert progress.acted
    assert find(there).identity() == before
    assert [path.name for path in there.parent.iterdir()] == [there.name]


def test_a_folder_that_vanishes(folder: Path, there: Path) -> None:
    before = find(there).identity()
    progress = Acting("Reading photographs", lambda: shutil.rmtree(folder))
    options = CalibrationOptions(calibrate=folder, progress=progress)
    with pytest.raises(ConfigError, match="photographs to calibrate with, 40 are needed"):
        pipeline.export(
            small_network(), there, spec=ExportSpec(compress="int8"), calibration=options
        )
    assert progress.acted
    assert find(there).identity() == before
    assert [path.name for path in there.parent.iterdir()] == [there.name]


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder")


def few(folder: Path) -> None:
    for path in sorted(folder.iterdir())[8:]:
        path.unlink()


def broken(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:50])


def one_colour(folder: Path) -> None:
    for path in folder.iterdir():
        Image.new("RGB", (96, 72), (9, 99, 199)).save(path)


def tiny(folder: Path) -> None:
    for path in folder.iterdir():
        with Image.open(path) as picture:
            picture.resize((5, 5)).save(path)


def repeated(folder: Path) -> None:
    first, *others = sorted(folder.iterdir())
    for path in others:
        path.write_bytes(first.read_bytes())


@pytest.mark.parametrize("damage", [empty, file, few, broken, one_colour, tiny, repeated])
def test_folders_of_no_use_are_one_line(
    damage: Callable[[Path], None],
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(folder)
    output = tmp_path / "out"
    command = [*NETWORK, "--compress", "int4", "--calibrate", str(folder), "-o", f"{output}/"]
    assert terminal.run(app, command) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert str(folder) in lines[0]
    assert not output.exists() or not list(output.iterdir())


def test_odd_pictures_among_many_are_named(folder: Path, tmp_path: Path) -> None:
    first, second, third, *_ = sorted(folder.iterdir())
    first.write_bytes(first.read_bytes()[:50])
    with Image.open(second) as picture:
        picture.convert("L").save(second)
    Image.new("RGB", (96, 72), "red").save(third)
    options = CalibrationOptions(calibrate=folder)
    exported = pipeline.export(
        small_network(), tmp_path / "out", spec=ExportSpec(compress="int8"), calibration=options
    )
    note = next(note for note in exported.notes if "not used" in note)
    assert note.startswith(f"not used of {folder} (3): ")
    assert all(path.name in note for path in (first, second, third))
    record = exported.metadata.calibration
    assert record.photographs + record.held_back == 42


def test_photographs_that_are_too_many_are_counted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "MAX_PHOTOGRAPHS", 42)
    sorted(folder.iterdir())[0].write_bytes(b"")
    options = CalibrationOptions(calibrate=folder)
    exported = pipeline.export(
        small_network(), tmp_path / "out", spec=ExportSpec(compress="int8"), calibration=options
    )
    note = f"only 42 of the 45 photographs in {folder} are read, spread evenly over their names"
    assert note in exported.notes
    record = exported.metadata.calibration
    assert record.photographs + record.held_back == 41


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "banana"], "size is 'banana' (a number and its unit, as in 2.5MB"),
        (["--size", "1e9MB"], "size is '1e9MB'"),
        (["--size", "0kB"], "size is 0"),
        (["--loss", "nan"], "loss is nan (a number above 0)"),
        (["--loss", "0.1", "--size", "2MB"], "size and loss (give one of the two"),
        (["--finetune", "-1"], "finetune is -1"),
        (["--compress", "mixed"], "compress mixed without its aim"),
        (["--compress", "int4", "--size", "2MB"], "which decides the form of every layer"),
        (["--compress", "prune50", "--loss", "0.1"], "which decides the form of every layer"),
        ([], "without compress (add --compress int4"),
        (["--compress", "w8a8", "--finetune", "1"], "finetune with compress w8a8"),
        (["--size", "1MB", "--format", "neuralnetwork"], "compress mixed needs iOS 16"),
        (["--size", "1kB"], "size 1kB: the least that these forms make of this network is "),
    ],
)
def test_what_contradicts_itself_is_one_line(
    options: list[str], said: str, folder: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    output = tmp_path / "out"
    command = [*NETWORK, "--calibrate", str(folder), *options, "-o", f"{output}/"]
    assert terminal.run(app, command) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert "Traceback" not in errors
    assert not output.exists() or not list(output.iterdir())


@pytest.mark.parametrize("option", ["--size 2MB", "--loss 0.1", "--finetune 5", "--compress w8a8"])
def test_nothing_is_learned_without_photographs(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.run(app, [*NETWORK, *option.split()]) == 2
    assert "add --calibrate, a folder of some hundred photographs" in capsys.readouterr().err
