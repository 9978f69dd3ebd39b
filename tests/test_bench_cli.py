"""`python -m bench` as people use it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import made_results as made
from bench import __main__
from bench.baselines import BASELINES
from bench.session import suite
from mobilenet.common import terminal
from mobilenet.common.errors import ConfigError
from mobilenet.common.options import Handed
from mobilenet.common.progress import SILENT

HEAVY = {"torch", "coremltools", "numpy", "pandas", "onnx", "onnxruntime", "psutil", "PIL"}


def run(*arguments: str) -> int:
    return terminal.run(__main__.app, list(arguments))


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from bench import __main__; from mobilenet.common import terminal\n"
        "for command in ('', 'run', 'all', 'resume', 'soak', 'placement', 'app', 'devices',"
        " 'env'):\n"
        "    assert terminal.run(__main__.app, [*command.split(), '--help']) == 0\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("Usage: python -m bench") == 9
    assert not HEAVY & set(done.stderr.split())


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "--help") == 0
    options = set(re.findall(r"--[a-z]+", capsys.readouterr().out))
    assert options >= {
        "--runtime", "--unit", "--threads", "--batch", "--pace", "--quick", "--thorough",
        "--rounds", "--seed", "--output", "--detect", "--wait", "--json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.mlpackage"], "nowhere.mlpackage does not exist"),
        (["run", "x", "--quick", "--thorough"], "quick and thorough together"),
        (["run", "x", "--rounds", "0"], "rounds is 0"),
        (["run", "x", "--detect", "1%"], "detect is 1%"),
        (["run", "x", "--detect", "nan"], "detect is nan%"),
        (["run", "x", "--detect", "much"], "detect is much"),
        (["run", "x", "--wait", "-1"], "wait is -1"),
        (["run", "x", "--wait", "nan"], "wait is nan"),
        (["run", "--wait", "a", "b"], "--wait"),
        (["all", "--wait", "1e9"], "wait is 1e+09"),
        (["soak", "x", "--wait", "-1"], "wait is -1"),
        (["run", "x", "--runtime", "tensorrt"], "runtime 'tensorrt' is unknown"),
        (["run", "x", "--runtime", "portable", "--unit", "TPU"], "unit 'TPU' is unknown"),
        (["run", "x", "--batch", "0"], "batch is 0"),
        (["run", "x", "--pace", "1001"], "pace is 1001"),
        (["run", "x", "--pace", "0", "-1"], "pace is -1"),
        (["run", "x", "--threads", "-1"], "threads is -1"),
        (["all", "--baseline", "AlexNet"], "baseline 'AlexNet' is unknown"),
        (["all", "--alpha", "-1"], "alpha is -1"),
        (["resume", "nowhere.jsonl"], "nowhere.jsonl does not exist"),
        (["soak", "nowhere.mlpackage"], "nowhere.mlpackage does not exist"),
        (["run"], ""),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if arguments[0] != "resume":
        arguments = [*arguments, "--output", str(tmp_path / "results.jsonl")]
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_what_was_measured_is_json_on_request(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    def measure(*, progress: Handed = SILENT) -> Path:
        progress.say("measured")
        return made.write(tmp_path / "r.jsonl", made.realistic())

    app = terminal.command("x", "x")
    app.command(__main__.reported(measure), name="measure")
    app.command(__main__.soaked(measure), name="soak")
    assert terminal.run(app, ["measure"]) == 0
    assert b"fastest first" in capsysbinary.readouterr().out
    assert terminal.run(app, ["measure", "--json"]) == 0
    (report,) = json.loads(capsysbinary.readouterr().out)
    assert report["cases"]
    assert terminal.run(app, ["soak", "--json"]) == 0
    assert json.loads(capsysbinary.readouterr().out) == []


def test_the_comparison_is_the_whole_grid_and_quick_a_part_of_it() -> None:
    everything = list(suite.GridOptions().variants(quick=False))
    assert len({variant.slug for variant in everything}) == len(everything) == 32
    quick = [variant.slug for variant in suite.GridOptions().variants(quick=True)]
    assert quick == [
        "MobileNetV1_100_224", "MobileNetV1_075_224", "MobileNetV1_050_224",
        "MobileNetV1_025_224", "MobileNetV1_100_224_shallow",
    ]  # fmt: skip
    assert set(suite.BASELINES) == set(BASELINES)


@pytest.mark.parametrize(
    "command",
    [["run", "nowhere.mlpackage"], ["all"], ["soak", "nowhere.mlpackage"],
     ["placement", "nowhere.mlpackage"], ["accuracy", "nowhere.mlpackage", "--data", "nowhere"]],
    ids=lambda command: command[0],
)  # fmt: skip
def test_records_take_nobodys_place(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "folder.jsonl" / "thesis.txt").write_text("irreplaceable")
    (tmp_path / "file").write_text("mine")
    for output, said in (
        ("folder.jsonl", "is a folder"),
        ("new/", "new/ is a folder"),
        ("file", "file exists"),
        ("file/x.jsonl", "Not a directory"),
        ("/dev/null", "is a device or a pipe"),
    ):
        assert run(*command, "--output", output) == 2
        printed = capsys.readouterr().err
        assert said in printed
        assert printed.count("\n") == 1
    assert (tmp_path / "folder.jsonl" / "thesis.txt").read_text() == "irreplaceable"
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.jsonl"]


def test_answers_of_a_stopped_run_are_no_leave_to_replace_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "x.jsonl"
    (tmp_path / "x.predictions.ndjson").write_text("")
    command = ["accuracy", "nowhere.mlpackage", "--data", "nowhere", "--output", str(labels)]
    labels.write_text("mine")
    assert run(*command, "--labels", str(labels)) == 2
    assert "would replace what is read" in capsys.readouterr().err
    labels.unlink()
    labels.mkdir()
    assert run(*command) == 2
    assert "x.jsonl is a folder" in capsys.readouterr().err


def test_a_part_of_the_grid() -> None:
    part = suite.GridOptions(alpha=(0.5, 0.25), resolution=(160, 96), depth="shallow")
    assert [variant.slug for variant in part.variants(quick=False)] == [
        "MobileNetV1_050_160_shallow", "MobileNetV1_050_96_shallow",
        "MobileNetV1_025_160_shallow", "MobileNetV1_025_96_shallow",
    ]  # fmt: skip
    assert [variant.slug for variant in part.variants(quick=True)] == [
        "MobileNetV1_050_160_shallow"
    ]


def test_v2_has_sizes_of_its_own_and_no_shallow_ones() -> None:
    v2 = [variant.slug for variant in suite.GridOptions(network=("v2",)).variants(quick=False)]
    assert len(v2) == 22  # as published: 1.4 and 1.3 at 224 alone
    assert v2[:3] == ["MobileNetV2_140_224", "MobileNetV2_130_224", "MobileNetV2_100_224"]
    quick = [v.slug for v in suite.GridOptions(network=("v2",)).variants(quick=True)]
    assert quick == [slug for slug in v2 if slug.endswith("_224")]
    both = suite.GridOptions(network=("v1", "v2"), alpha=(1.0,), resolution=(224,))
    assert [variant.slug for variant in both.variants(quick=False)] == [
        "MobileNetV1_100_224", "MobileNetV1_100_224_shallow", "MobileNetV2_100_224",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="depth shallow with network v2"):
        list(suite.GridOptions(network=("v2",), depth="shallow").variants(quick=False))
