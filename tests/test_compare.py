"""Comparison: what it finds, what it must not find, and what it refuses."""

import json
import math
import random
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import made_results as made
from bench.results import stats
from bench.results.compare import Comparison, compare_launches
from bench.results.records import Launch
from mobilenet.networks.v1 import MobileNetConfig
from reports.__main__ import main

CASES = [made.case(made.model(MobileNetConfig(alpha=alpha))) for alpha in (1.0, 0.5)]
NAMES = [case.case for case in CASES]


def simulated(ratio: float, rounds: int, seed: int) -> Comparison:
    """One session of two cases: slow drift, launch effects, spikes."""
    latency_ms = {NAMES[0]: 10.0, NAMES[1]: 10.0 * ratio}
    both: dict[str, list[Launch]] = {name: [] for name in NAMES}
    for launch in made.launches(CASES, latency_ms, rounds, 11, seed):
        both[launch.case].append(launch)
    return compare_launches(both[NAMES[0]], both[NAMES[1]], (NAMES[0], NAMES[1]))


def test_identical_cases_seldom_differ_and_six_percent_is_found() -> None:
    sessions = 400
    false = sum(simulated(1, 15, seed).verdict in ("faster", "slower") for seed in range(sessions))
    found = sum(simulated(1.06, 15, seed).verdict == "slower" for seed in range(sessions))
    assert false / sessions <= 0.05
    assert found / sessions >= 0.95


def test_fewer_than_six_rounds_have_no_verdict() -> None:
    assert simulated(3, 5, 1).verdict == "too few rounds"
    assert simulated(3, 6, 1).verdict == "slower"
    assert simulated(1 / 3, 6, 1).verdict == "faster"


def test_a_difference_within_the_margin_is_none() -> None:
    a = [launch_of(number, 10.0) for number in range(15)]
    b = [launch_of(number, 10.05) for number in range(15)]
    assert compare_launches(a, b, ("a", "b")).interval.low > 1
    assert compare_launches(a, b, ("a", "b")).verdict == "no difference shown"
    assert compare_launches(a, b, ("a", "b"), margin=0.001).verdict == "slower"


def launch_of(number: int, base_ms: float) -> Launch:
    launch = made.failed("a", number, "ok", "")
    return msgspec.structs.replace(launch, samples_ns=(round(base_ms * 1e6),))


times = st.lists(st.floats(1, 100), min_size=6, max_size=25)


@given(times, times, st.floats(0.1, 10), st.randoms())
def test_a_ratio_scales_turns_round_and_ignores_the_order(
    first: list[float], second: list[float], scale: float, shuffler: random.Random
) -> None:
    a = [launch_of(number, base_ms) for number, base_ms in enumerate(first)]
    b = [launch_of(number, base_ms) for number, base_ms in enumerate(second)]
    found = compare_launches(a, b, ("a", "b"))
    shuffler.shuffle(b)
    assert compare_launches(a, b, ("a", "b")) == found
    turned = compare_launches(b, a, ("b", "a"))
    assert turned.ratio == pytest.approx(1 / found.ratio)
    scaled = [launch_of(launch.round, launch.samples_ns[0] * scale / 1e6) for launch in b]
    assert compare_launches(a, scaled, ("a", "b")).ratio == pytest.approx(
        found.ratio * scale, rel=1e-5
    )
    if found.interval:
        assert found.interval.low <= found.ratio <= found.interval.high


def test_only_rounds_that_both_have_count() -> None:
    """The machine slows down from round to round: paired wrongly, the ratio is another."""
    a = [launch_of(number, 10 + number) for number in range(10)]
    b = [launch_of(number, 20 + 2 * number) for number in range(4, 14)]
    found = compare_launches(a, b, ("a", "b"))
    assert found.rounds == 6
    assert found.ratio == pytest.approx(2)


def session_file(
    path: Path, ratio: float = 1.0, rounds: int = 15, seed: int = 1, **machine
) -> Path:
    head = made.session(rounds, environment=made.environment(**machine), tool=f"0.{seed}")
    latency_ms = {NAMES[0]: 10.0 * ratio, NAMES[1]: 4.0}
    launches = made.launches(CASES, latency_ms, rounds, 11, seed)
    return made.write(path, [head, *CASES, *launches])


def test_a_regression_is_exit_code_1(tmp_path: Path, capsys) -> None:
    before = session_file(tmp_path / "a.jsonl")
    after = session_file(tmp_path / "b.jsonl", 1.2, seed=2)
    assert main(["compare", str(before), str(after)]) == 1
    assert re.search(r"MobileNetV1_100_224.*\+\d+\.\d %.*slower", capsys.readouterr().out)
    assert main(["compare", str(after), str(before)]) == 0
    assert "faster" in capsys.readouterr().out


def test_json_has_the_level_of_all_comparisons_together(tmp_path: Path, capsys) -> None:
    before = session_file(tmp_path / "a.jsonl")
    assert main(["compare", str(before), str(before), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["level"] == stats.adjusted_level(2) == pytest.approx(0.975)
    assert [one["verdict"] for one in found["comparisons"]] == ["no difference shown"] * 2


def test_many_comparisons_need_more_rounds_and_say_how_many(tmp_path: Path, capsys) -> None:
    six = session_file(tmp_path / "a.jsonl", rounds=6)
    assert main(["compare", str(six), str(six)]) == 0
    out = capsys.readouterr().out
    assert "too few rounds" in out
    assert "2 comparisons at once take at least 7 rounds" in out
    assert 2 * 0.5**7 <= 0.05 / 2 < 2 * 0.5**6


@pytest.mark.parametrize(
    "machine",
    [{"processor": "Other CPU"}, {"memory_bytes": 1}, {"physical_cores": 8}, {"virtual": "kvm"}],
)
def test_other_machines_are_refused_unless_forced(tmp_path: Path, capsys, machine) -> None:
    here = session_file(tmp_path / "a.jsonl")
    there = session_file(tmp_path / "b.jsonl", **machine)
    assert main(["compare", str(here), str(there)]) == 2
    error = capsys.readouterr().err
    assert next(iter(machine)).replace("_", " ") in error
    assert "--force" in error
    assert main(["compare", str(here), str(there), "--force"]) == 0
    assert "compared by force" in capsys.readouterr().out


def test_other_software_is_said_not_refused(tmp_path: Path, capsys) -> None:
    here = session_file(tmp_path / "a.jsonl")
    there = session_file(tmp_path / "b.jsonl", python="3.13.0", packages={"onnxruntime": "1.33.0"})
    assert main(["compare", str(here), str(there)]) == 0
    out = capsys.readouterr().out
    assert "python is '3.11.9' and '3.13.0'" in out
    assert "onnxruntime is 1.32.0 and 1.33.0" in out


def test_two_cases_of_one_session(tmp_path: Path, capsys) -> None:
    both = session_file(tmp_path / "a.jsonl")
    assert main(["compare", str(both), "--cases", *NAMES]) == 0
    assert re.search(r"-\d\d\.\d %.*faster", capsys.readouterr().out)
    assert main(["compare", str(both), "--cases", *reversed(NAMES)]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to compare with"),
        (["--cases", "x", "y"], "no case 'x'"),
        (["--cases", *NAMES, "--margin", "2"], "margin is 2.0"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path: Path, capsys, options, message) -> None:
    both = session_file(tmp_path / "a.jsonl")
    assert main(["compare", str(both), *options]) == 2
    assert message in capsys.readouterr().err


def test_sessions_without_a_common_case(tmp_path: Path, capsys) -> None:
    one = session_file(tmp_path / "a.jsonl")
    other = made.write(tmp_path / "b.jsonl", made.layer_records())
    assert main(["compare", str(one), str(other)]) == 2
    assert "no case in common" in capsys.readouterr().err


def test_the_margin_is_symmetric() -> None:
    a = [launch_of(number, 10.0) for number in range(15)]
    b = [launch_of(number, 10.2) for number in range(15)]
    forth, back = (compare_launches(*pair, ("a", "b")) for pair in ((a, b), (b, a)))
    assert (forth.verdict, back.verdict) == ("slower", "faster")
    assert math.log(forth.ratio) == pytest.approx(-math.log(back.ratio))
