"""Throughput over time."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import fake_worker
import fakes
from bench import __main__, soak
from bench.machine import interference
from bench.results import session_lines
from bench.results.conditions import Interference
from bench.results.records import Case, Model, Record, SessionHead, Soak
from bench.results.soak_window import SoakWindow
from bench.results.thermal_state import Thermal
from bench.runtimes.entries import RUNTIMES, RuntimeEntry
from bench.session import cases, prepare
from mobilenet.common import terminal


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "net.mlmodel"
    path.write_bytes(b"weights")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FakeRuntime", "Tiring", "CrashesLate", "portable"):
            entry = RuntimeEntry(("CPU",), name == "portable", fake_worker.COMMAND)
            patch.setitem(RUNTIMES, name, entry)
        patch.setattr(prepare, "description_of", lambda _: fakes.DESCRIPTION)
        made = Model(name="net", identity="0" * 64, size_bytes=1)
        patch.setattr(cases, "model_of", lambda _: made)
        yield path


def run(model: Path, runtime: str, *options: str) -> tuple[int, list[Record]]:
    output = model.with_name("soak.jsonl")
    arguments = ["soak", str(model), "--runtime", runtime, "--seconds", "1", *options]
    code = terminal.run(__main__.app, [*arguments, "--output", str(output)])
    lines = output.read_bytes().splitlines() if output.exists() else []
    return code, [msgspec.json.decode(line, type=Record) for line in lines]


def test_windows_follow_each_other_and_calls_are_counted(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (_, case, result) = run(model, "FakeRuntime")
    assert code == 0
    assert isinstance(case, Case)
    assert isinstance(result, Soak)
    assert result.case == case.case
    assert 2 <= len(result.windows) <= soak.WINDOWS + 1
    ends = [window.begin_ns + window.took_ns for window in result.windows]
    for end, after in zip(ends, result.windows[1:], strict=False):
        assert after.begin_ns >= end
    for window in result.windows:
        assert window.cpu_ns
        assert 1 <= window.calls <= window.took_ns / 300_000  # a call takes 300 µs at least
    assert "calls/s in the first" in capsys.readouterr().err


def test_one_that_tires_is_slower(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, "Tiring")[0] == 0
    assert "): slower" in capsys.readouterr().err


def test_a_machine_that_stays_busy_is_measured_and_noted(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Interference("a compiler runs", "wait", passes=True)
    monkeypatch.setattr(interference, "of_now", lambda _: [busy])
    code, (head, *_) = run(model, "FakeRuntime", "--wait", "0.01")
    assert code == 0
    assert isinstance(head, SessionHead)
    assert head.notes[0].endswith("a compiler runs")


def test_a_crash_keeps_the_windows_before_it(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, (_, _, result) = run(model, "CrashesLate")
    assert isinstance(result, Soak)
    assert result.status == "crashed"
    assert "SIGABRT" in result.reason
    assert len(result.windows) >= 2


def test_a_runtime_that_is_absent_is_an_error(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(model, "portable") == (2, [])
    assert "it is somewhere else" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "code"), [("0.5", 2), ("nan", 2), ("1e9", 2)])
def test_a_duration_that_cannot_be_meant_is_refused(
    model: Path, seconds: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.run(__main__.app, ["soak", str(model), "--seconds", seconds]) == code
    assert "seconds is" in capsys.readouterr().err


def test_the_verdict_is_of_the_last_window_against_the_first() -> None:
    def result(*calls: int) -> Soak:
        windows = tuple(
            SoakWindow(begin_ns=i * 10**9, took_ns=10**9, calls=n) for i, n in enumerate(calls)
        )
        hot = Thermal(pressure="heavy")
        return Soak(case="x", started="", status="ok", windows=windows, thermal_after=hot)

    assert session_lines.soak(result(100, 50, 98)) == (
        "soak of x: 100 calls/s in the first 1 s, 98.0 calls/s after 3 s (-2.0 %): steady; "
        "thermal state unknown, then heavy"
    )
    assert "calls/s after 2 s (-20.0 %): slower" in session_lines.soak(result(100, 80))
    assert session_lines.soak(result()) == "soak of x: ok: fewer than two windows were completed"
