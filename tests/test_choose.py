"""The choice: accurate enough, fast enough, with its reason and its command."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import made_results as made
from bench.results.records import Accuracy, Model, Photographs
from mobilenet.common.proportions import mcnemar_worse, wilson
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
    assert found["coreml"]["export"] == "python -m export --alpha 1 --resolution 224"
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
        (["--fps", "100000"], "closest to 100000 frames a second: MobileNetV1_025_224 on CPU ("),
        (
            ["--fps", "1", "--min-top1", "99"],
            "a top-1 of 99 %: MobileNetV1_100_224 on CPU (70.9 %",
        ),
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


def written(folder: Path, *models: Model, times_ms: Sequence[float], rounds: int = 15) -> Path:
    """A session on one runtime, each model with times of its own."""
    cases = [made.case(model) for model in models]
    latency_ms = {case.case: time for case, time in zip(cases, times_ms, strict=True)}
    launches = made.launches(cases, latency_ms, rounds, 20, seed=4)
    return made.write(folder / "r.jsonl", [made.session(rounds), *cases, *launches])


def test_what_nobody_measured_is_never_recommended(tmp_path: Path, capsys) -> None:
    """A destroyed package and an untrained one are the fastest, and have no figure to pass by."""
    config = MobileNetConfig()
    results = written(
        tmp_path,
        made.model(config),
        made.model(config, name="palette2", identity="b", compression="palette2"),
        made.model(config, name="drawn", identity="c", trained=False),
        times_ms=(10.0, 5.0, 5.0),
    )
    assert choices(results, capsys, "--fps", "50")["portable"]["model"] == config.slug
    (row,) = choices(results, capsys, "--fps", "150").values()
    assert (row["case"], row["top1"]) == ("", None)
    assert row["reason"] == "nothing measured has all that is asked for at once"
    assert row["closest"][1] in {
        "a top-1 that is known: palette2 on CPU (unknown, 70.9 % published for the uncompressed "
        "network)", "a top-1 that is known: drawn on CPU (unknown: untrained)",
    }  # fmt: skip
    (row,) = choices(results, capsys, "--fps", "150", "--min-top1", "70").values()
    assert row["case"] == ""


def test_what_lacks_one_requirement_is_named_for_each(tmp_path: Path, capsys) -> None:
    slow = made.model(MobileNetConfig(), min_ios=15, size_bytes=8_000_000)
    new = made.model(MobileNetConfig(), name="new", identity="b", min_ios=27, size_bytes=8_000_000)
    weak = made.model(MobileNetConfig(0.25), min_ios=15, size_bytes=1_000_000)
    large = made.model(MobileNetConfig(), name="large", identity="c", size_bytes=20_000_000)
    results = written(tmp_path, slow, new, weak, large, times_ms=(40.0, 5.0, 2.0, 5.0))
    asked = ("--fps", "60", "--min-top1", "60", "--max-mb", "10", "--ios", "17")
    row = choices(results, capsys, *asked)["portable"]
    assert row["reason"] == "nothing measured has all that is asked for at once"
    rate, *others = row["closest"]
    assert rate.startswith(f"60 frames a second: {slow.name} on CPU (2")
    assert others == [
        "a top-1 of 60 %: MobileNetV1_025_224 on CPU (49.8 %)",
        "at most 10.0 MB: large on CPU (20.0 MB)",
        "a file for iOS 17: new on CPU (one for iOS 27)",
    ]


def test_what_cannot_be_told_apart_is_decided_by_the_size(tmp_path: Path, capsys) -> None:
    """The same network in both precisions, as fast as each other; then one clearly faster."""
    config = MobileNetConfig()
    half = made.model(config, precision="fp16")
    exact = made.model(config, name="exact", identity="b", size_bytes=2 * half.size_bytes)
    results = written(tmp_path, exact, half, times_ms=(10.0, 10.03))
    row = choices(results, capsys, "--fps", "50")["portable"]
    assert row["model"] == half.name
    assert row["reason"].endswith(
        "; the smallest of 2 whose accuracy and time cannot be told apart"
    )
    results = written(tmp_path, exact, half, times_ms=(6.0, 10.0))
    assert choices(results, capsys, "--fps", "50")["portable"]["model"] == "exact"


def test_published_figures_tie_only_when_they_are_equal(tmp_path: Path, capsys) -> None:
    best, near = (
        made.model(MobileNetConfig(), name=name, identity=name, published_top1=percent)
        for name, percent in (("best", 70.9), ("near", 70.8))
    )
    results = written(tmp_path, best, near, times_ms=(10.0, 7.0))
    assert choices(results, capsys, "--fps", "50")["portable"]["model"] == "best"


PAIRED = {  # right of 400, right alone against the best one, and what is chosen
    "outside the interval of the best one": (311, None, "best"),
    "within both": (320, None, "other"),
    "paired, and worse": (320, (10, 1), "best"),
    "paired, and not shown worse": (311, (99, 81), "other"),
}


@pytest.mark.parametrize(("right", "alone", "model"), PAIRED.values(), ids=PAIRED)
@pytest.mark.parametrize("is_reference", [True, False])
def test_measured_figures_tie_within_both_intervals_or_by_paired_counts(
    tmp_path: Path, capsys, right: int, alone: tuple[int, int] | None, model: str,
    is_reference: bool,
) -> None:  # fmt: skip
    """77.8 [73.4, 81.6] is no match for 82.2 [78.2, 85.7] on the same photographs."""
    best, other = (made.model(MobileNetConfig(), name=name, identity=name) for name in NAMES)
    timed = written(tmp_path, best, other, times_ms=(10.0, 7.0))
    records = [measured_right(best, 329), measured_right(other, right)]
    if alone:
        pair = (0, 1) if is_reference else (1, 0)
        counts = [alone[each] for each in pair]
        records.append(
            made.agreement(
                *(records[each].name for each in pair), p_worse=mcnemar_worse(*counts),
                only_reference_right=counts[0], only_other_right=counts[1],
            )
        )  # fmt: skip
    accuracies = made.write(tmp_path / "accuracies.jsonl", records)
    assert main(["choose", str(timed), str(accuracies), "--fps", "50", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["model"] == model
    assert ("; the 82.25 % of best cannot be told from that" in row["reason"]) == (model != "best")


NAMES = "best", "other"


def measured_right(model: Model, right: int) -> Accuracy:
    photographs = Photographs(name="pets", digest="a", images=400, classes=37)
    return made.accuracy(
        model, right, images=400, photographs=photographs, top1_interval=wilson(right, 400)
    )


def test_few_photographs_do_not_make_a_destroyed_package_as_good(tmp_path: Path, capsys) -> None:
    """Of three photographs none and one are right: no paired test can show that it is worse."""
    config = MobileNetConfig()
    whole = made.model(config)
    destroyed = made.model(config, name="palette2", identity="b", compression="palette2")
    results = written(tmp_path, whole, destroyed, times_ms=(10.0, 5.0))
    few = {"images": 3, "top5": 3}
    accuracies = [
        made.accuracy(whole, 1, top1_interval=(0.061, 0.792), **few),
        made.accuracy(destroyed, 0, top1_interval=(0.0, 0.561), **few),
    ]
    pair = made.agreement(
        *(each.name for each in accuracies), images=3, same_top1=0,
        p_worse=0.5, only_reference_right=1, only_other_right=0,
    )  # fmt: skip
    measured = made.write(tmp_path / "a.jsonl", [made.session(1, 0), *accuracies, pair])
    results.write_bytes(results.read_bytes() + measured.read_bytes().split(b"\n", 1)[1])
    assert choices(results, capsys, "--fps", "50")["portable"]["model"] == whole.name


def test_an_unreliable_session_says_so(tmp_path: Path, capsys) -> None:
    model = made.model(MobileNetConfig())
    first = made.case(model)
    twin = made.case(model, case=f"{first.case} | A/A", control_of=first.case)
    latency_ms = {first.case: 10.0, twin.case: 12.0}
    launches = made.launches([first, twin], latency_ms, 15, 20, seed=4)
    results = made.write(tmp_path / "r.jsonl", [made.session(), first, twin, *launches])
    assert main(["choose", str(results), "--fps", "10"]) == 0
    assert "UNRELIABLE: " in capsys.readouterr().out


def test_warnings_of_the_session_come_once_with_the_choices(tmp_path: Path, capsys) -> None:
    busy = made.session(environment=made.environment(load_average=9.0))
    records = [busy, *made.realistic(rounds=6, samples=5)[1:]]
    results = made.write(tmp_path / "r.jsonl", records)
    main(["choose", str(results), "--fps", "10"])
    out = capsys.readouterr().out
    assert out.count("warning: r.jsonl: other programs are running") == 1
    assert out.index("warning: ") < out.index("portable: ")
