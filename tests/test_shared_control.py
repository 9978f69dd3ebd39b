"""Two sessions of one machine: what is told from the machine, and what is not."""

import math
import random
from pathlib import Path

import pytest

import made_results as made
from bench.results import stats
from bench.results.read import SessionResults
from bench.results.records import Record
from made_sessions import BASELINES, CHANGED, MODEL, NAME, session, slowed
from reports.compare_sessions import compare_sessions
from reports.verdicts import ExitCode, Verdicts


def results(records: list[Record], name: str) -> SessionResults:
    made_results = SessionResults(Path(name))
    for record in records:
        made_results.add(record)
    return made_results


def compared(before: list[Record], after: list[Record]) -> Verdicts:
    return compare_sessions(results(before, "before.jsonl"), results(after, "after.jsonl"), 0.01)


def pair(number: int, ratio: float, baselines: list, rounds: int = 15) -> Verdicts:
    """Two sessions between which the machine moves by 2 % by chance, and one model by `ratio`."""
    first, second = 2 * number, 2 * number + 1
    speeds = [math.exp(random.Random(seed).gauss(0, 0.02)) for seed in (first, second)]
    before = session([*baselines, MODEL], speeds[0], rounds, first)
    after = session([*baselines, CHANGED], speeds[1], rounds, second)
    return compared(before, slowed(after, ratio))


def of_changed(verdicts: Verdicts):
    return next(each for each in verdicts.comparisons if each.b == NAME)


@pytest.mark.parametrize("rounds", [6, 15])
def test_a_shift_of_the_machine_is_no_false_alarm_and_the_interval_covers(rounds: int) -> None:
    """Paired round by round, 16 and 33 % would be false. One standard error is 1.3 points."""
    sessions = 300
    found = [of_changed(pair(n, 1.0, BASELINES[:1], rounds)) for n in range(sessions)]
    assert sum(each.differs for each in found) / sessions <= 0.06
    covered = sum(each.interval.low <= 1 <= each.interval.high for each in found)
    assert covered / sessions >= 0.93


def test_six_percent_is_found_beside_one_unchanged_case_and_its_twin() -> None:
    found = [of_changed(pair(n, 1.06, BASELINES[:1])) for n in range(100)]
    assert sum(each.verdict == "slower" for each in found) >= 95
    assert {each.unchanged for each in found} == {2}


def test_more_unchanged_cases_are_surer() -> None:
    def width(baselines: list) -> float:
        found = [of_changed(pair(n, 1.0, baselines)).interval for n in range(40)]
        return stats.median([interval.high - interval.low for interval in found])

    assert width(BASELINES) < width(BASELINES[:1])


def test_without_an_unchanged_case_nothing_is_ever_slower() -> None:
    for number in range(40):
        found = pair(number, 1.5, [])
        assert found.exit_code in (ExitCode.UNDECIDED, ExitCode.UNRELIABLE)
        assert of_changed(found).reason == "cannot be told from the machine"
        assert of_changed(found).bound is None
        assert any("--cases" in remark for remark in found.remarks)


def test_without_an_unchanged_case_no_bound_is_given() -> None:
    found = compared(session([MODEL]), session([CHANGED], seed=11))
    (comparison,) = found.comparisons
    assert (comparison.verdict, comparison.bound) == ("no difference shown", None)
    assert found.words(comparison) == "no difference shown: the machine's own shift is in it"


def test_a_shift_of_all_cases_is_the_machines() -> None:
    models = [MODEL, *BASELINES]
    found = compared(session(models), session(models, 1.1, seed=11))
    assert found.exit_code == ExitCode.UNDECIDED
    (reason,) = found.undecided
    assert reason.startswith("all 4 cases on portable CPU moved by +")
    assert reason.endswith("cannot be told from the machine")
    assert {each.verdict for each in found.comparisons} == {"no difference shown"}


def test_one_unchanged_case_of_several_is_slower_than_the_others() -> None:
    models = [*BASELINES, MODEL]
    found = compared(session(models), slowed(session(models, 0.9, seed=11), 1.2))
    assert found.exit_code == ExitCode.SLOWER
    assert [each.b for each in found.comparisons if each.verdict == "slower"] == [NAME]


@pytest.mark.parametrize("count", [1, 3])
def test_unchanged_cases_are_controls_and_no_rows(count: int) -> None:
    found = pair(1, 1.0, BASELINES[:count])
    assert [each.b for each in found.comparisons] == [NAME]
    assert found.level == 0.95
    cases = "1 unchanged case" if count == 1 else "3 unchanged cases"
    assert any(f"times are relative to {cases}, which moved by" in r for r in found.remarks)


def test_another_unit_is_no_control() -> None:
    def with_coreml(records: list[Record], model) -> list[Record]:
        case = made.case(model, "coreml", "CPU_AND_NE")
        launches = [made.measured(case.case, n, samples_ns=(10**6 + n,)) for n in range(15)]
        return [*records, case, *launches]

    before = with_coreml(session(BASELINES), MODEL)
    after = slowed(
        with_coreml(session(BASELINES, seed=11), CHANGED), 2, f"{MODEL.name} | coreml | CPU_AND_NE"
    )
    (found,) = (each for each in compared(before, after).comparisons if "coreml" in each.b)
    assert (found.verdict, found.unchanged) == ("undecided", 0)


def test_rounds_that_some_lack_do_no_harm() -> None:
    before, after = session([*BASELINES, MODEL]), session([*BASELINES, CHANGED], seed=11)
    cut = [r for r in after if (getattr(r, "case", ""), getattr(r, "round", 0)) != (NAME, 3)]
    lost = made.case(BASELINES[1]).case
    cut = [r for r in cut if (getattr(r, "case", ""), getattr(r, "round", 5)) not in
           [(lost, n) for n in range(5)]]  # fmt: skip
    assert of_changed(compared(before, cut)).rounds == 14
    assert of_changed(compared(before, cut)).verdict == "no difference shown"
