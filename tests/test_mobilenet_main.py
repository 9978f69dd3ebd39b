"""`python -m mobilenet weights`, in process."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.numpy import save_file

import slim_files
from mobilenet import store
from mobilenet.__main__ import app
from mobilenet.common import terminal
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import Normalization
from mobilenet.sources.recognise import read
from weight_files import random_checkpoint


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def graph(tmp_path: Path) -> str:
    original = random_checkpoint(MobileNetConfig(0.25, 64, True, 1001))
    return str(slim_files.slim(original, tmp_path / "x"))


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.run(app, ["weights"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1 + 18 + 22 + 3 + 2
    assert "70.9" in out
    assert "72.154" in out
    assert "75.388" in out
    assert "shallow network were never published" in err


def test_the_table_lists_what_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.run(app, ["weights", "--network", "v2", "--alpha", "0.5", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {(row["network"], row["alpha"]) for row in rows} == {("v2", 0.5)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--alpha", "3"], "nothing was published of alpha 3"),
        (["--classes", "x"], "--classes needs weights"),
        (["--mean", "0", "--std", "1"], "needs weights"),
        (["untrained", "--save", "x.h5"], "a name that ends in .safetensors"),
    ],
)
def test_what_the_table_cannot_have(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.run(app, ["weights", *arguments]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1


def test_the_table_says_what_is_cached_and_what_is_damaged(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cache / "slim").mkdir(parents=True)
    (cache / "slim/slim_1.0_192.pb").write_text("x")
    (cache / "slim/slim_1.0_160.pb").write_text("x")
    (cache / "slim/slim_1.0_160.pb.sha256").write_text("0" * 64)
    terminal.run(app, ["weights", "--json"])
    states = {
        (row["family"], row["resolution"]): row["cache"]
        for row in json.loads(capsys.readouterr().out)
        if (row["network"], row["alpha"]) == ("v1", 1)
    }
    assert states["slim", 192] == "cached"
    assert states["slim", 160] == "damaged"
    assert states["slim", 128] is None


@pytest.mark.parametrize("fold", [False, True])
def test_any_file_becomes_ours(graph: str, fold: bool, tmp_path: Path) -> None:
    saved = tmp_path / "out.safetensors"
    assert terminal.run(app, ["weights", graph, "--save", str(saved), *["--fold"] * fold]) == 0
    found = read(saved)
    assert (found.folded, found.config.shallow, found.config.classes) == (fold, True, 1000)
    assert found.provenance == read(Path(graph)).provenance  # the origin, not the copy


def test_what_is_in_a_file(graph: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.run(app, ["weights", graph]) == 0
    out = capsys.readouterr().out
    for part in (
        "alpha 0.25, 64 x 64, shallow",
        "tench, goldfish",
        "padding same",
        "epsilon 0.001",
    ):
        assert part in out
    terminal.run(app, ["weights", graph, "--json"])
    assert json.loads(capsys.readouterr().out)["config"]["alpha"] == 0.25


def test_what_a_file_does_not_say_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = random_checkpoint(MobileNetConfig(0.25, 96, classes=5))
    save_file(store.state_arrays(original), tmp_path / "bare")
    said = ("--padding", "symmetric", "--epsilon", "1e-5", "--activation", "relu")
    pixels = ("--scale", "0.01", "--bias", "-1", "-2", "-3", "--channels", "bgr")
    refused(tmp_path / "bare", *said, *pixels, said="does not say resolution", capsys=capsys)
    refused("slim", *said, said="options for a file's weights with slim", capsys=capsys)
    arguments = ["weights", str(tmp_path / "bare"), *said, *pixels, "--resolution", "96"]
    assert terminal.run(app, [*arguments, "--save", str(tmp_path / "out.safetensors")]) == 0
    saved = read(tmp_path / "out.safetensors")
    assert saved.config == replace(
        original.config, padding="symmetric", bn_epsilon=1e-5, activation="relu"
    )
    assert saved.normalization == Normalization((0.01,) * 3, (-1.0, -2.0, -3.0), "BGR")


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no weights")
    for argv in (["weights", str(tmp_path / "x")], ["weights", "imagenet", "--shallow"],
                 ["weights", "--save", "x"]):  # fmt: skip
        assert terminal.run(app, argv) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert len(err.splitlines()) == 1


def refused(*arguments: object, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.run(app, ["weights", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_weights_take_no_place_but_a_files(
    graph: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, labels = tmp_path / "folder", tmp_path / "labels.txt"
    folder.mkdir()
    (folder / "thesis.txt").write_text("irreplaceable")
    labels.write_text("mine")
    refused("nowhere.pb", "--save", folder, said=f"output {folder} is a folder", capsys=capsys)
    refused("nowhere.pb", "-o", f"{tmp_path}/new/", said="new/ is a folder", capsys=capsys)
    refused(graph, "--save", graph, said="would replace what is read", capsys=capsys)
    refused("nowhere.pb", "--classes", labels, "--save", labels,
            said="would replace what is read", capsys=capsys)  # fmt: skip
    assert (folder / "thesis.txt").read_text() == "irreplaceable"
    assert labels.read_text() == "mine"
    assert read(Path(graph)).config.shallow
    assert not (tmp_path / "new").exists()


def test_weights_go_where_a_link_leads(graph: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("kept.safetensors")
    assert terminal.run(app, ["weights", graph, "--save", str(tmp_path / "link")]) == 0
    assert (tmp_path / "link").is_symlink()
    assert read(tmp_path / "kept.safetensors").config.shallow


def test_weights_of_a_name_may_lie_in_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "untrained").mkdir()
    command = ["weights", "untrained", "--alpha", "0.25", "--save", "untrained/x.safetensors"]
    assert terminal.run(app, command) == 0
