"""The choice: accurate enough, fast enough, with its reason and its command."""

import json
from pathlib import Path

import pytest

import made_results as made
from mobilenet.networks.v1 import MobileNetConfig
from reports.__main__ import main


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return made.write(tmp_path / "r.jsonl", made.realistic(rounds=6, samples=10))


def choices(results: Path, capsys, *options: str) -> dict[str, dict]:
    main(["choose", str(results), "--json", *options])
    return {one["runtime"]: one for one in json.loads(capsys.readouterr().out)}


def test_the_most_accurate_that_fits_for_each_runtime_alone(results: Path, capsys) -> None:
    found = choices(results, capsys, "--fps", "100")
    assert found["coreml"]["case"] == "MobileNetV1_100_224 | coreml | CPU_AND_NE"
    assert found["coreml"]["export"] == (
        "python -m export --alpha 1 --resolution 224 --target ane"
    )
    assert found["portable"]["model"] == "MobileNetV1_100_192"
    assert found["portable"]["top1"] == 70.0
    assert "of the 10.0 ms that a frame may take" in found["portable"]["reason"]
    assert "published (tensorflow/models" in found["portable"]["reason"]


def test_the_p90_must_fit_not_the_median(tmp_path: Path, capsys) -> None:
    """Of the most accurate, one frame in five takes 12 ms: too long for 100 a second."""
    large, small = (made.case(made.model(MobileNetConfig(alpha=alpha))) for alpha in (1.0, 0.75))
    times = [(large, (9, 9, 9, 9, 9, 9, 9, 9, 12, 12)), (small, (5, 5, 5, 5, 5, 5, 5, 5, 6, 6))]
    measured = [
        made.measured(one.case, number, samples_ns=tuple(ms * 1_000_000 for ms in times_ms))
        for number in range(6)
        for one, times_ms in times
    ]
    results = made.write(tmp_path / "r.jsonl", [made.session(), large, small, *measured])
    row = choices(results, capsys, "--fps", "100")["portable"]
    assert (row["model"], row["frame_ns"]) == ("MobileNetV1_075_224", 6e6)
    assert row["reason"].startswith("p90 6.00 ms of the 10.0 ms")
    assert choices(results, capsys, "--fps", "80")["portable"]["model"] == "MobileNetV1_100_224"


def test_size_counts(results: Path, capsys) -> None:
    found = choices(results, capsys, "--fps", "10", "--max-mb", "6")
    assert found["portable"]["model"] == "MobileNetV1_075_224"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--fps", "100000"], "makes 100000 frames a second: MobileNetV1_025_224 on CPU"),
        (["--fps", "1", "--min-top1", "99"], "MobileNetV1_100_224 comes closest with 70.9 %"),
        (["--fps", "1", "--max-mb", "0.1"], "nothing measured has at most 0.100 MB"),
    ],
)
def test_none_has_a_reason_and_exit_code_1(results: Path, capsys, options, reason) -> None:
    assert main(["choose", str(results), *options]) == 1
    assert reason in capsys.readouterr().out


@pytest.mark.parametrize(
    "options", [["--fps", "0"], ["--fps", "nan"], ["--fps", "1", "--min-top1", "101"],
                ["--fps", "1", "--max-mb", "0"], []]
)  # fmt: skip
def test_senseless_wishes_exit_2(results: Path, capsys, options) -> None:
    assert main(["choose", str(results), *options]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_untrained_weights_are_marked(tmp_path: Path, capsys) -> None:
    records = made.realistic(rounds=6, samples=10)
    shallow = [r for r in records if "shallow" in getattr(r, "case", "shallow")]
    results = made.write(tmp_path / "s.jsonl", [records[0], *shallow])
    assert main(["choose", str(results), "--fps", "10"]) == 0
    out = capsys.readouterr().out
    assert "measured with untrained weights" in out
    assert "of trained weights; these are untrained" in out
    assert "python -m export --alpha 1 --resolution 224 --shallow" in out
