"""A place that is lost stops its session, and is no case's fault; resume goes on there."""

import os
import subprocess
from pathlib import Path

import pytest

import absent_package
import fake_worker
from bench.results import jsonl
from bench.results.records import Launch, Model, Plan
from bench.runtimes.entries import RUNTIMES, RuntimeEntry
from bench.session import cases, runner
from bench.session.cases import Candidate
from bench.workers.place import ThisMachine
from bench.workers.process import run_worker
from bench.workers.protocol import Job, Units
from mobilenet.common.children import search_path
from mobilenet.common.errors import ConfigError, PlaceLostError

PLAN = Plan(rounds=3, warmup_s=0, warmup_calls=1, samples=2, timeout_s=30, seed=7)
PREPARING = 3  # describe, compile, try
JOB = Job(task="describe", runtime="FakeRuntime", timeout_s=30, memory_limit_bytes=0)


class Remote:
    """Launches the worker of `fakes` until it is lost."""

    def __init__(self) -> None:
        self.launches, self.lost_at = 0, -1

    def launch(self, job: bytes, timeout_s: float) -> bytes:
        self.launches += 1
        if self.launches == self.lost_at:
            raise PlaceLostError("the phone is locked", "unlock it")
        line = [*fake_worker.COMMAND, job.decode()]
        environment = {**os.environ, "PYTHONPATH": search_path()}
        with subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        ) as process:
            assert process.stdout
            return process.stdout.read()


class Beside(ThisMachine):
    """A place with that one launcher."""

    def __init__(self) -> None:
        self.remote = Remote()
        self.runtimes = {"FakeRuntime": RuntimeEntry(("CPU",), worker=self.remote)}

    def thermal(self) -> None:
        return None

    load_average = thermal


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    absent_package.accept(monkeypatch)
    return tmp_path / "Net.mlpackage"


def candidate(place: Beside, package: Path, name: str) -> Candidate:
    model = Model(name=name, identity="ab", size_bytes=1)
    entry = place.runtimes["FakeRuntime"]
    return Candidate(package.with_stem(name), model, "FakeRuntime", entry, "CPU")


def launches(path: Path) -> list[Launch]:
    with jsonl.resume(path) as (_, records):
        return [record for record in records if isinstance(record, Launch)]


def test_a_launcher_is_a_worker_like_others() -> None:
    assert run_worker(Remote(), JOB, Units).answer == Units(("CPU",))


@pytest.mark.parametrize(
    ("text", "status"), [(b"", "crashed"), (b'{"type":"units"', "crashed"), (b"noise\n", "failed")]
)
def test_half_an_answer_is_none(text: bytes, status: str) -> None:
    class Cut:
        def launch(self, job: bytes, timeout_s: float) -> bytes:
            return text

    assert run_worker(Cut(), JOB, Units).status == status


def test_a_launcher_may_run_out_of_time() -> None:
    class Late:
        def launch(self, job: bytes, timeout_s: float) -> bytes:
            raise TimeoutError

    outcome = run_worker(Late(), JOB, Units)
    assert (outcome.status, outcome.reason) == ("timeout", "no answer within 30 s")


def test_a_lost_place_stops_the_session_and_resume_goes_on(package: Path, tmp_path: Path) -> None:
    place, path = Beside(), tmp_path / "results.jsonl"
    chosen = [candidate(place, package, name) for name in ("Net", "Other")]
    place.remote.lost_at = PREPARING + 7  # the second package is compiled and tried, too
    with pytest.raises(PlaceLostError, match="locked") as stopped:
        runner.start(chosen, PLAN, path, place=place)
    assert stopped.value.hint == f"unlock it; then `python -m bench resume {path}` goes on"
    assert [launch.status for launch in launches(path)] == ["ok"] * 4

    runner.resume(path, place_of=lambda _: place)
    done = launches(path)
    assert [launch.status for launch in done] == ["ok"] * 9
    assert len({(launch.case, launch.round) for launch in done}) == 9
    assert {launch.load_average for launch in done} == {None}
    assert {launch.thermal_after for launch in done} == {None}


def test_a_place_that_is_lost_while_it_is_prepared_leaves_no_file(
    package: Path, tmp_path: Path
) -> None:
    place, path = Beside(), tmp_path / "results.jsonl"
    place.remote.lost_at = PREPARING
    with pytest.raises(PlaceLostError, match="locked"):
        runner.start([candidate(place, package, "Net")], PLAN, path, place=place)
    assert not path.exists()


def test_what_a_place_does_not_have_is_refused(package: Path) -> None:
    case = Candidate(
        package,
        Model(name="Net", identity="ab", size_bytes=1),
        "coreml",
        RUNTIMES["coreml"],
        "ALL",
    ).case()
    with pytest.raises(ConfigError, match="runtime 'coreml' is unknown"):
        cases.candidate_of(case, Beside())
