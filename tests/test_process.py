"""Any command line that keeps the protocol is a worker; whatever it does, there is an outcome."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest

import fakes
from bench.results.records import Case, Launch, Model, Plan, Record
from bench.runtimes.entries import RuntimeEntry
from bench.session import prepare, runner
from bench.session.cases import Candidate, units_here
from bench.workers import made_inputs, outputs
from bench.workers.gate import Measurement, run_checked
from bench.workers.process import Outcome, run_worker
from bench.workers.protocol import Job, Units, WorkerResult

SHELL = ("/bin/sh", str(Path(__file__).with_name("worker.sh")))
MARK = "WORKER_OF"  # in the environment of everything that a test starts
VALUES = outputs.vector({"y": made_inputs.make(fakes.DESCRIPTION)["x"]})


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv(MARK, str(tmp_path / "outputs.raw"))
    compiled = tmp_path / "compiled"
    compiled.write_text("ready")
    return Job(
        task="measure",
        runtime="good",
        compiled=str(compiled),
        unit="NPU",
        inputs=made_inputs.write(fakes.DESCRIPTION, tmp_path),
        outputs=str(tmp_path / "outputs.raw"),
        timeout_s=20,
        memory_limit_bytes=1 << 30,
    )


def launch(job: Job, runtime: str, timeout_s: float = 20) -> Outcome[Measurement]:
    return run_checked(
        SHELL, msgspec.structs.replace(job, runtime=runtime, timeout_s=timeout_s), VALUES
    )


def test_a_shell_script_is_a_worker(job: Job) -> None:
    outcome = launch(job, "good")
    assert outcome.status == "ok"
    assert outcome.answer
    assert outcome.answer.result.samples_ns == (2, 2)
    assert outcome.answer.result.cpu_ns == ()  # it does not tell
    assert outcome.answer.output.top1 == "cat"
    assert outcome.answer.output.difference == 0
    assert np.array_equal(outcome.answer.values, VALUES)


@pytest.mark.parametrize(
    ("runtime", "status", "reason"),
    [
        ("refuse", "failed", "no NPU is free"),
        ("crash", "crashed", "SIGSEGV: assertion failed"),
        ("fail", "failed", "no such operator"),
        ("garbage", "failed", "its output 'loading...' is not of the protocol"),
        ("abort", "crashed", "SIGABRT"),
        ("latin", "failed", "not of the protocol"),
        ("silent", "crashed", "ended without an answer"),
        ("cut", "crashed", "ended without an answer"),
        ("other", "failed", "it answered with Units, not WorkerResult"),
        ("nothing", "failed", "it left no outputs: "),
    ],
)
def test_each_way_to_fail_has_its_reason(job: Job, runtime: str, status: str, reason: str) -> None:
    outcome = launch(job, runtime)
    assert (outcome.status, outcome.answer) == (status, None)
    assert reason in outcome.reason


@pytest.mark.parametrize("runtime", ["hang", "closed", "child"])
def test_what_hangs_is_ended_with_its_children(job: Job, runtime: str) -> None:
    outcome = launch(job, runtime, timeout_s=0.5)
    assert (outcome.status, outcome.reason) == ("timeout", "no answer within 0.5 s")
    wait_until(lambda: not started_for(job))


def started_for(job: Job) -> list[psutil.Process]:
    """The worker and its children, by what they inherited."""
    return [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(MARK) == job.outputs
    ]


def test_outputs_of_another_network_are_refused(job: Job) -> None:
    outcome = run_checked(SHELL, job, -VALUES)
    assert (outcome.status, outcome.answer) == ("refused", None)
    assert "differ from the reference by 2 " in outcome.reason


def test_outputs_of_an_earlier_launch_do_not_count(job: Job) -> None:
    assert launch(job, "good").status == "ok"
    assert launch(job, "nothing").status == "failed"


def test_windows_of_a_soak_outlive_a_crash(job: Job) -> None:
    soak = msgspec.structs.replace(job, task="soak")
    assert [len(launch(soak, name).windows) for name in ("good", "crash", "cut")] == [2, 2, 2]
    assert launch(soak, "good").windows[0].calls == 50


def test_a_command_that_is_not_there_is_a_reason(job: Job) -> None:
    outcome = run_worker(("/nowhere/worker",), job, WorkerResult)
    assert outcome == Outcome("failed", "No such file or directory: /nowhere/worker")


def test_a_job_too_long_for_an_argument_is_a_reason(job: Job) -> None:
    outcome = run_worker(SHELL, msgspec.structs.replace(job, unit="x" * (4 << 20)), WorkerResult)
    assert outcome.status == "failed"
    assert "Argument list too long" in outcome.reason


def test_a_worker_ends_with_its_parent(job: Job) -> None:
    orphan = msgspec.structs.replace(job, runtime="orphan", timeout_s=60)
    script = "import sys, msgspec\nfrom bench.workers import process, protocol\n" + (
        "job = msgspec.json.decode(sys.argv[1], type=protocol.Job)\n"
        f"process.run_worker({SHELL!r}, job, protocol.WorkerResult)\n"
    )
    search = os.pathsep.join(path for path in sys.path if path)
    parent = subprocess.Popen(
        [sys.executable, "-c", script, msgspec.json.encode(orphan).decode()],
        env={**os.environ, "PYTHONPATH": search},
    )
    wait_until(lambda: len(started_for(job)) >= 5)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not started_for(job))


def test_ctrl_c_while_a_worker_is_started_leaves_none(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> object:
        process = popen(*arguments, **options)
        signal.raise_signal(signal.SIGINT)
        return process

    popen: Callable[..., object] = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch(job, "hang")
    wait_until(lambda: not started_for(job))


def wait_until(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_session_is_measured_by_a_shell_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Describing, compiling, trying, launching: nothing of it needs Python on the other side."""
    monkeypatch.setattr(prepare, "description_of", lambda _: fakes.DESCRIPTION)
    monkeypatch.setitem(prepare.RUNTIMES, "portable", RuntimeEntry(("CPU",), worker=SHELL))
    model = Model(name="net", identity="0" * 64, size_bytes=1)
    entry = RuntimeEntry(("NPU", "GPU"), worker=SHELL)
    chosen = [Candidate(Path("net"), model, "good", entry, unit) for unit in entry.units]
    path = tmp_path / "results.jsonl"
    plan = Plan(rounds=2, warmup_s=0, warmup_calls=1, samples=2, timeout_s=20, seed=0)
    runner.start(chosen, plan, path)
    records = [msgspec.json.decode(line, type=Record) for line in path.read_bytes().splitlines()]
    cases = {record.unit: record for record in records if isinstance(record, Case)}
    assert (cases["NPU"].compile_ns, cases["NPU"].first_load_ns) == (7, 4)
    assert cases["GPU"].skipped == "there is no unit GPU, only CPU, NPU"
    launches = [record for record in records if isinstance(record, Launch)]
    assert [record.status for record in launches] == ["ok"] * 4  # the A/A control, too
    assert {record.output.difference for record in launches if record.output} == {0.0}


def test_a_worker_is_asked_once_for_its_units() -> None:
    assert units_here("good", SHELL).answer == Units(("CPU", "NPU"))
    assert units_here("good", SHELL) is units_here("good", SHELL)
