"""`python -m export` as a user meets it: the card, and every mistake in one line."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from export.__main__ import app
from export.formats.coreml.core_ml import CoreML
from export.package.model_files import find
from export.prepared import Prepared
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal

SMALL = ["--alpha", "0.25", "--resolution", "64", "--weights", "untrained"]


def run(*arguments: object) -> int:
    return terminal.run(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_the_card_says_what_was_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*SMALL, "-o", f"{folder}/") == 0
    printed = capsys.readouterr()
    for said in (
        "MobileNetV1_025_64_untrained.mlpackage", "alpha 0.25, 64 x 64", "untrained, seed 0",
        "467,336", "RGB, 0.00784314 x pixel + -1", "iOS 15", "against PyTorch",
        "python -m bench run",
    ):  # fmt: skip
        assert said in printed.out
    assert "\x1b[" not in printed.out + printed.err
    assert run(*SMALL, "-o", f"{folder}/", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["metadata"]["provenance"]["trained"] is False
    assert {"network": "v1", "alpha": 0.25, "layer": None}.items() <= (
        answer["metadata"]["config"].items()
    )
    assert answer["verified"]["structure"] < 1e-5


def test_the_same_bytes_in_another_process(folder: Path) -> None:
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "export", *SMALL, "--no-verify", "-o", folder / seed]
        subprocess.run(command, check=True, capture_output=True,
                       env={**os.environ, "PYTHONHASHSEED": seed})  # fmt: skip
    one, other = (find(next((folder / seed).glob("*.mlpackage"))) for seed in "12")
    assert one.identity() == other.identity()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--alpha", "-1"], "alpha is -1"),
        (["--alpha", "wide"], "wide"),
        (["--resolution", "7"], "resolution is 7"),
        (["--rho", "2"], "rho is 2"),
        (["--rho", "0.857", "--resolution", "224"], "rho 0.857 means 192 pixels"),
        (["--weights", "nowhere.pb"], "nowhere.pb"),
        (["--weights", __file__], "test_export_cli.py"),
        (["--target", "ane", "--precision", "fp32"], "float16 alone"),
        (["--min-ios", "12"], "min-ios is 12"),
        (["--shallow", "--weights", "imagenet"], "never published"),
        (["--outputs", "logits", "--layer", "conv0"], "conv0"),
        (["--frobnicate"], "--frobnicate"),
        (["-o", "model.onnx"], "model.onnx"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if "-o" not in arguments:
        arguments = [*arguments, "-o", f"{folder}/"]
    if "--weights" not in arguments:
        arguments = [*arguments, "--weights", "untrained"]
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert not list(tmp_path.rglob("*.mlpackage"))


def test_our_own_file_exports_and_verifies(
    hot: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(hot, tmp_path / "w.safetensors")
    assert run("--weights", tmp_path / "w.safetensors", "-o", f"{tmp_path}/") == 0
    assert "MobileNetV1_025_96_untrained" in capsys.readouterr().out


def test_weights_of_another_alpha(
    hot: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(hot, tmp_path / "w.safetensors")
    assert run("--alpha", 0.5, "--weights", tmp_path / "w.safetensors", "-o", f"{tmp_path}/") == 2
    assert "holds alpha 0.25, asked for is alpha 0.5" in capsys.readouterr().err


def test_what_is_there_is_replaced_only_by_what_is_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*SMALL, "-o", f"{folder}/") == 0
    path = next(folder.glob("*.mlpackage"))
    before = find(path).identity()
    write = CoreML.write

    def full(self: CoreML, prepared: Prepared, target: Path) -> None:
        write(self, prepared, target)  # most of it is written when the disk is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(CoreML, "write", full)
    capsys.readouterr()
    assert run(*SMALL, "-o", f"{folder}/") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert find(path).identity() == before
    assert sorted(p.name for p in folder.iterdir()) == [path.name, f"{path.stem}.verified.json"]


def test_a_folder_of_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "photos.mlpackage"
    precious.mkdir()
    (precious / "cat.jpg").write_bytes(b"cat")
    assert run(*SMALL, "-o", precious) == 2
    assert "is not a model package" in capsys.readouterr().err
    assert (precious / "cat.jpg").read_bytes() == b"cat"


def test_an_output_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(*SMALL, "-o", tmp_path / "file" / "m.mlpackage") == 2
    printed = capsys.readouterr().err
    assert str(tmp_path / "file") in printed
    assert printed.count("\n") == 1


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from mobilenet.common import terminal; from export.__main__ import app;"
        "terminal.run(app, ['--help']); print({'torch', 'coremltools', 'numpy', 'onnx', 'pandas'}"
        " & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"


def refused(said: str, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1


def test_a_manifest_takes_no_place_but_a_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "manifest.json"
    folder.mkdir()
    (folder / "thesis.txt").write_text("irreplaceable")
    refused("manifest.json is a folder", capsys, "all", "-o", tmp_path)
    (tmp_path / "file").write_text("mine")
    refused("Not a directory", capsys, "all", "-o", tmp_path / "file")
    assert (folder / "thesis.txt").read_text() == "irreplaceable"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "manifest.json"]


def test_a_web_apps_manifest_makes_no_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "app.mlpackage"
    precious.mkdir()
    (precious / "Manifest.json").write_text('{"name": "app"}')
    for output in (precious, f"{precious}/"):
        refused("is not a model package", capsys, "--weights", "nowhere.pb", "-o", output)
    assert (precious / "Manifest.json").read_text() == '{"name": "app"}'


def test_what_lies_beside_a_package_is_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.verified.json" / "thesis").mkdir(parents=True)
    refused("m.verified.json is a folder", capsys, *SMALL, "-o", tmp_path / "m.mlpackage")
    assert [path.name for path in tmp_path.iterdir()] == ["m.verified.json"]


def test_weights_inside_the_package_are_not_replaced_by_it(
    hot: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.mlpackage"
    assert run(*SMALL, "--no-verify", "-o", path) == 0
    store.save(hot, path / "w.safetensors")
    capsys.readouterr()
    refused("would replace what is read", capsys,
            "--weights", path / "w.safetensors", "-o", path)  # fmt: skip
    assert (path / "w.safetensors").is_file()


@pytest.mark.parametrize("exists", [True, False])
def test_a_slash_or_being_there_makes_a_folder(exists: bool, tmp_path: Path) -> None:
    folder = tmp_path / "v1.2"
    if exists:
        folder.mkdir()
    assert run(*SMALL, "--no-verify", "-o", folder if exists else f"{folder}/") == 0
    assert find(folder / "MobileNetV1_025_64_untrained.mlpackage").kind == "mlpackage"


def test_the_slash_of_a_completed_name_makes_none(tmp_path: Path) -> None:
    pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    assert run(*SMALL, "--no-verify", "-o", f"{tmp_path / 'a.aimodel'}/") == 0
    assert find(tmp_path / "a.aimodel").kind == "aimodel"


def test_a_linked_package_is_replaced_where_it_is(tmp_path: Path) -> None:
    link, target = tmp_path / "m.mlpackage", tmp_path / "store" / "real.mlpackage"
    assert run(*SMALL, "--no-verify", "-o", target) == 0
    link.symlink_to(target)
    for options in (("--shallow",), ()):
        assert run(*SMALL, *options, "--no-verify", "-o", f"{link}/") == 0
        assert link.is_symlink()
        assert [path.name for path in target.parent.iterdir()] == [target.name]
        assert (target / "Manifest.json").is_file()
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".mlpackage"] == [link.name]
