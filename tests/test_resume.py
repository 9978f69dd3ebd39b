"""A session that is interrupted, in every way there is, is gone on with: nothing lost or twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

import fake_worker
import fakes
from bench.machine import environment
from bench.results import jsonl
from bench.results.records import Case, Launch, Model, Plan
from bench.runtimes.entries import RUNTIMES, RuntimeEntry
from bench.session import cases, prepare, runner
from bench.session.cases import Candidate
from bench.workers import place
from export.package import model_files
from mobilenet.common.errors import PackageError, RecordError

FAKES = ("FakeRuntime", "Hang", "portable")
ROUNDS = 5
PLAN = Plan(rounds=ROUNDS, warmup_s=0, warmup_calls=1, samples=3, timeout_s=20, seed=3)
SCRIPT = """
import signal
import sys
from pathlib import Path
import test_resume
from bench.session import runner
from mobilenet.common import terminal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a script
app = terminal.command("test", "")
results, model, runtime = map(Path, sys.argv[1:])
@app.default
def main():
    test_resume.register()
    if results.exists():
        runner.resume(results, terminal.DRAWN)
    else:
        chosen = [test_resume.candidate(model, runtime.name)]
        runner.start(chosen, test_resume.PLAN, results, terminal.DRAWN)
sys.exit(terminal.run(app, []))
"""


def register() -> None:
    """The fakes as runtimes, for this process."""
    for name in FAKES:
        RUNTIMES[name] = RuntimeEntry(("CPU",), name == "portable", fake_worker.COMMAND)
    prepare.description_of = lambda _: fakes.DESCRIPTION


def candidate(path: Path, runtime: str) -> Candidate:
    model = Model(name=path.stem, identity=model_files.find(path).identity(), size_bytes=1)
    return Candidate(path, model, runtime, RUNTIMES[runtime], "CPU")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.mlmodel"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in FAKES:
            patch.setitem(RUNTIMES, name, RUNTIMES.get(name, RuntimeEntry(())))
        patch.setattr(prepare, "description_of", prepare.description_of)
        register()
        yield


def begin(results: Path, model: Path, runtime: str = "FakeRuntime") -> subprocess.Popen[str]:
    here = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(results), str(model), runtime],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path.cwd()), here]),
            "TMPDIR": str(model.parent),  # by which its workers are found
        },
        stderr=subprocess.PIPE,
        text=True,
    )


def workers(folder: Path) -> list[psutil.Process]:
    """Processes whose job names a file in `folder`."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("fake_worker" in part for part in process.info["cmdline"] or ())
        and str(folder) in process.info["cmdline"][-1]
    ]


def wait_for(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def measured(results: Path) -> int:
    return results.read_bytes().count(b'"kind":"launch"') if results.exists() else 0


def counts(results: Path) -> Counter[tuple[str, int]]:
    with jsonl.resume(results) as (_, records):
        return Counter((r.case, r.round) for r in records if isinstance(r, Launch))


def expected(results: Path) -> Counter[tuple[str, int]]:
    with jsonl.resume(results) as (_, records):
        names = [r.case for r in records if isinstance(r, Case)]
    return Counter((name, number) for name in names for number in range(ROUNDS))


def test_killed_again_and_again_it_ends_with_every_launch_once(results: Path, model: Path) -> None:
    for target in (1, 4, 7):
        process = begin(results, model)
        wait_for(lambda: measured(results) >= target)  # noqa: B023  # called at once
        time.sleep(0.03 * target)  # somewhere within a launch
        process.kill()
        process.communicate()
        wait_for(lambda: not workers(model.parent), 3)
    process = begin(results, model)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert counts(results) == expected(results)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_ctrl_c_keeps_what_was_measured_and_says_how_to_go_on(
    number: signal.Signals, code: int, results: Path, model: Path
) -> None:
    process = begin(results, model)
    wait_for(lambda: measured(results) >= 3)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == code
    assert set(results.parent.iterdir()) == {results, model}  # nothing temporary is left
    assert f"python -m bench resume {results}" in said
    assert "Traceback" not in said
    assert not workers(model.parent)
    assert set(counts(results).values()) == {1}
    runner.resume(results)
    assert counts(results) == expected(results)


def test_a_worker_that_hangs_does_not_outlive_its_parent(results: Path, model: Path) -> None:
    process = begin(results, model, "Hang")
    wait_for(results.exists)
    wait_for(lambda: workers(model.parent))
    process.kill()
    process.communicate()
    wait_for(lambda: not workers(model.parent), 3)


def test_a_session_does_not_go_on_with_another_package(results: Path, model: Path) -> None:
    chosen = [candidate(model, "FakeRuntime")]
    runner.start(chosen, msgspec.structs.replace(PLAN, rounds=1), results)
    model.write_bytes(b"other weights")
    with pytest.raises(PackageError, match="not the package that the session began with"):
        runner.resume(results)


def test_a_session_does_not_go_on_elsewhere(
    results: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [candidate(model, "FakeRuntime")]
    runner.start(chosen, msgspec.structs.replace(PLAN, rounds=1), results)
    elsewhere = msgspec.structs.replace(environment.environment(), processor="Apple M4")
    monkeypatch.setattr(place, "environment", lambda: elsewhere)
    with pytest.raises(RecordError, match=r"processor .* here it is 'Apple M4'"):
        runner.resume(results)


def test_a_record_leads_back_to_its_candidate(results: Path, model: Path) -> None:
    chosen = candidate(model, "FakeRuntime")
    chosen = Candidate(**{**vars(chosen), "settings": {"threads": 2}, "batch": 4})
    assert cases.candidate_of(chosen.case()) == chosen


def test_a_file_without_a_session_is_no_session(results: Path, model: Path) -> None:
    case = candidate(model, "FakeRuntime").case()
    results.write_bytes(msgspec.json.encode(case) + b"\n")
    with pytest.raises(RecordError, match="holds no session"):
        runner.resume(results)
