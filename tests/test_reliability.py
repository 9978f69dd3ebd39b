"""How far a session can be trusted: what its control says, and what it could find."""

import math
from pathlib import Path

import pytest

import made_results as made
from bench.results import sensitivity, tables
from bench.results.read import SessionResults
from bench.results.session_report import Report, report
from mobilenet.networks.v1 import MobileNetConfig


def report_of(records: list) -> Report:
    results = SessionResults(Path("made.jsonl"))
    for record in records:
        results.add(record)
    return report(results)


def controlled(first_ms: list[float], second_ms: list[float]) -> Report:
    """A session of one case and its twin, with these times in its rounds."""
    case = made.case(made.model(MobileNetConfig()))
    twin = made.case(made.model(MobileNetConfig()), case="twin", control_of=case.case)
    launches = [
        made.measured(name, number, samples_ns=(round(time * 1e6),))
        for name, times in ((case.case, first_ms), (twin.case, second_ms))
        for number, time in enumerate(times)
    ]
    return report_of([made.session(len(first_ms)), case, twin, *launches])


@pytest.mark.parametrize("ratio", [1.05, 1 / 1.05])
def test_an_unreliable_session_says_so(ratio: float) -> None:
    uneven = controlled([10.0] * 15, [10.0 * ratio] * 15)
    assert uneven.trust.unreliable.startswith("the A/A control found a difference where there is")
    assert "UNRELIABLE: the A/A control found a difference" in tables.markdown([uneven])
    reliable = report_of(made.realistic())
    assert not reliable.trust.unreliable
    assert "UNRELIABLE" not in tables.markdown([reliable])


@pytest.mark.parametrize(("second_ms", "told"), [(10.03, "+0.3 %"), (9.99, "-0.1 %")])
def test_a_control_has_the_margin_of_a_comparison(second_ms: float, told: str) -> None:
    within = controlled([10.0] * 15, [second_ms] * 15)
    assert not within.controls[0].interval.low <= 1 <= within.controls[0].interval.high
    assert not within.trust.unreliable
    assert any(f"A/A control: {told}" in fact and "no difference" in fact for fact in within.facts)


@pytest.mark.parametrize("extreme_ms", [14.0, 7.0])
def test_a_control_is_uncertain_on_both_sides(extreme_ms: float) -> None:
    uncertain = controlled([10.0] * 6, [10.0, 10.0, 10.0, 10.0, 10.0, extreme_ms])
    assert "uncertain by more than 20 %" in uncertain.trust.unreliable
    assert any("A/A control" in fact and "undecided" in fact for fact in uncertain.facts)


def test_a_session_says_what_it_could_find() -> None:
    times = [10 * math.exp(0.08 * x) for x in (-2, -1, -0.6745, -0.6, 0, 0.6, 0.6745, 1, 2)]
    noisy = controlled([10.0] * 9, times)
    assert noisy.trust.sensitivity.spread == pytest.approx(0.08, rel=1e-3)
    line = next(fact for fact in noisy.facts if "can find" in fact)
    assert line == (
        "this session can find a difference of 15 % between two cases: a round's log ratio "
        "spreads by 0.080; 9 rounds find 7.2 % where it spreads by at most 0.04"
    )
    few = controlled([10.0] * 3, [10.0, 10.1, 10.2])
    assert few.trust.sensitivity.ratio is None
    assert any("3 rounds can show no difference: that takes at least 6" in f for f in few.facts)
    assert controlled([10.0] * 3, []).trust.sensitivity is None


@pytest.mark.parametrize(
    ("rounds", "cases", "words"),
    [
        (3, 1, "3 rounds can show no difference: that takes at least 6"),
        (6, 1, "6 rounds tell two cases apart that differ by 10 %, where a round's log ratio"),
        (6, 9, "; 9 comparisons at once take 9 rounds"),
        (15, 1, "differ by 5.3 %, "),
        (15, 9, "; 9 comparisons at once find 8.2 %"),
    ],
)
def test_a_plan_says_beforehand_what_it_can_decide(rounds: int, cases: int, words: str) -> None:
    assert words in sensitivity.of_plan(rounds, cases)
    assert ("at once" in sensitivity.of_plan(rounds, cases)) == (cases > 1)
