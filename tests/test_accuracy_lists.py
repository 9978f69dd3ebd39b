"""Lists of classes by any separator, numbers off by one, functions of a package, doubled ones."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import fake_native
from bench.accuracy import plan
from bench.accuracy.class_mapping import outputs_of
from bench.accuracy.evaluate import predictions
from bench.accuracy.label_list import read_list
from bench.accuracy.photographs import find
from bench.accuracy.tally import AccuracyTally
from bench.results.class_numbers import suspicion
from bench.results.records import Accuracy
from bench.session import cases
from bench.session.cases import candidates
from bench.workers.process import Outcome
from bench.workers.protocol import Units
from export import pipeline
from export.runtimes import coreml
from export.spec import ExportSpec
from listener import Listener
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError
from test_accuracy import classifier

NAMES = ("a.jpg", "sub/b.JPEG", "my cat.png")
CLASSES = ("281", "golden retriever", "n02123045")


@pytest.mark.parametrize("suffix", [".txt", ".csv"])
@pytest.mark.parametrize("separator", [",", ", ", "\t", ";", " ; "])
@pytest.mark.parametrize("before", ["", "./", ".//"])
def test_any_usual_separator(tmp_path: Path, separator: str, before: str, suffix: str) -> None:
    lines = [
        f"{before}{name}{separator}{truth}" for name, truth in zip(NAMES, CLASSES, strict=True)
    ]
    path = tmp_path / f"list{suffix}"
    path.write_text("\n".join(["filename" + separator + "label", *lines, ""]))
    assert read_list(path) == dict(zip(NAMES, CLASSES, strict=True))


@pytest.mark.parametrize("separator", [" ", "    ", "  \t "])
def test_blanks_part_a_name_with_blanks_from_a_class(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "list.txt"
    rows = zip((*NAMES, "n01_7"), (*CLASSES, "tench, Tinca tinca"), strict=True)
    path.write_text("".join(f"./{name}{separator}{truth}\r\n" for name, truth in rows))
    assert read_list(path) == {
        "a.jpg": "281", "sub/b.JPEG": "golden retriever", "my cat.png": "n02123045",
        "n01_7": "tench, Tinca tinca",
    }  # fmt: skip


def test_a_comma_may_be_the_labels(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a.jpg tench, Tinca tinca\nb.jpg tabby, tabby cat\n")
    assert read_list(path) == {"a.jpg": "tench, Tinca tinca", "b.jpg": "tabby, tabby cat"}
    path.write_text('"a.jpg","tench, Tinca tinca"\n"b.jpg","tabby"\n')
    assert read_list(path) == {"a.jpg": "tench, Tinca tinca", "b.jpg": "tabby"}


def test_a_cell_without_an_end_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('a.jpg,"' + "x" * 200_000 + "\n")
    with pytest.raises(ConfigError, match="field larger than field limit"):
        read_list(path)


# --- class numbers --------------------------------------------------------------------------


def counted(folder: Path, numbers: Sequence[int], answers: Sequence[int]) -> Accuracy:
    """Of a network of five classes that gives `answers`, for a list that says `numbers`."""

    def answer(pictures: Sequence[Image.Image]) -> np.ndarray:
        places = [np.asarray(picture)[0, 0, 0] for picture in pictures]
        return np.log(np.eye(5, dtype=np.float32)[[answers[place] for place in places]] + 1e-3)

    for place in range(len(numbers)):
        Image.new("RGB", (8, 8), (place, 0, 0)).save(folder / f"{place}.png")
    lines = [f"{place}.png {number}" for place, number in enumerate(numbers)]
    (folder / "val.txt").write_text("\n".join(lines))
    dataset, network = find(folder), classifier("net", answer, tuple("abcde"))
    run = plan.prepare(dataset, [network], ["squash"])
    tally = AccuracyTally(run.head, run.evaluations, folder)
    for prediction in predictions(dataset.photographs, run.evaluations, run.head.pairs, jobs=1):
        tally.add(prediction)
    (record,) = (each for each in tally.records("now") if isinstance(each, Accuracy))
    return record


TRUE = (0, 1, 2, 3, 1, 2, 3, 0, 2, 1, 3, 2)


def test_numbers_off_by_one_are_suspected_and_not_corrected(tmp_path: Path) -> None:
    record = counted(tmp_path, [number + 1 for number in TRUE], TRUE)
    assert (record.top1, record.top1_if_lower, record.top1_if_higher) == (0, 12, 0)
    assert suspicion(record) == (
        "net is right on 0.00 % of the photographs, and would be on 100.00 % were each class "
        "number one lower: the list seems to count classes from 1, not from 0"
    )
    record = counted(tmp_path, TRUE, [number + 1 for number in TRUE])
    assert "one higher" in suspicion(record)


def test_a_bad_network_is_no_suspicion(tmp_path: Path) -> None:
    assert suspicion(counted(tmp_path, TRUE, TRUE)) == ""
    mixed = [(number + place) % 5 for place, number in enumerate(TRUE)]
    assert suspicion(counted(tmp_path, TRUE, mixed)) == ""


def test_a_number_beyond_the_last_is_told_the_first() -> None:
    with pytest.raises(ConfigError) as error:
        outputs_of(["1", "1000"], (), 1000, "net")
    assert error.value.hint == "numbers count from 0 to 999: do these from 1?"


# --- packages -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def several(hot: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("several") / "hot.mlpackage"
    spec = ExportSpec(resolutions="32,64", precision="fp32")
    return pipeline.export(hot, path, spec=spec, verify=False).path


def test_each_function_is_measured(several: Path, tmp_path: Path) -> None:
    small, large = plan.load([several], ["portable"], (), None, tmp_path)
    assert [each.name for each in (small, large)] == [
        f"hot r{side} | portable | CPU | float32" for side in (32, 64)
    ]
    assert (small.size, large.size) == ((32, 32), (64, 64))
    assert (small.model.resolution, large.model.resolution) == (32, 64)
    assert small.model.macs is None
    assert large.model.macs is not None
    pictures = [
        Image.effect_noise(size[::-1], 60).convert("RGB") for size in (small.size, large.size)
    ]
    first, second = (
        each.answer([picture]) for each, picture in zip((small, large), pictures, strict=True)
    )
    assert first.shape == second.shape == (1, 1000)


def test_each_function_is_measured_by_core_ml(
    several: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_native.install(monkeypatch)
    monkeypatch.setattr(coreml, "sys", SimpleNamespace(platform="darwin"))
    here = Outcome("ok", "", Units(("ALL",)))  # a worker is a process without the fake
    monkeypatch.setattr(cases, "units_here", lambda *_: here)
    classifiers = plan.load([several], ["coreml"], (), None, tmp_path)
    assert [(each.name, each.size) for each in classifiers] == [
        ("hot r32 | coreml | ALL", (32, 32)), ("hot r64 | coreml | ALL", (64, 64)),
    ]  # fmt: skip
    for each in classifiers:
        picture = Image.new("RGB", (each.size.width, each.size.height))
        assert each.answer([picture]).shape == (1, 1000)


def test_the_same_package_under_two_names_is_told(several: Path, tmp_path: Path) -> None:
    other = tmp_path / "copy.mlpackage"
    other.symlink_to(several)
    listener = Listener()
    chosen = candidates([several, other, several], ["portable"], progress=listener)
    assert [each.package for each in chosen] == [several]
    assert listener.lines == [
        f"warning: {other} is the same package as {several}: it is measured once"
    ]
