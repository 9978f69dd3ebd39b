"""The harness from end to end, on runtimes that do what they are told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import fake_worker
import fakes
from bench.machine import interference
from bench.results import jsonl
from bench.results.conditions import Interference
from bench.results.records import Case, Launch, Model, Plan, Record, SessionHead
from bench.runtimes.entries import RUNTIMES, RuntimeEntry
from bench.session import cases, prepare, runner, schedule
from bench.session.cases import Candidate
from bench.session.prepare import PreparedCase
from bench.workers.gate import Measurement
from bench.workers.process import Outcome
from bench.workers.protocol import Job
from export.pipeline import export
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import UnsupportedError

PLAN = Plan(rounds=2, warmup_s=0, warmup_calls=1, samples=3, timeout_s=20, seed=7)
Measure = Callable[..., list[Record]]


def candidate(runtime: str, name: str = "model", units: tuple[str, ...] = ("CPU",)) -> Candidate:
    model = Model(name=name, identity=name * 4, size_bytes=1)
    entry = RuntimeEntry(units, worker=fake_worker.COMMAND)
    return Candidate(Path(name), model, runtime, entry, units[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


@pytest.fixture(autouse=True)
def _made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages that need not be there."""
    monkeypatch.setattr(prepare, "description_of", lambda _: fakes.DESCRIPTION)


@pytest.fixture(autouse=True)
def _no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first runtime that runs a package makes its reference."""
    absent = RuntimeEntry(("CPU",), has_threads=True, worker=fake_worker.COMMAND)
    monkeypatch.setitem(RUNTIMES, "portable", absent)


def records(path: Path) -> list[Record]:
    return [msgspec.json.decode(line, type=Record) for line in path.read_bytes().splitlines()]


def launches(path: Path, case: str = "") -> list[Launch]:
    return [r for r in records(path) if isinstance(r, Launch) and r.case.startswith(case)]


def test_a_session_is_a_head_and_every_launch_once(path: Path) -> None:
    runner.start([candidate("FakeRuntime"), candidate("FakeRuntime", "other")], PLAN, path)
    head, *cases = [r for r in records(path) if not isinstance(r, Launch)]
    assert isinstance(head, SessionHead)
    assert head.plan == PLAN
    control = cases[-1]
    assert isinstance(control, Case)
    assert control.control_of == cases[0].case
    done = [(launch.case, launch.round) for launch in launches(path)]
    assert sorted(done) == sorted((case.case, r) for case in cases for r in range(2))
    for launch in launches(path):
        assert launch.status == "ok"
        assert len(launch.samples_ns) == 3
        assert min(launch.samples_ns) >= 300_000
        assert launch.calls_per_sample == 1
        assert len(launch.cpu_ns) == 3
        assert launch.voluntary_switches is not None
        assert launch.involuntary_switches is not None
        assert launch.output is not None
        assert launch.output.difference == 0
        assert launch.start_ns is not None
        assert launch.peak_memory_bytes is not None


def test_the_order_is_that_of_the_seed(path: Path) -> None:
    chosen = [candidate("FakeRuntime", name) for name in ("a", "b", "c")]
    runner.start(chosen, PLAN, path)
    names = [r.case for r in records(path) if isinstance(r, Case)]
    planned = list(schedule.slots(PLAN, names))
    assert [(x.round, x.position, x.case) for x in launches(path)] == planned
    assert [slot.case for slot in planned[:4]] != [slot.case for slot in planned[4:]]


FAULTS = {
    "SegmentationFault": ("crashed", "SIGSEGV"),
    "Abort": ("crashed", "SIGABRT: MPSGraph: failed assertion"),
    "Hang": ("timeout", "no answer within "),
    "Error": ("failed", "ValueError: no such operator"),
    "NotANumber": ("refused", "not finite"),
    "Wrong": ("refused", "differ from the reference by 1 "),
    "Leak": ("failed", "MiB of memory"),
    "Gulp": ("failed", "Unable to allocate"),
}


def test_a_faulty_launch_is_a_row_with_its_reason_and_the_others_go_on(path: Path) -> None:
    """One session in which everything goes wrong that can."""
    plan = msgspec.structs.replace(
        PLAN, rounds=1, timeout_s=6, memory_limit_bytes=256 << 20, samples=200
    )
    names = ["FakeRuntime", *FAULTS, "Noise"]
    runner.start([candidate(name, name) for name in names], plan, path)
    assert [r.skipped for r in records(path) if isinstance(r, Case)] == [""] * (len(names) + 1)
    for name, (status, reason) in FAULTS.items():
        (launch,) = launches(path, name)
        assert (name, launch.status) == (name, status)
        assert reason in launch.reason
        assert launch.samples_ns == ()
    assert [launch.status for launch in launches(path, "FakeRuntime")] == ["ok", "ok"]
    assert [launch.status for launch in launches(path, "Noise")] == ["ok"]  # is no answer


def test_what_cannot_run_is_a_case_with_its_reason(path: Path) -> None:
    wrong_unit = candidate("FakeRuntime", "d", units=("GPU",))
    runner.start(
        [candidate("Absent", "a"), candidate("AlwaysCrashes", "b"), wrong_unit,
         candidate("FakeRuntime", "c")], PLAN, path,
    )  # fmt: skip
    skipped = {r.case[0]: r.skipped for r in records(path) if isinstance(r, Case)}
    assert skipped["a"] == "it is somewhere else"
    assert "SIGSEGV" in skipped["b"]
    assert skipped["d"] == "there is no unit GPU, only CPU"
    assert {launch.case[0] for launch in launches(path)} == {"c"}


def test_nothing_that_runs_is_an_error_and_its_reasons_are_kept(path: Path) -> None:
    with pytest.raises(UnsupportedError, match="none of these packages runs"):
        runner.start([candidate("Absent")], PLAN, path)
    assert [r.skipped for r in records(path) if isinstance(r, Case)] == ["it is somewhere else"]


def test_after_three_failures_in_a_row_a_case_is_not_tried_again(path: Path) -> None:
    plan = msgspec.structs.replace(PLAN, rounds=4)
    runner.start([candidate("FakeRuntime", "a"), candidate("Abort", "b")], plan, path)
    statuses = [launch.reason for launch in launches(path, "b")]
    assert all("SIGABRT" in reason for reason in statuses[:3])
    assert all("not tried" in reason for reason in statuses[3:])
    assert len(statuses) == 4


def test_a_package_that_vanished_is_a_row_and_the_others_go_on(
    path: Path, tmp_path: Path, hot: Checkpoint
) -> None:
    package = export(hot, tmp_path, verify=False).path
    (real,) = cases.candidates([package], ["torch"])
    shutil.rmtree(package)
    runner.start([real, candidate("FakeRuntime")], PLAN, path)
    skipped = {r.runtime: r.skipped for r in records(path) if isinstance(r, Case)}
    assert "does not exist" in skipped["torch"]
    assert skipped["FakeRuntime"] == ""
    assert len(launches(path)) == 4


def test_what_was_compiled_vanishes_and_the_others_go_on(path: Path) -> None:
    plan = msgspec.structs.replace(PLAN, rounds=1)
    runner.start([candidate("FakeRuntime", "a"), candidate("Vanishes", "b")], plan, path)
    (gone,) = launches(path, "b")
    assert gone.status == "failed"
    assert "FileNotFoundError" in gone.reason
    assert {launch.status for launch in launches(path, "a")} == {"ok"}


def test_a_disk_that_is_full_while_compiling_is_a_row(path: Path) -> None:
    runner.start([candidate("NoRoom", "a"), candidate("FakeRuntime", "b")], PLAN, path)
    (skipped,) = [r.skipped for r in records(path) if isinstance(r, Case) and r.skipped]
    assert skipped.startswith("No space left on device")


def test_a_reference_that_is_not_independent_is_noted(path: Path) -> None:
    runner.start([candidate("FakeRuntime")], msgspec.structs.replace(PLAN, rounds=1), path)
    head = records(path)[0]
    assert isinstance(head, SessionHead)
    (note,) = head.notes
    assert "its own first launch" in note
    assert "it is somewhere else" in note


def test_what_prevents_a_quiet_machine_is_noted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Interference("a compiler runs", "wait", passes=True)
    monkeypatch.setattr(interference, "of_now", lambda _: [busy])
    plan = msgspec.structs.replace(PLAN, rounds=1)
    runner.start([candidate("FakeRuntime")], plan, path, wait_s=0.01)
    head = records(path)[0]
    assert isinstance(head, SessionHead)
    assert "a compiler runs" in head.notes[0]
    assert len(launches(path)) == 2


def test_a_slow_model_has_time_in_proportion(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan's limit is for what hangs, not for what takes long by nature."""
    asked: list[Job] = []

    def launch(_: PreparedCase, job: Job) -> Outcome[Measurement]:
        asked.append(job)
        return Outcome("failed", "not run")

    monkeypatch.setattr(PreparedCase, "launch", launch)
    case = candidate("FakeRuntime").case()
    job = Job(task="measure", runtime="", timeout_s=0, memory_limit_bytes=1)
    prepared = PreparedCase(case, (), job, None, outside_s=1, call_s=10)
    plan = msgspec.structs.replace(PLAN, rounds=1)
    with jsonl.create(path, []) as file:
        runner.Runner(plan, {case.case: prepared}, file).run()
    (one,) = asked
    assert one.timeout_s > 4 * (1 + 3 * 10)


def test_the_parents_memory_is_not_the_launches(path: Path) -> None:
    ballast = bytearray(b"x" * (400 << 20))
    plan = msgspec.structs.replace(PLAN, rounds=1, memory_limit_bytes=256 << 20)
    runner.start([candidate("FakeRuntime")], plan, path)
    peaks = [launch.peak_memory_bytes for launch in launches(path)]
    assert all(peak and peak < len(ballast) // 2 for peak in peaks)
