"""A gate on what a model answers: numbers, labels, and why, for a person and for machines."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from export.__main__ import app
from export.package.model_files import find
from export.pipeline import export
from export.verify.diff import diff
from faults import layer, swapped
from inspected import small
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal

KERNEL = np.random.default_rng(1).normal(size=(8, 3, 3, 3)) * 0.3
NAMES = list("abcdefghij")
SOUND = {"kernel": KERNEL, "labels": NAMES}
CHANGED = {
    "nothing": {},
    "rounding": {"kernel": KERNEL * (1 + 1e-3)},
    "weights": {"kernel": -KERNEL},
    "preprocessing": {"scale": 1 / 255, "bias": (0, 0, 0)},
    "channels": {"color": "BGR"},
    "labels": {"labels": ["b", "a", *NAMES[2:]]},
    "classes": {"labels": [*NAMES, "k"], "outputs": 11},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate")
    for name, options in CHANGED.items():
        small(folder / f"{name}.mlpackage", **(SOUND | options))
    return folder


def run(*arguments: object) -> int:
    return terminal.run(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("nothing", 0, "they are the same in every layer\n"),
        ("rounding", 0, "they are the same but for rounding"),
        ("weights", 1, "  weights of conv: off by 2.0e+00\n"),
        ("preprocessing", 1, "  preprocessing: pixels as 0 to 1, RGB; in the reference pixels as "
                             "-1 to 1, RGB\n"),
        ("channels", 1, "  preprocessing: pixels as -1 to 1, BGR;"),
        ("labels", 1, "  labels: 2 of 10 differ, the first is 0: 'b'; in the reference 'a'\n"),
        ("classes", 1, "what one of them answers has no counterpart in the other\n"),
    ],
)  # fmt: skip
def test_what_differs_fails_and_says_why(
    name: str, code: int, said: str, models: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pair = models / f"{name}.mlpackage", models / "nothing.mlpackage"
    files = "--junit", tmp_path / "j.xml", "--summary", tmp_path / "s.md"
    assert run("diff", *pair, "--fail-over", 0.05, *files) == code
    assert said in capsys.readouterr().out
    case = ElementTree.parse(tmp_path / "j.xml").getroot()[0][0]
    assert [element.tag for element in case] == [["system-out"], ["failure"]][code]
    assert case.get("name") == f"{name}.mlpackage against nothing.mlpackage: answers"
    assert ("**failed**" in (tmp_path / "s.md").read_text()) is bool(code)
    assert run("diff", *pair) == 0


def test_the_limit_is_of_what_is_answered(models: Path) -> None:
    pair = models / "rounding.mlpackage", models / "nothing.mlpackage"
    difference = diff(*pair)
    answers = [layer for layer in difference.layers if layer.is_answer]
    assert [layer.type for layer in answers] == ["linear", "softmax"]
    assert difference.answers == max(layer.relative_l2 for layer in answers)
    assert run("diff", *pair, "--fail-over", difference.answers) == 0
    assert run("diff", *pair, "--fail-over", difference.answers / 2) == 1
    assert run("diff", *pair, "--fail-over", "nan") != 0


def test_a_larger_package_fails(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    larger = small(models / "larger.mlpackage", **SOUND, half=False)
    pair = larger, models / "nothing.mlpackage"
    difference = diff(*pair)
    assert difference.growth == find(larger).size_bytes / find(pair[1]).size_bytes - 1 > 0.01
    assert run("diff", *pair, "--fail-larger", 0.01, "--summary", models / "s.md") == 1
    assert f"({difference.growth:+.1%})" in capsys.readouterr().out
    assert "size | **failed**" in (models / "s.md").read_text()
    assert run("diff", *pair, "--fail-larger", difference.growth) == 0
    assert run("diff", *pair[::-1], "--fail-larger", 0) == 0


def test_weights_are_read_as_said(hot: Checkpoint, models: Path, tmp_path: Path,
                                  capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    store.save(hot, tmp_path / "a.safetensors")
    store.save(replace(hot, labels=hot.labels[::-1]), tmp_path / "b.safetensors")
    assert run("diff", tmp_path / "a.safetensors", tmp_path / "b.safetensors", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["answers"] == 0
    assert not record["has_same_labels"]
    said = "--scale", 0.017, "--bias", 0
    assert run("diff", tmp_path / "a.safetensors", tmp_path / "b.safetensors", *said) == 2
    assert "scale" in capsys.readouterr().err  # the file says another
    package = models / "nothing.mlpackage"
    assert run("diff", package, package, *said) == 2
    assert "no file of weights" in capsys.readouterr().err


def test_a_verification_is_a_suite(hot: Checkpoint, models: Path, tmp_path: Path) -> None:
    def tag(*arguments: object) -> tuple[int, str]:
        code = run("verify", *arguments, "--junit", tmp_path / "j.xml")
        return code, ElementTree.parse(tmp_path / "j.xml").getroot()[0][0][0].tag

    store.save(hot, tmp_path / "w.safetensors")
    sound = export(hot, tmp_path / "sound.mlpackage", verify=False).path
    assert tag(sound, "--weights", tmp_path / "w.safetensors") == (0, "system-out")
    fault = layer("conv5_depthwise", lambda it: replace(it, kernel=swapped(it.kernel)))
    faulty = export(fault(hot), tmp_path / "off.mlpackage", verify=False).path
    assert tag(faulty, "--weights", tmp_path / "w.safetensors") == (1, "failure")
    assert tag(models / "nothing.mlpackage") == (2, "error")  # another tool's


def test_an_error_reaches_the_report_too(tmp_path: Path) -> None:
    assert run("diff", "nowhere.mlpackage", "nowhere.h5", "--junit", tmp_path / "j.xml") == 2
    case = ElementTree.parse(tmp_path / "j.xml").getroot()[0][0]
    assert case[0].tag == "error"
    assert "nowhere.mlpackage" in case[0].get("message")


def test_a_strict_inspection_fails_on_a_warning(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = "--junit", tmp_path / "j.xml", "-o", tmp_path / "i.json"
    assert run("inspect", models / "nothing.mlpackage", "--strict", *report) == 0
    small(tmp_path / "full.mlpackage", **SOUND, half=False)
    assert run("inspect", tmp_path / "full.mlpackage", *report) == 0
    assert run("inspect", tmp_path / "full.mlpackage", "--strict", *report) == 1
    capsys.readouterr()
    cases = ElementTree.parse(tmp_path / "j.xml").getroot()[0]
    tags = {case.get("name").split(": ")[-1]: case[0].tag for case in cases}
    assert tags["float32"] == "failure"
    assert json.loads((tmp_path / "i.json").read_bytes())["kind"] == "mlProgram"
