"""Claim: `bench app` replaces what it wrote and nothing else, wherever a link leads.

And no name that a stranger chose becomes part of project, property list or Swift file.
"""

import json
import shutil
from pathlib import Path

import pytest

from bench.__main__ import app
from bench.app import app_folder, write
from export.pipeline import export
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal

NAMES = (
    'a"; isa = X; "',
    "a\\",
    "</string><key>x",
    "$(HOME)",
    "\\(exit(1))",
    "*/ //",
    "🐱 é",
    "-x",
)


@pytest.fixture(scope="module")
def package(hot: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(hot, tmp_path_factory.mktemp("made") / "Net.mlpackage", verify=False).path


def run(*arguments: object) -> int:
    return terminal.run(app, ["app", *map(str, arguments)])


def everything(folder: Path) -> dict[str, bytes]:
    """Each file's content, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


@pytest.mark.parametrize("inside", ["thesis", "Info.plist", ".git/config", "Models/thesis"])
def test_what_is_not_ours_stays(
    package: Path, tmp_path: Path, inside: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "App" / inside
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    (tmp_path / "link").symlink_to("App")
    for output in ("App", "link"):
        assert run(package, "-o", tmp_path / output) == 2
        assert "is not the folder of an app" in capsys.readouterr().err
    assert everything(tmp_path / "App") == {inside: b"mine"}


def test_what_was_put_beside_stays(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "App", [package])
    (tmp_path / "App/thesis").write_text("mine")
    before = everything(tmp_path / "App")
    assert run(package, "-o", tmp_path / "App") == 2
    assert "also holds 'thesis'" in capsys.readouterr().err
    assert everything(tmp_path / "App") == before


def test_a_file_a_link_in_a_circle_and_what_is_read_stay(package: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "circle").symlink_to("circle")
    write(tmp_path / "App", [package])
    before = everything(tmp_path)
    for output in ("file", "circle", "file/App"):
        assert run(package, "-o", tmp_path / output) == 2
    assert run(tmp_path / "App/Models/Net.mlpackage", "-o", tmp_path / "App") == 2
    assert everything(tmp_path) == before


def test_a_link_to_an_app_stays_and_the_app_is_replaced(package: Path, tmp_path: Path) -> None:
    write(tmp_path / "App", [package])
    (tmp_path / "link").symlink_to("App")
    (tmp_path / "App/Sources/MobileNetApp.swift").write_text("old")
    write(tmp_path / "link", [package])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "App/Sources/MobileNetApp.swift").read_text() != "old"


def test_what_fails_leaves_what_was_there(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "App", [package])
    before = everything(tmp_path)

    def full(*_arguments: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(app_folder, "fill", full)
    for output in ("App", "New"):
        assert run(package, "-o", tmp_path / output) == 2
    assert everything(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["App"]


def test_no_name_becomes_code(package: Path, tmp_path: Path) -> None:
    copies = []
    for number, name in enumerate(NAMES):
        (tmp_path / str(number)).mkdir()
        place = tmp_path / str(number) / f"{name.replace('/', ':')}.mlpackage"
        copies.append(shutil.copytree(package, place))
    write(tmp_path / "plain", [package])
    hostile = tmp_path / 'A"pp; \\(x)'
    assert run(*copies, "-o", hostile, "--unit", "ALL", "--quick") == 0
    names = sorted(path.name for path in (hostile / "Models").iterdir())
    assert names == sorted(path.name for path in copies)
    plan = json.loads((hostile / "plan.json").read_bytes())
    assert plan["cases"][0]["job"]["package"] == f"Models/{copies[0].name}"
    text, plain = everything(hostile), everything(tmp_path / "plain")
    for data in ("Models", "Inputs", "References", "plan.json"):
        text = {name: content for name, content in text.items() if not name.startswith(data)}
    assert set(plain) - set(text) == {name for name in plain if name.startswith("Models")}
    changed = [name for name in text if text[name] != plain[name]]
    assert changed == ["MobileNet.xcodeproj/project.pbxproj"]  # which has more to copy
    assert not any(path.name.encode() in text[changed[0]] for path in copies)
