"""The worker in Swift, on an engine that plays a script: each fault has its reason."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import pytest

import fakes
from bench.workers import made_inputs, outputs
from bench.workers.gate import Measurement, run_checked
from bench.workers.process import Outcome, run_worker
from bench.workers.protocol import Compiled, InputFile, Job, Units, WorkerError, WorkerResult

Worker = tuple[str, ...]
MARK = "SWIFT_WORKER_OF"  # in the environment of all that a test starts
CALL_NS = 300_000
VALUES = np.float32([0.25, 0.5, 0.125])
SCRIPT = {
    "load_ns": 1_000_000, "call_ns": CALL_NS, "faulty_call": 10,
    "outputs": [
        {"name": "logits", "numbers": VALUES.tolist()},
        {"name": "classLabel", "text": "Karl Jäger / \\"},
    ],
}  # fmt: skip


def job(folder: Path, **script: Any) -> Job:
    """A launch of what plays SCRIPT."""
    compiled = folder / "made.json"
    compiled.write_bytes(msgspec.json.encode({**SCRIPT, **script}))
    return Job(
        task="measure", runtime="made", compiled=str(compiled), unit="ALL",
        inputs=made_inputs.write(fakes.DESCRIPTION, folder), outputs=str(folder / "outputs.raw"),
        warmup_calls=3, samples=12, timeout_s=60, memory_limit_bytes=1 << 30,
    )  # fmt: skip


def launch(worker: Worker, job: Job, **changes: Any) -> Outcome[Measurement]:
    return run_checked(worker, msgspec.structs.replace(job, **changes), VALUES)


def ask(worker: Worker, answer: type[Any], **fields: Any) -> Outcome[Any]:
    job = Job(**{"runtime": "made", "timeout_s": 60, "memory_limit_bytes": 1 << 30, **fields})
    return run_worker(worker, job, answer)


def test_it_says_which_units_there_are(swift_worker: Worker) -> None:
    assert ask(swift_worker, Units, task="describe").answer == Units(("CPU_ONLY", "ALL"))


@pytest.mark.parametrize("runtime", ["coreml", "", "Made"])
def test_a_runtime_that_it_does_not_have_is_a_reason(swift_worker: Worker, runtime: str) -> None:
    outcome = ask(swift_worker, Units, task="describe", runtime=runtime)
    assert outcome.reason == f"runtime {runtime} is unknown to this worker".replace("  ", " ")


def test_what_is_no_job_is_a_reason(swift_worker: Worker) -> None:
    for text in ("", "{", '{"task":"measure"}'):
        with subprocess.Popen(
            [*swift_worker, text], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            (line,) = process.stdout.read().splitlines()
        assert msgspec.json.decode(line, type=WorkerError).reason


def test_it_compiles(swift_worker: Worker, tmp_path: Path) -> None:
    package = tmp_path / "a ü.mlpackage"
    missing = ask(
        swift_worker, Compiled, task="compile", package=str(package), folder=str(tmp_path)
    )
    assert missing.status == "failed"
    package.with_name("a ü.mlpackage.made.json").write_bytes(msgspec.json.encode(SCRIPT))
    outcome = ask(
        swift_worker, Compiled, task="compile", package=str(package), folder=str(tmp_path)
    )
    assert outcome.answer
    assert outcome.answer.compiled == str(tmp_path / "made.json")
    assert outcome.answer.compile_ns > 0


def test_a_launch_is_as_of_the_worker_in_python(swift_worker: Worker, tmp_path: Path) -> None:
    outcome = launch(swift_worker, job(tmp_path))
    assert outcome.answer, outcome.reason
    result, output, values = outcome.answer
    assert values.tolist() == VALUES.tolist()
    assert output.difference == 0
    assert output.top1 == result.top1 == "Karl Jäger / \\"
    assert output.digest == outputs.digest(VALUES)
    assert result.calls_per_sample == 1
    assert [len(times) for times in (result.warmup_ns, result.samples_ns, result.cpu_ns)] == [
        3, 12, 12,
    ]  # fmt: skip
    assert min(*result.samples_ns, result.first_call_ns) >= CALL_NS
    assert result.load_ns >= SCRIPT["load_ns"]
    assert result.start_ns > 0
    assert result.peak_memory_bytes >= 1 << 20
    assert result.loop_overhead_ns is not None
    assert result.voluntary_switches is not None
    assert result.involuntary_switches is not None


def test_short_calls_are_grouped(swift_worker: Worker, tmp_path: Path) -> None:
    answer = launch(swift_worker, job(tmp_path, call_ns=20_000)).answer
    assert answer
    assert answer.result.calls_per_sample > 1
    assert min(answer.result.samples_ns) >= 20_000 * answer.result.calls_per_sample


def test_inputs_arrive_as_they_were_made(swift_worker: Worker, tmp_path: Path) -> None:
    """The engine gives them back."""
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    (tmp_path / "picture.raw").write_bytes(picture.tobytes())
    image = InputFile(name="p", type="uint8", shape=(2, 4, 3), path=str(tmp_path / "picture.raw"))
    echoed = [{"name": "b", "input": "x"}, {"name": "a", "input": "p"}]
    made = job(tmp_path, outputs=echoed)
    tensor = made_inputs.make(fakes.DESCRIPTION)["x"].ravel()
    expected = np.concatenate([picture.ravel(), tensor]).astype(np.float32)
    made = msgspec.structs.replace(made, inputs=(image, *made.inputs))
    outcome = run_checked(swift_worker, made, expected)
    assert outcome.answer, outcome.reason
    assert np.array_equal(outcome.answer.values, expected)
    (tmp_path / "picture.raw").write_bytes(b"short")
    reason = run_checked(swift_worker, made, expected).reason
    assert reason == "input p has 5 bytes, 24 belong to [2, 4, 3]"


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("crash", "crashed", "SIGABRT"),
        ("trap", "crashed", "made to crash"),
        ("error", "failed", "made to fail"),
        ("exit", "failed", "exit code 3"),
        ("load", "failed", "it cannot be loaded for ALL"),
        ("nan", "refused", "not finite"),
        ("wrong", "refused", "differ from the reference by 2 "),
        ("gulp", "crashed", "SIG"),
        ("leak", "failed", "MiB of memory"),
    ],
)
def test_each_fault_has_its_reason(
    swift_worker: Worker, tmp_path: Path, fault: str, status: str, reason: str
) -> None:
    made = job(tmp_path, fault=fault)
    outcome = launch(swift_worker, made, samples=60, memory_limit_bytes=1 << 27)
    assert (outcome.status, outcome.answer) == (status, None), outcome.reason
    assert reason in outcome.reason


def test_what_native_code_prints_is_not_the_answer(swift_worker: Worker, tmp_path: Path) -> None:
    assert launch(swift_worker, job(tmp_path, fault="noise")).status == "ok"


def test_outputs_that_cannot_be_written_are_a_reason(swift_worker: Worker, tmp_path: Path) -> None:
    outcome = launch(swift_worker, job(tmp_path), outputs=str(tmp_path / "nowhere/outputs.raw"))
    assert outcome.status == "failed"
    assert outcome.reason


def test_a_batch_is_one_call(swift_worker: Worker, tmp_path: Path) -> None:
    answer = launch(swift_worker, job(tmp_path), batch=4).answer
    assert answer
    assert min(answer.result.samples_ns) >= 4 * CALL_NS


def test_calls_come_as_often_as_frames(swift_worker: Worker, tmp_path: Path) -> None:
    """Short calls, too, are samples by themselves; the gate sees that they took their time."""
    answer = launch(swift_worker, job(tmp_path, call_ns=1000), pace_hz=100).answer
    assert answer
    assert answer.result.calls_per_sample == 1
    assert len(answer.result.samples_ns) == 12


def test_a_soak_tells_each_window_at_once(swift_worker: Worker, tmp_path: Path) -> None:
    soak = {"task": "soak", "seconds": 0.4, "window_s": 0.1}
    outcome = launch(swift_worker, job(tmp_path), **soak)
    assert outcome.status == "ok", outcome.reason
    assert 2 <= len(outcome.windows) <= 4
    for window in outcome.windows:
        assert window.took_ns >= 100_000_000
        assert 1 <= window.calls <= window.took_ns / CALL_NS
        assert window.cpu_ns
    crashing = job(tmp_path, fault="crash", faulty_call=500)
    late = launch(swift_worker, crashing, task="soak", seconds=60, window_s=0.001)
    assert late.status == "crashed"
    assert late.windows


def test_what_hangs_is_ended(swift_worker: Worker, tmp_path: Path) -> None:
    outcome = launch(swift_worker, job(tmp_path, fault="hang"), timeout_s=1)
    assert (outcome.status, outcome.reason) == ("timeout", "no answer within 1 s")


def test_it_ends_itself_when_its_time_is_over(swift_worker: Worker, tmp_path: Path) -> None:
    hung = msgspec.structs.replace(job(tmp_path, fault="hang"), timeout_s=0)
    line = msgspec.json.encode(hung).decode()
    with subprocess.Popen([*swift_worker, line], stdin=subprocess.PIPE) as process:
        assert process.wait(60) == -signal.SIGALRM


def test_it_ends_with_its_parent(
    swift_worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MARK, str(tmp_path))
    script = (
        "import sys, msgspec\nfrom bench.workers import process, protocol\n"
        "job = msgspec.json.decode(sys.argv[1], type=protocol.Job)\n"
        f"process.run_worker({swift_worker!r}, job, protocol.WorkerResult)\n"
    )
    line = msgspec.json.encode(job(tmp_path, fault="hang")).decode()
    search = os.pathsep.join(path for path in sys.path if path)
    parent = subprocess.Popen(
        [sys.executable, "-c", script, line], env={**os.environ, "PYTHONPATH": search}
    )
    wait_until(lambda: len(started(tmp_path)) >= 2)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not started(tmp_path))


def started(mark: Path) -> list[psutil.Process]:
    """What a test started, by what it inherited."""
    return [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(MARK) == str(mark)
    ]


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_an_answer_to_another_task_is_a_fault(swift_worker: Worker, tmp_path: Path) -> None:
    made = msgspec.structs.replace(job(tmp_path), task="describe")
    outcome = run_worker(swift_worker, made, WorkerResult)
    assert outcome.reason == "it answered with Units, not WorkerResult"
