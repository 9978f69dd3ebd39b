"""Start a worker process, wait for it no longer than agreed, and say how it ended."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

import msgspec

from bench.results.records import SoakWindow, Status
from bench.workers.protocol import Answer, Job, Progress, Refusal

NOISE_TAIL_BYTES = 4096
REASON_LENGTH = 300


class Outcome(NamedTuple):
    """How one worker ended. `answer` is there exactly when `status` is "ok"."""

    status: Status
    reason: str = ""
    answer: Answer | None = None
    windows: tuple[SoakWindow, ...] = ()


def now_ns() -> int:
    """The clock that parent and worker share: CLOCK_MONOTONIC, mach_absolute_time on a Mac."""
    return time.monotonic_ns()


def run_worker(job: Job) -> Outcome:
    """One worker from start to end. However this call is left, the worker is gone after it."""
    with _lifeline() as lifeline, tempfile.TemporaryFile() as noise:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.workers.python", msgspec.json.encode(job).decode()],
            stdin=lifeline,
            stdout=subprocess.PIPE,
            stderr=noise,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is for the parent, which ends the worker itself
        )
        try:
            text, _ = process.communicate(timeout=job.timeout_s)
        except subprocess.TimeoutExpired:
            return Outcome("timeout", f"no answer within {job.timeout_s:g} s")
        finally:
            _end(process)
        return _outcome(process.returncode, text, noise)


@contextmanager
def _lifeline() -> Iterator[int]:
    """The read end of a pipe whose other end closes when this process ends, even by SIGKILL."""
    read, write = os.pipe()
    try:
        yield read
    finally:
        os.close(read)
        os.close(write)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # it leads a session of its own
        process.wait()
    if process.stdout:
        process.stdout.close()


def _outcome(code: int, text: bytes, noise: BinaryIO) -> Outcome:
    windows: list[SoakWindow] = []
    whole = text[: text.rfind(b"\n") + 1]  # a worker may die in the middle of a line
    for line in whole.splitlines():
        match msgspec.json.decode(line, type=Answer | Refusal | Progress):
            case Answer() as answer:
                return Outcome("ok", "", answer, tuple(windows))
            case Refusal() as refusal:
                return Outcome(refusal.status, refusal.reason, None, tuple(windows))
            case Progress(window):
                windows.append(window)
    if code > 0:
        return Outcome("failed", _tail(noise) or f"exit code {code}", None, tuple(windows))
    reason = f"{_signal_name(-code)}: {_tail(noise)}" if code else "ended without an answer"
    return Outcome("crashed", reason.rstrip(" :"), None, tuple(windows))


def _signal_name(number: int) -> str:
    known = number in {item.value for item in signal.Signals}
    return signal.Signals(number).name if known else f"signal {number}"


def _tail(noise: BinaryIO) -> str:
    """The last line that the worker printed: of a traceback, the error itself."""
    size = noise.seek(0, os.SEEK_END)
    noise.seek(max(0, size - NOISE_TAIL_BYTES))
    lines = noise.read().decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:REASON_LENGTH] if said else ""
