"""Waiting for a quiet machine: by the rule of `bench env` and reports, and never for ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

import made_results as made
from bench.machine import environment, interference, quiet
from bench.results.conditions import Interference
from bench.results.session_report import read_reports
from mobilenet.common.progress import SILENT, Silence

BUSY = Interference("a compiler uses 99 % of a core", "end it, or --wait", passes=True)
BATTERY = Interference("runs on battery", "connect power")


class Listener(Silence):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.warned: list[str] = []
        self.shares: list[float] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)

    @contextmanager
    def bar(self, title: str) -> Iterator["Listener"]:
        assert "quiet" in title
        yield self

    def update(self, done: float, total: float, text: str = "") -> None:
        assert text == BUSY.cause
        self.shares.append(done / total)


class Sleeper:
    """A clock that passes while it sleeps."""

    now = 100.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def clock(self) -> float:
        return self.now


def waited(
    monkeypatch: pytest.MonkeyPatch, busy_polls: int, seconds: float
) -> tuple[tuple[str, ...], float, Listener]:
    """What is noted, how long it took, and what was told; the battery stays."""
    polls = iter([[BUSY, BATTERY]] * busy_polls)
    monkeypatch.setattr(interference, "of_now", lambda _: next(polls, [BATTERY]))
    sleeper, listener = Sleeper(), Listener()
    notes = quiet.wait(seconds, listener, sleeper.clock, sleeper.sleep)
    return notes, sleeper.now - 100, listener


def test_a_quiet_machine_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, took, listener = waited(monkeypatch, 0, 300)
    assert (notes, took, listener.warned) == ((), 0, [])


def test_it_goes_on_as_soon_as_the_machine_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, took, listener = waited(monkeypatch, 3, 300)
    assert (notes, took, listener.warned) == ((), 3 * quiet.POLL_S, [])
    assert listener.shares == sorted(listener.shares)


def test_the_wait_ends_and_the_session_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    (note,), took, listener = waited(monkeypatch, 1000, 12)
    assert took == 12
    assert note == f"the machine did not become quiet within 12 s: {BUSY.cause}"
    assert listener.warned == [f"{note}; measured nevertheless"]
    assert listener.shares[-1] == 1


def test_nobody_who_did_not_ask_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(_: object) -> list[Interference]:
        raise AssertionError

    monkeypatch.setattr(interference, "of_now", asked)
    assert quiet.wait(quiet.longest_s(None), SILENT) == ()
    assert quiet.longest_s(()) == quiet.DEFAULT_S
    assert quiet.longest_s((7.0,)) == 7


@pytest.mark.parametrize(("load", "is_busy"), [(0.9, False), (1.0, True)])
def test_one_rule_for_the_wait_the_command_and_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: float, is_busy: bool
) -> None:
    machine = made.environment(load_average=load, physical_cores=2)
    monkeypatch.setattr(interference, "of_moment", lambda: iter(()))
    monkeypatch.setattr(environment, "environment", lambda: machine)
    causes = [item.cause for item in quiet.passing()]
    assert bool(causes) == is_busy
    assert [item.cause for item in interference.of_now(machine)] == causes
    head = msgspec.structs.replace(made.session(), environment=machine)
    (report,) = read_reports([made.write(tmp_path / "r.jsonl", [head])])
    assert [warning.partition(": ")[0] for warning in report.warnings] == causes
