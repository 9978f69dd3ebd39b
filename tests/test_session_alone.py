"""A session of the app alone, in Swift: planned here, carried out in one process, and read here.

The engine plays a script that has what the portable runtime computes.
"""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from bench.app import session_plan
from bench.results import upgrade
from bench.results.records import Case, Launch, Placement, Plan, Record, SessionHead
from bench.runtimes.entries import RUNTIMES, RuntimeEntry
from bench.session.schedule import slots
from small_models import classifier
from swift_goldens import placed_op
from test_swift_session import of

PLAN = Plan(rounds=6, warmup_s=0, warmup_calls=3, samples=8, timeout_s=60, seed=7)
SCRIPT = {"load_ns": 0, "call_ns": 250_000, "faulty_call": 10, "ops": [placed_op()]}
NET = 'Né "t" \\ \U0001f600'
FIRST, ABSENT, OTHER = (f"{NET} | made | {unit}" for unit in ("CPU_ONLY", "CPU_AND_NE", "ALL"))
CONTROL = f"{FIRST} (A/A control)"
TIMEOUT_S = 120


class App(NamedTuple):
    """Its folder, with a plan; what it writes; the command that is its Measure screen."""

    folder: Path
    results: Path
    command: list[str]

    def script(self, **changes: Any) -> None:
        """What the engine is to do instead."""
        path = self.folder / f"Models/{NET}.mlpackage.made.json"
        path.write_bytes(
            msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), **changes})
        )

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S
        )

    def records(self) -> list[Record]:
        return [upgrade.decode(line) for line in self.results.read_bytes().splitlines()]

    def all(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records() if isinstance(record, kind)]

    def launches(self, case: str) -> list[Launch]:
        return [launch for launch in self.all(Launch) if launch.case == case]


@pytest.fixture(scope="module")
def planned(swift_worker: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app's folder; of its units the engine does not have the second."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "Models").mkdir()
    package = classifier().save(folder / f"Models/{NET}.mlpackage")
    entry = RuntimeEntry(("CPU_ONLY", "CPU_AND_NE", "ALL"), worker=swift_worker)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RUNTIMES, "made", entry)
        session_plan.write(folder, [package], PLAN, runtime="made")
    script = {**SCRIPT, "outputs": of(package)}
    (folder / f"Models/{NET}.mlpackage.made.json").write_bytes(msgspec.json.encode(script))
    return folder


def app_in(folder: Path, planned: Path, swift_worker: tuple[str, ...]) -> App:
    shutil.copytree(planned, folder / "App")
    results = folder / "new/results.jsonl"
    command = [*swift_worker, "--session", str(folder / "App/plan.json"), str(results)]
    return App(folder / "App", results, command)


@pytest.fixture
def app(planned: Path, swift_worker: tuple[str, ...], tmp_path: Path) -> App:
    return app_in(tmp_path, planned, swift_worker)


@pytest.fixture(scope="module")
def finished(
    planned: Path, swift_worker: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> App:
    made = app_in(tmp_path_factory.mktemp("finished"), planned, swift_worker)
    done = made.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return made


def test_it_is_read_as_any_session_and_says_that_it_shared_a_process(finished: App) -> None:
    (head,) = finished.all(SessionHead)
    assert (head.isolation, head.plan, head.notes) == ("shared", PLAN, ())
    assert head.environment.memory_bytes > 1 << 20
    assert head.environment.python == ""
    cases = finished.all(Case)
    assert [case.case for case in cases] == [FIRST, ABSENT, OTHER, CONTROL]
    assert {case.case: case.control_of for case in cases if case.control_of} == {CONTROL: FIRST}
    assert {case.package for case in cases} == {f"Models/{NET}.mlpackage"}
    assert all(case.compile_ns for case in cases if not case.skipped)
    assert [plan.ops for plan in finished.all(Placement)] == [(placed_op(),)] * 2
    for launch in finished.all(Launch):
        assert (launch.status, launch.reason) == ("ok", "")
        assert launch.output.difference == 0
        assert len(launch.samples_ns) == 8
        assert (launch.start_ns, launch.peak_memory_bytes) == (None, None)


def test_the_order_is_that_of_a_session_here_without_what_a_device_does_not_have(
    finished: App,
) -> None:
    reasons = {case.case: case.skipped for case in finished.all(Case) if case.skipped}
    assert reasons == {ABSENT: "this device has no CPU_AND_NE"}
    assert order(finished) == expected_order()


def expected_order() -> list[tuple[int, str]]:
    every = slots(PLAN, [FIRST, ABSENT, OTHER, CONTROL])
    return [(slot.round, slot.case) for slot in every if slot.case != ABSENT]


def order(app: App) -> list[tuple[int, str]]:
    launches = app.all(Launch)
    assert [launch.position for launch in launches] == [0, 1, 2] * PLAN.rounds
    return [(launch.round, launch.case) for launch in launches]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fault": "load"}, "failed: it cannot be loaded for CPU_ONLY"),
        ({"fault": "wrong", "faulty_call": 0}, "refused: outputs differ from the reference by 2"),
    ],
)
def test_where_nothing_runs_it_says_why(app: App, changes: dict[str, Any], reason: str) -> None:
    app.script(**changes)
    done = app.run()
    assert done.returncode == 2
    assert done.stderr.startswith(f"none of these packages runs here: {reason}")
    reasons = [case.skipped for case in app.all(Case)]
    assert [reasons[0][:20], reasons[2][:20]] == [reason[:20]] * 2


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [("wrong", "refused", "differ from the reference"), ("nan", "refused", "not finite"),
     ("error", "failed", "made to fail")],
)  # fmt: skip
def test_a_fault_is_that_launchs_and_three_in_a_row_are_enough(
    app: App, fault: str, status: str, reason: str
) -> None:
    app.script(fault=fault)
    assert app.run().returncode == 0
    launches = app.launches(FIRST)
    assert [launch.status for launch in launches] == [status] * 3 + ["failed"] * 3
    assert all(reason in launch.reason for launch in launches[:3])
    assert {launch.reason for launch in launches[3:]} == {
        "not tried: 3 launches in a row had failed"
    }


def test_where_operations_run_may_not_be_told(app: App) -> None:
    app.script(ops=None)
    assert app.run().returncode == 0
    assert not app.all(Placement)
    first, second = app.all(SessionHead)
    assert first.session == second.session
    assert second.notes == ("where operations run is not told here",)


def test_an_app_that_was_ended_goes_on_where_it_was(app: App) -> None:
    app.script(call_ns=2_000_000)
    with subprocess.Popen(app.command) as process:
        wait_until(lambda: app.results.exists() and b'"launch"' in app.results.read_bytes())
        process.send_signal(signal.SIGKILL)
    pending = app.results.with_name("results.jsonl.begun")
    begun = json.loads(pending.read_bytes())
    lost = {(begun["case"], begun["round"])} - {
        (launch.case, launch.round) for launch in app.all(Launch)
    }
    before = app.results.read_bytes()
    app.results.write_bytes(before + b'{"kind":"launch","case":"cut')
    app.script(call_ns=0)
    assert app.run().returncode == 0
    assert app.results.read_bytes().startswith(before)
    assert order(app) == expected_order()
    ended = {(launch.case, launch.round): launch for launch in app.all(Launch) if launch.reason}
    assert set(ended) == lost
    assert {(launch.status, launch.reason) for launch in ended.values()} <= {
        ("interrupted", "the app was ended during this launch")
    }
    assert not pending.exists()
    assert [case.case for case in app.all(Case)] == [FIRST, ABSENT, OTHER, CONTROL]


def test_what_ends_the_app_is_not_tried_for_ever(app: App) -> None:
    """A crash takes the session with it: it goes on after the launch that crashed."""
    app.script(fault="crash")
    codes = [app.run().returncode for _ in range(10)]
    assert codes == [-signal.SIGABRT] * 9 + [0]
    statuses = [launch.status for launch in app.launches(FIRST)]
    assert statuses == ["interrupted"] * 3 + ["failed"] * 3


def test_a_case_that_ends_the_app_while_it_is_prepared_is_left_out(app: App) -> None:
    app.script(fault="crash", faulty_call=0)
    for _ in range(2):  # once for each unit that there is
        assert app.run().returncode == -signal.SIGABRT
    done = app.run()
    assert done.returncode == 2
    assert "interrupted: the app was ended while it was prepared" in done.stderr


def test_results_of_another_plan_are_left_as_they_are(app: App, finished: App) -> None:
    app.results.parent.mkdir()
    shutil.copy(finished.results, app.results)
    before = app.results.read_bytes()
    plan = app.folder / "plan.json"
    plan.write_text(plan.read_text().replace('"seed":7', '"seed":8'))
    done = app.run()
    assert done.returncode == 2
    assert "these results are of another plan, device or system" in done.stderr
    assert app.results.read_bytes() == before


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
