"""Claim: an export replaces packages only, wherever a link leads, and says so before the work.

The longest names work too, or what would lie beside the package is said to have none.
"""

from pathlib import Path

import pytest

from export.__main__ import app
from export.package.model_files import find
from export.source import Published
from mobilenet.common import terminal

SMALL = ("--alpha", "0.25", "--resolution", "32", "--weights", "untrained")


def run(*arguments: object) -> int:
    return terminal.run(app, [str(argument) for argument in (*SMALL, *arguments)])


def test_a_link_to_a_package_stays_and_the_package_is_replaced(tmp_path: Path) -> None:
    package = tmp_path / "real.mlpackage"
    assert run("--no-verify", "-o", package) == 0
    weights = package / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"
    identity = find(package).identity()
    for name in ("link.mlpackage", "latest"):
        (tmp_path / name).symlink_to(package.name)
        weights.write_bytes(b"old")
        assert run("--no-verify", "-o", tmp_path / name) == 0
        assert (tmp_path / name).is_symlink()
        assert find(package).identity() == identity
    assert {path.name for path in tmp_path.iterdir()} == {package.name, "link.mlpackage", "latest"}
    assert {path.name for path in package.iterdir()} == {"Data", "Manifest.json"}


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("dangling.mlpackage", "nothing", "is a link to nothing, which does not exist"),
        ("folder.mlpackage", "precious", "is not a model package"),
        ("circle.mlpackage", "circle.mlpackage", "Too many levels of symbolic links"),
        ("x" * 242 + ".mlpackage", "", ".verified.json is needed: 256 bytes"),
    ],
)
def test_what_cannot_be_replaced_is_said_before_the_work(
    name: str, target: str, said: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis").write_text("mine")
    if target:
        (tmp_path / name).symlink_to(target)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.delattr(Published, "prepare")  # the work
    assert run("-o", tmp_path / name) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_of_245_characters_works(tmp_path: Path) -> None:
    stem = "x" * (245 - len(".mlpackage"))
    assert run("--swift", "-o", tmp_path / f"{stem}.mlpackage") == 0
    assert sorted(path.name.removeprefix(stem) for path in tmp_path.iterdir()) == [
        ".mlpackage", ".verified.json", "Classifier.swift",
    ]  # fmt: skip
