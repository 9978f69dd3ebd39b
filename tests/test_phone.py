"""A session on a made phone: its app is the runner in Swift, or what answers like it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import absent_package
import made_app
import made_phone
from bench.devices import phone_launcher
from bench.devices.devicectl import DeviceError
from bench.devices.phone import Phone
from bench.results import jsonl
from bench.results.records import Case, Launch, Model, Plan, Record, SessionHead
from bench.runtimes import swift_runner
from bench.session import runner
from bench.session.cases import Candidate
from bench.workers.process import Outcome, run_worker
from bench.workers.protocol import Compiled, Job, Units, WorkerResult
from made_phone import MadePhone
from mobilenet.common.errors import PlaceLostError

PLAN = Plan(rounds=2, warmup_s=0, warmup_calls=1, samples=3, timeout_s=60, seed=7)
PREPARING = 3  # launches: describe, compile, try
MOST_COMMANDS = 7  # of devicectl, for one launch
HAS_SWIFT = shutil.which(swift_runner.SWIFT[0]) is not None


@pytest.fixture
def app(request: pytest.FixtureRequest) -> list[str]:
    return list(request.getfixturevalue("swift_worker")) if HAS_SWIFT else made_app.COMMAND


@pytest.fixture
def phone(app: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadePhone:
    absent_package.accept(monkeypatch)
    return made_phone.make(tmp_path, app, monkeypatch)


def measure(
    phone: MadePhone, path: Path, names: tuple[str, ...] = ("Net",), **changes: Any
) -> None:
    place = phone.place()
    (entry,) = place.runtimes.values()
    chosen = [
        Candidate(
            made_phone.package(path.parent, name), Model(name=name, identity="ab", size_bytes=1),
            "coreml-native", entry, "CPU_ONLY", **changes,
        )
        for name in names
    ]  # fmt: skip
    runner.start(chosen, PLAN, path, place=place)


def launch(
    place: Phone, expected: type[Any] = WorkerResult, timeout_s: float = 60, **fields: Any
) -> Outcome[Any]:
    (entry,) = place.runtimes.values()
    job = Job(runtime="coreml-native", timeout_s=timeout_s, memory_limit_bytes=1 << 40, **fields)
    return run_worker(entry.worker, job, expected)


def records(path: Path) -> list[Record]:
    with jsonl.resume(path) as (_, found):
        return list(found)


def launches(path: Path) -> list[Launch]:
    return [record for record in records(path) if isinstance(record, Launch)]


def check(path: Path, phone: MadePhone) -> None:
    """A whole session of the phone, by no more commands than there may be."""
    head, *_ = records(path)
    assert isinstance(head, SessionHead)
    assert (head.environment.name, head.environment.system) == ("iPhone 15 Pro", "iOS 26.1")
    assert head.isolation == "process"
    assert [(launch.status, launch.reason) for launch in launches(path)] == [("ok", "")] * 4
    assert {launch.load_average for launch in launches(path)} == {None}
    assert max(phone.per_launch()[1:]) <= MOST_COMMANDS  # but for what "describe" waits for
    starts = [command for command in phone.commands() if "launch" in command]
    assert all("--terminate-existing" in command for command in starts)
    assert not any("--console" in command for command in phone.commands())


@pytest.mark.parametrize("app", [made_app.COMMAND])
def test_a_session_by_processes(
    phone: MadePhone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a Mac: `xcrun` is a program that is found on the PATH, and prints what it likes."""
    made_phone.put_on_path(tmp_path, monkeypatch)
    measure(phone, tmp_path / "results.jsonl")
    check(tmp_path / "results.jsonl", phone)


def test_a_session_of_a_package_of_any_name(phone: MadePhone, tmp_path: Path) -> None:
    name = "a 'b' \"c\" $HOME `d` 🐈 --json-output"
    measure(phone, tmp_path / "results.jsonl", (name,))
    check(tmp_path / "results.jsonl", phone)


@pytest.mark.parametrize(
    ("fault", "says", "remedy"),
    [
        ("locked", "is locked", "Auto-Lock"),
        ("unplugged", "cannot be reached", "cable"),
        ("key", "not of the form that is known", "report it"),
        ("silent", "devicectl left no answer", "Xcode 15"),
    ],
)
def test_a_lost_phone_stops_the_session_and_resume_goes_on(
    phone: MadePhone, tmp_path: Path, fault: str, says: str, remedy: str
) -> None:
    path = tmp_path / "results.jsonl"
    phone.fail(fault, after=PREPARING + 2)
    with pytest.raises(PlaceLostError) as stopped:
        measure(phone, path)
    assert says in stopped.value.message
    assert remedy in stopped.value.hint
    assert f"`python -m bench resume {path}` goes on" in stopped.value.hint
    assert "\n" not in stopped.value.message + stopped.value.hint
    before = launches(path)
    assert 1 <= len(before) <= 2  # a copy may fail after the last launch
    phone.mend()
    runner.resume(path, place_of=lambda _: phone.place())
    assert launches(path)[: len(before)] == before
    check(path, phone)


def test_no_space_is_said_before_the_session_begins(phone: MadePhone, tmp_path: Path) -> None:
    phone.fail("no space")
    with pytest.raises(DeviceError, match="has no space left"):
        measure(phone, tmp_path / "results.jsonl")


def test_what_is_over_at_once_stops_nothing(phone: MadePhone, tmp_path: Path) -> None:
    phone.fail("transient", after=PREPARING)
    measure(phone, tmp_path / "results.jsonl")
    check(tmp_path / "results.jsonl", phone)


def test_a_slow_copy_is_waited_for(phone: MadePhone, tmp_path: Path) -> None:
    phone.fail("slow")
    measure(phone, tmp_path / "results.jsonl")
    check(tmp_path / "results.jsonl", phone)


def test_half_a_file_is_no_answer(phone: MadePhone, tmp_path: Path) -> None:
    phone.fail("half", after=PREPARING + 1)
    measure(phone, tmp_path / "results.jsonl")
    statuses = [launch.status for launch in launches(tmp_path / "results.jsonl")]
    assert statuses == ["crashed"] * 4


def test_an_app_that_is_killed_is_that_launchs_fault(phone: MadePhone, tmp_path: Path) -> None:
    phone.fail("killed", after=PREPARING + 1)
    measure(phone, tmp_path / "results.jsonl")
    assert {launch.status for launch in launches(tmp_path / "results.jsonl")} == {"ok", "crashed"}


def test_a_phone_that_locks_in_the_middle_is_lost(phone: MadePhone) -> None:
    place = phone.place()
    place.environment()
    phone.fail("suspended")
    with pytest.raises(DeviceError, match="is locked"):
        launch(place, task="measure", outputs="none", timeout_s=0.5)
    assert [command[7:9] for command in phone.commands()[-2:]] == [
        ["info", "lockState"], ["process", "terminate"],
    ]  # fmt: skip


def test_a_launch_that_takes_too_long_is_ended(phone: MadePhone) -> None:
    place = phone.place()
    place.environment()
    phone.fail("stopped")
    assert launch(place, task="measure", outputs="none", timeout_s=0.5).status == "timeout"
    assert phone.commands()[-1][7:9] == ["process", "terminate"]


def test_a_soak_on_a_phone(phone: MadePhone, tmp_path: Path) -> None:
    place = phone.place()
    place.environment()
    package = made_phone.package(tmp_path)
    compiled = launch(place, Compiled, task="compile", package=str(package)).answer
    assert compiled
    outputs = tmp_path / "outputs.raw"
    soak = launch(
        place, task="soak", compiled=compiled.compiled, outputs=str(outputs), seconds=0.2,
        window_s=0.05, unit="CPU_ONLY",
    )  # fmt: skip
    assert soak.answer, soak.reason
    assert len(soak.windows) >= 1
    assert outputs.stat().st_size == 8


def test_a_devicectl_that_hangs_is_ended(
    phone: MadePhone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = phone.place()
    made_phone.put_on_path(tmp_path, monkeypatch)
    phone.fail("hang")
    monkeypatch.setattr(phone_launcher.devicectl, "GRACE_S", -59)
    with pytest.raises(PlaceLostError, match="devicectl did not end within 1 s"):
        place.environment()


def test_calls_at_a_cameras_pace(phone: MadePhone, tmp_path: Path) -> None:
    measure(phone, tmp_path / "results.jsonl", pace_hz=30)
    check(tmp_path / "results.jsonl", phone)
    (case, _) = [
        record for record in records(tmp_path / "results.jsonl") if isinstance(record, Case)
    ]
    assert case.options == {"pace": "30"}
    assert {launch.pace_hz for launch in launches(tmp_path / "results.jsonl")} == {30}
    assert {job.pace_hz for job in phone.jobs() if job.task == "measure"} == {30}


def test_the_phone_is_described_once(phone: MadePhone) -> None:
    place = phone.place()
    assert place.environment() == place.environment()
    assert launch(place, Units, task="describe").answer
    assert len(phone.per_launch()) == 1


def test_what_an_earlier_session_left_is_gone(phone: MadePhone, tmp_path: Path) -> None:
    measure(phone, tmp_path / "results.jsonl")
    errands = phone.folder / "container" / "Documents" / "Errands"
    assert len(list(errands.iterdir())) > 4
    phone.place().environment()
    assert len(list(errands.iterdir())) == 1


def test_a_simulator_or_another_app_says_nothing(
    phone: MadePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MADE_APP", '["true"]')
    with pytest.raises(PlaceLostError, match="did not say what the phone is"):
        phone.place().environment()
