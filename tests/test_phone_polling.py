"""When an answer is asked for: once it should be there, and how often where it is late."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from bench.devices import devicectl, phone_launcher
from bench.devices.device_list import Device
from bench.devices.phone_launcher import PhoneLauncher
from bench.results.environment_record import Environment
from bench.workers.protocol import Job
from made_app import ENVIRONMENT

JOB = Job(
    task="measure", runtime="coreml-native", compiled="made", unit="ALL", warmup_s=0.5, samples=50,
    outputs="none", timeout_s=60, memory_limit_bytes=1,
)  # fmt: skip
EXPECTED_S = 1 + 0.5 + 50 * 1e-3  # of a model of which nothing is known: 1 ms a sample
RESULT = {
    "type": "result", "start_ns": 10**9, "load_ns": 2 * 10**9, "first_call_ns": 10**9,
    "warmup_ns": [10**7], "samples_ns": [10**7] * 50, "peak_memory_bytes": 1, "top1": "",
}  # fmt: skip
LEARNED_S = 1 + 4 + 0.5 + 56 * 0.01  # by that, with six calls that find the calls per sample
ANSWER = msgspec.json.encode(RESULT) + b'\n{"type":"end","outputs_bytes":0}\n'
MOST_COMMANDS = 7


def made_launcher() -> PhoneLauncher:
    return PhoneLauncher(Device("phone"), "app", lambda: None)


class Scripted:
    """A phone on a clock that only sleeping moves, whose app answers at a time of it."""

    def __init__(self, answers_at: float) -> None:
        self.now, self.answers_at, self.commands = 0.0, answers_at, 0
        self.questions: list[float] = []
        self.last: tuple[str, ...] = ()
        self.halves = 0  # copies that bring half a file, though all is there
        self.launched: list[Job] = []

    def ask(self, expected: type[Any], *words: str, **_: object) -> Any:
        self.commands += 1
        self.last = words[1:3]
        if words[2] == "launch":
            variables = json.loads(words[words.index("--environment-variables") + 1])
            self.launched.append(msgspec.json.decode(variables["BENCH_JOB"], type=Job))
            return msgspec.convert({"process": {"processIdentifier": 7}}, expected)
        if words[2] != "terminate":
            self.questions.append(self.now)
        listed = [] if self.now >= self.answers_at else [{"processIdentifier": 7}]
        return msgspec.convert({"runningProcesses": listed}, expected)

    def read(self, *_: object) -> bytes:
        self.ask(devicectl.Done, "device", "copy", "from")
        self.halves -= 1
        is_whole = self.now >= self.answers_at and self.halves < 0
        return ANSWER if is_whole else ANSWER[: len(ANSWER) // 2]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    phone = Scripted(0)
    monkeypatch.setattr(phone_launcher, "time", phone)
    monkeypatch.setattr(devicectl, "ask", phone.ask)
    monkeypatch.setattr(phone_launcher.PhoneFiles, "read", phone.read)
    return phone


def launch(launcher: PhoneLauncher, scripted: Scripted) -> bytes:
    scripted.now, scripted.commands = 0.0, 0
    scripted.questions.clear()
    return launcher.launch(msgspec.json.encode(JOB), JOB.timeout_s)


@pytest.mark.parametrize(("late_s", "commands"), [(0, 2), (1, 4), (3, 5), (7, 6)])
def test_what_is_late_costs_few_commands(scripted: Scripted, late_s: float, commands: int) -> None:
    scripted.answers_at = EXPECTED_S + late_s
    lines = launch(made_launcher(), scripted)
    assert lines == ANSWER.splitlines(keepends=True)[0]
    assert scripted.questions[0] == pytest.approx(EXPECTED_S)
    assert scripted.commands == commands


@pytest.mark.parametrize("late_s", [0, 0.5, 1, 3, 7, 20, 50])
def test_a_launch_of_a_known_case_costs_few_commands(scripted: Scripted, late_s: float) -> None:
    launcher = made_launcher()
    launch(launcher, scripted)
    scripted.answers_at = LEARNED_S + late_s
    assert launch(launcher, scripted)
    assert scripted.commands + 1 <= MOST_COMMANDS
    assert scripted.now <= JOB.timeout_s


@pytest.mark.parametrize("halves", [0, 9])
def test_a_known_case_that_hangs_or_dies_costs_few_commands(
    scripted: Scripted, halves: int
) -> None:
    launcher = made_launcher()
    launch(launcher, scripted)
    scripted.answers_at, scripted.halves = 30 if halves else 1e9, halves
    with suppress(TimeoutError):
        launch(launcher, scripted)
    assert scripted.commands <= MOST_COMMANDS


def test_the_launch_before_tells_when_to_ask(scripted: Scripted) -> None:
    launcher = made_launcher()
    launch(launcher, scripted)
    launch(launcher, scripted)
    assert scripted.questions == [pytest.approx(LEARNED_S)]


def test_an_interrupt_ends_the_app(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scripted, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch(made_launcher(), scripted)
    assert scripted.last == ("process", "terminate")


def test_nobody_waits_longer_than_agreed(scripted: Scripted) -> None:
    scripted.answers_at = 1e9
    with pytest.raises(TimeoutError):
        launch(made_launcher(), scripted)
    assert scripted.now == pytest.approx(JOB.timeout_s)
    assert scripted.commands <= 12


@pytest.mark.parametrize("halves", [1, 2])
def test_half_a_file_is_brought_again(scripted: Scripted, halves: int) -> None:
    scripted.halves = halves
    assert launch(made_launcher(), scripted)
    assert scripted.halves == -1


def test_a_launch_may_take_half_of_the_phones_memory(scripted: Scripted) -> None:
    launcher = made_launcher()
    launcher.environment = msgspec.convert({**ENVIRONMENT, "memory_bytes": 6000}, Environment)
    job = msgspec.structs.replace(JOB, memory_limit_bytes=1 << 40)
    launcher.launch(msgspec.json.encode(job), 9)
    assert [sent.memory_limit_bytes for sent in scripted.launched] == [3000]
