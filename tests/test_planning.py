"""A session planned to find a difference finds it as often as was promised."""

import math
import random
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np
import pytest

import fake_worker
import fakes
import made_results as made
from bench.results import power, stats
from bench.results.bounds import MAX_ROUNDS
from bench.results.compare import compare_launches
from bench.results.records import Case, Launch, Model, Output, Pilot, Record, SessionHead
from bench.results.session_report import read_reports
from bench.runtimes.entries import RuntimeEntry
from bench.session import planning, prepare, runner
from bench.session.cases import Candidate
from bench.session.planning import PILOT_ROUNDS, DifferenceToFind
from bench.session.prepare import PreparedCase
from bench.session.schedule import PLANS
from bench.workers.gate import Measurement
from bench.workers.process import Outcome
from bench.workers.protocol import Job, WorkerResult
from mobilenet.common.errors import UnsupportedError

PLAN = PLANS["quick"]


def launches(
    case: str, rounds: int, spread: float, ratio: float, chance: random.Random
) -> Iterator[Launch]:
    """A case's launches, each with the luck of its process; a pair's ratio spreads by `spread`."""
    for number in range(rounds):
        luck = math.exp(chance.gauss(0, spread / math.sqrt(2)))
        yield made.measured(case, number, samples_ns=(round(1e8 * ratio * luck),))


def pair(rounds: int, spread: float, ratio: float, chance: random.Random) -> list[list[Launch]]:
    return [list(launches(*of, chance)) for of in sides(rounds, spread, ratio)]


def sides(rounds: int, spread: float, ratio: float) -> Iterator[tuple[str, int, float, float]]:
    yield "a", rounds, spread, 1.0
    yield "b", rounds, spread, ratio


@pytest.mark.parametrize("spread", [0.03, 0.06])
def test_planned_rounds_have_the_promised_power(spread: float) -> None:
    """Pilot and session, 300 times; the spread is known from the pilot alone."""
    chance = random.Random(f"power {spread}")
    shown = 0
    for _ in range(300):
        both = list(chain(*pair(PILOT_ROUNDS, spread, 1.0, chance)))
        plan = planning.planned(PLAN, DifferenceToFind(1.05, MAX_ROUNDS), "a", both, 1)
        a, b = pair(plan.rounds, spread, 1.05, chance)
        shown += compare_launches(a, b, ("a", "b")).verdict == "slower"
    assert shown >= 0.95 * 300


@pytest.mark.parametrize("spread", [0.01, 0.04, 0.1])
@pytest.mark.parametrize("ratio", [1.03, 1.1])
def test_the_rounds_that_are_planned_are_those_that_a_report_says_suffice(
    spread: float, ratio: float
) -> None:
    rounds = power.rounds_to_find(spread, ratio, MAX_ROUNDS)
    assert rounds
    least = stats.detectable_ratio(spread, rounds, margin=0.01)
    assert least
    assert least <= ratio * (1 + 1e-9)
    assert power.power(spread, ratio, rounds - 1) < stats.POWER


def test_fifteen_rounds_find_six_percent_on_a_quiet_machine() -> None:
    assert power.rounds_to_find(0.04, 1.06, MAX_ROUNDS) <= 15
    assert power.rounds_to_find(0.0, 1.06, MAX_ROUNDS) == stats.least_count()
    assert power.rounds_to_find(0.5, 1.02, 100) is None


def test_the_pair_that_spreads_most_counts() -> None:
    chance = random.Random(3)
    steady = list(chain(*pair(8, 0.02, 1.0, chance)))
    wild = list(launches("c", 8, 0.4, 1.0, chance))
    plan = planning.planned(PLAN, DifferenceToFind(1.5, 100), "a", [*steady, *wild], 1)
    assert plan.pilot_spread
    assert plan.pilot_spread > 0.1
    few = wild[: stats.least_count() - 1]
    plan = planning.planned(PLAN, DifferenceToFind(1.5, 100), "a", [*steady, *few], 1)
    assert plan.pilot_spread
    assert plan.pilot_spread < 0.1


def test_what_is_out_of_reach_is_said_with_what_is_not() -> None:
    noisy = list(chain(*pair(8, 0.15, 1.0, random.Random(5))))
    with pytest.raises(UnsupportedError) as refused:
        planning.planned(PLAN, DifferenceToFind(1.05, 60), "a", noisy, 40)
    assert "to find 5.0 % would take " in refused.value.message
    assert " rounds, about " in refused.value.message
    easier = int(refused.value.hint.rpartition("--detect ")[2].rstrip("%"))
    plan = planning.planned(PLAN, DifferenceToFind(1 + easier / 100, 60), "a", noisy, 40)
    assert plan.rounds <= 60
    with pytest.raises(UnsupportedError):
        planning.planned(PLAN, DifferenceToFind(1 + (easier - 1) / 100, 60), "a", noisy, 40)


def test_what_no_number_of_rounds_finds() -> None:
    chaos = list(chain(*pair(8, 2.0, 1.0, random.Random(5))))
    with pytest.raises(UnsupportedError, match="over 1000 rounds") as refused:
        planning.planned(PLAN, DifferenceToFind(1.05, 60), "a", chaos, 40)
    assert refused.value.hint == "close other programs"


def test_a_pilot_that_failed_says_why() -> None:
    failed = [made.failed("b", number, "crashed", "SIGSEGV") for number in range(8)]
    a, _ = pair(8, 0.1, 1.0, random.Random(5))
    with pytest.raises(UnsupportedError, match="ended well: SIGSEGV"):
        planning.planned(PLAN, DifferenceToFind(1.05, 60), "a", [*a, *failed], 40)


def prompt(_: PreparedCase, job: Job) -> Outcome[Measurement]:
    """A launch without a process; each takes a little longer than the one before."""
    prompt.calls += 1
    result = WorkerResult(
        start_ns=1, load_ns=1, first_call_ns=1, peak_memory_bytes=1, top1="0",
        samples_ns=(10**9 + 10**6 * prompt.calls,) * job.samples,
    )  # fmt: skip
    output = Output(top1="0", digest="ab", finite=True)
    return Outcome("ok", "", Measurement(result, output, np.zeros(1)))


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[DifferenceToFind], Path]:
    monkeypatch.setattr(prepare, "description_of", lambda _: fakes.DESCRIPTION)
    monkeypatch.setattr(PreparedCase, "launch", prompt)
    monkeypatch.setattr(prompt, "calls", 0, raising=False)
    entry = RuntimeEntry(("CPU",), worker=fake_worker.COMMAND)
    model = Model(name="m", identity="m" * 64, size_bytes=1)
    candidate = Candidate(Path("m"), model, "FakeRuntime", entry, "CPU")

    def run(to_find: DifferenceToFind) -> Path:
        path = tmp_path / "results.jsonl"
        runner.start([candidate], PLAN, path, to_find=to_find)
        return path

    return run


def records(path: Path) -> list[Record]:
    return [msgspec.json.decode(line, type=Record) for line in path.read_bytes().splitlines()]


def test_the_plan_is_fixed_before_the_first_round_and_the_pilot_counts_for_nothing(
    session: Callable[[DifferenceToFind], Path],
) -> None:
    path = session(DifferenceToFind(1.05, 100))
    head, *others = records(path)
    assert isinstance(head, SessionHead)
    kinds = [type(record) for record in others]
    assert kinds == sorted(kinds, key=[Case, Pilot, Launch].index)
    pilot = [record.launch for record in others if isinstance(record, Pilot)]
    main = [record for record in others if isinstance(record, Launch)]
    assert (len(pilot), len(main)) == (2 * PILOT_ROUNDS, 2 * head.plan.rounds)
    assert head.plan.pilot_spread
    needed = planning.SAFETY * head.plan.pilot_spread
    assert head.plan.rounds == power.rounds_to_find(needed, 1.05, MAX_ROUNDS)
    (report,) = read_reports([path])
    assert report.cases[0].launches == head.plan.rounds
    p50 = report.cases[0].p50
    assert p50
    assert p50.value > max(launch.samples_ns[0] for launch in pilot)
    assert any("to find 5.0 % between two cases" in fact for fact in report.facts)


def test_a_pilot_that_promises_too_little_leaves_no_file(
    session: Callable[[DifferenceToFind], Path], tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match="would take"):
        session(DifferenceToFind(1.02, 1))
    assert not list(tmp_path.iterdir())
