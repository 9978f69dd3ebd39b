"""Calls at a camera's rate: when they begin, what a session says of them, and their rank."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

import fake_worker
import fakes
import made_results as made
from bench.machine import thermal
from bench.results import jsonl
from bench.results.records import Case, Launch, Model, Plan
from bench.results.summary import summarize
from bench.results.thermal_state import Thermal
from bench.runtimes.entries import RUNTIMES, RuntimeEntry
from bench.session import cases, prepare, runner
from bench.session.cases import Candidate
from bench.session.schedule import Slot
from bench.workers import made_inputs, measure
from bench.workers.gate import run_checked
from bench.workers.pacing import Frames
from bench.workers.process import Outcome
from bench.workers.protocol import Job
from fakes import FakeClock
from mobilenet.common.errors import ConfigError
from mobilenet.networks.v1 import MobileNetConfig
from reports.choose import frame

MS = 1_000_000
PLAN = Plan(rounds=2, warmup_s=0, warmup_calls=2, samples=4, timeout_s=20, seed=0)
SHELL = ("/bin/sh", str(Path(__file__).with_name("worker.sh")))


def begun(clock: FakeClock, durations_ms: list[int], early_ms: int = 0) -> Iterator[int]:
    """When calls of these times begin, in ms, a frame every 10 ms; sleep may end too early."""

    def sleep(seconds: float) -> None:
        clock.time_ns += max(round(seconds * 1e9) - early_ms * MS, MS // 2)

    frames = Frames(100, clock, sleep)
    for duration in durations_ms:
        frames.wait()
        yield clock.time_ns // MS
        clock.time_ns += duration * MS


def test_each_call_waits_for_its_frame() -> None:
    assert list(begun(FakeClock(), [1, 9, 3])) == [10, 20, 30]


def test_frames_that_come_during_a_call_are_lost() -> None:
    assert list(begun(FakeClock(), [25, 9, 11, 1])) == [10, 40, 50, 70]


def test_a_sleep_that_ends_early_goes_on() -> None:
    assert list(begun(FakeClock(), [1, 1], early_ms=3)) == [10, 20]


def test_a_paced_call_is_a_sample_however_short_and_waiting_is_not_timed() -> None:
    clock, cpu_clock = FakeClock(), FakeClock()

    def pace() -> None:
        clock.time_ns += 33 * MS
        cpu_clock.time_ns += MS

    timings = measure.measure(
        clock.call(3_000), warmup_s=0, warmup_calls=2, samples=4, clock=clock,
        cpu_clock=cpu_clock, pace=pace,
    )  # fmt: skip
    assert timings.calls_per_sample == 1
    assert set(timings.warmup_ns + timings.samples_ns) == {3_001}
    assert set(timings.cpu_ns) == {1}


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Candidate:
    monkeypatch.setattr(prepare, "description_of", lambda _: fakes.DESCRIPTION)
    absent = RuntimeEntry(("CPU",), has_threads=True, worker=fake_worker.COMMAND)
    monkeypatch.setitem(RUNTIMES, "portable", absent)
    entry = RuntimeEntry(("CPU",), worker=fake_worker.COMMAND)
    model = Model(name="net", identity="0" * 64, size_bytes=1)
    return Candidate(Path("net"), model, "FakeRuntime", entry, "CPU", pace_hz=50)


def test_a_session_is_paced(chosen: Candidate, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    runner.start([chosen], PLAN, path)
    with jsonl.resume(path) as (_, records):
        case, control = (record for record in records if isinstance(record, Case))
        launches = [record for record in records if isinstance(record, Launch)]
    assert case.case == "net | FakeRuntime | CPU | pace 50"
    assert case.options == control.options == {"pace": "50"}
    assert [launch.status for launch in launches] == ["ok"] * 4
    assert {(launch.calls_per_sample, len(launch.samples_ns)) for launch in launches} == {(1, 4)}
    assert {launch.pace_hz for launch in launches} == {50.0}


def test_paces_stand_side_by_side_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(name="net", identity="0" * 64, size_bytes=1)
    monkeypatch.setattr(cases, "model_of", lambda _: model)
    paced = cases.candidates([Path("net")], ["portable"], threads=1, paces=[0, 30, 0])
    assert [candidate.case().options for candidate in paced] == [
        {"threads": "1"}, {"threads": "1", "pace": "30"},
    ]  # fmt: skip


def test_a_launch_is_planned_for_as_long_as_its_frames_take(
    chosen: Candidate, tmp_path: Path
) -> None:
    ready = prepare.Preparer(PLAN, tmp_path).prepare(chosen)
    assert isinstance(ready, prepare.PreparedCase)
    assert ready.call_s == pytest.approx(1 / 50)  # a call takes 0.3 ms


def test_a_record_leads_back_to_its_pace(
    chosen: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Same:
        def __init__(self, path: Path) -> None: ...

        def identity(self) -> str:
            return "0" * 64

    monkeypatch.setattr(cases.model_files, "find", Same)
    monkeypatch.setitem(RUNTIMES, "FakeRuntime", chosen.entry)
    assert replace(cases.candidate_of(chosen.case()), package=chosen.package) == chosen
    too_fast = msgspec.structs.replace(chosen.case(), options={"pace": "1001"})
    with pytest.raises(ConfigError, match="pace is 1001"):
        cases.candidate_of(too_fast)


def test_a_worker_that_does_not_know_of_paces_is_found_out(tmp_path: Path) -> None:
    compiled = tmp_path / "compiled"
    compiled.write_text("ready")
    job = Job(
        task="measure", runtime="good", compiled=str(compiled), unit="NPU",
        inputs=made_inputs.write(fakes.DESCRIPTION, tmp_path),
        outputs=str(tmp_path / "outputs.raw"), samples=600, timeout_s=20,
        memory_limit_bytes=1 << 30,
    )  # fmt: skip
    values = np.frombuffer(Path(job.inputs[0].path).read_bytes(), np.float32)
    assert run_checked(SHELL, job, values).status == "ok"
    outcome = run_checked(SHELL, msgspec.structs.replace(job, pace_hz=30), values)
    assert (outcome.status, outcome.reason) == ("failed", "it did not keep to 30 calls a second")


def test_paced_cases_are_not_ranked_beside_others() -> None:
    model = made.model(MobileNetConfig())
    plain = Case(case="a", model=model, runtime="coreml", unit="ALL")
    launches = list(made.launches([plain], {"a": 1.0}, rounds=6, samples=5, seed=0))
    for options, is_ranked in (({}, True), ({"pace": "30"}, False), ({"batch": "8"}, False)):
        row = summarize(msgspec.structs.replace(plain, options=options), launches)
        assert row.is_ranked == is_ranked
        assert (frame(row) is not None) == is_ranked


def test_heat_is_what_the_worker_says_and_else_what_the_parent_sees(
    chosen: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = prepare.Preparer(PLAN, tmp_path).prepare(chosen)
    assert isinstance(ready, prepare.PreparedCase)
    measured = ready.launch(ready.job).answer
    assert measured
    result = msgspec.structs.replace(measured.result, thermal_before=Thermal(pressure="heavy"))
    outcome = Outcome("ok", answer=measured._replace(result=result))
    monkeypatch.setattr(prepare.PreparedCase, "launch", lambda *_: outcome)
    monkeypatch.setattr(thermal, "state", lambda: Thermal(celsius=20))
    launch = runner.Runner(PLAN, {"net": ready}, []).launch(Slot(0, 0, "net"))
    assert launch.thermal_before == Thermal(pressure="heavy")
    assert launch.thermal_after == Thermal(celsius=20)
