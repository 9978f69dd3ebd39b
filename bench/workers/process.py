"""Start a worker process, wait for it no longer than agreed, and say how it ended."""

import contextlib
import io
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import BinaryIO, Generic, NamedTuple, TypeVar

import msgspec

from bench.results.records import Status
from bench.results.soak_window import SoakWindow
from bench.runtimes.entries import Command, Launcher, Worker
from bench.workers.protocol import Answer, Job, SoakProgress, WorkerError
from mobilenet.common import interrupts
from mobilenet.common.children import search_path
from mobilenet.common.errors import UserError

NOISE_TAIL_BYTES = 4096
REASON_LENGTH = 300
QUOTED_LENGTH = 80

T = TypeVar("T")


class Outcome(NamedTuple, Generic[T]):
    """How one worker ended. `answer` is there exactly when `status` is "ok"."""

    status: Status
    reason: str = ""
    answer: T | None = None
    windows: tuple[SoakWindow, ...] = ()


def run_worker(worker: Worker, job: Job, expected: type[T]) -> Outcome[T]:
    """One worker from start to end. However this call is left, the worker is gone after it.

    `expected` is the answer that belongs to the job's task. Raises `PlaceLostError`.
    """
    try:
        if isinstance(worker, Launcher):
            text = worker.launch(msgspec.json.encode(job), job.timeout_s)
            return _outcome(0, text, io.BytesIO(), expected)
        return _run_process(worker, job, expected)
    except (TimeoutError, subprocess.TimeoutExpired):
        return Outcome("timeout", f"no answer within {job.timeout_s:g} s")


def _run_process(command: Command, job: Job, expected: type[T]) -> Outcome[T]:
    try:
        line = command() if callable(command) else command
    except UserError as error:
        return Outcome("failed", error.message)
    # The clock that parent and worker share: CLOCK_MONOTONIC, mach_absolute_time on a Mac.
    job = msgspec.structs.replace(job, spawned_ns=time.monotonic_ns())
    with _lifeline() as lifeline, tempfile.TemporaryFile() as noise:
        # Ctrl-C between the fork and its name here would leave a worker that nobody can end.
        with interrupts.held_back() as let_interrupts_through:
            try:
                process = subprocess.Popen(
                    [*line, msgspec.json.encode(job).decode()],
                    stdin=lifeline,
                    stdout=subprocess.PIPE,
                    stderr=noise,
                    env={**os.environ, "PYTHONPATH": search_path()},
                    start_new_session=True,  # Ctrl-C is for us, and we end the worker
                )
            except OSError as error:  # no such command, or a job too long for an argument
                return Outcome("failed", f"{error.strerror}: {line[0]}")
            try:
                let_interrupts_through()
                text, _ = process.communicate(timeout=job.timeout_s)
            finally:
                _end(process)
        return _outcome(process.returncode, text, noise, expected)


@contextlib.contextmanager
def _lifeline() -> Iterator[int]:
    """The read end of a pipe whose other end closes when this process ends, even by SIGKILL."""
    read, write = os.pipe()
    try:
        yield read
    finally:
        os.close(read)
        os.close(write)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the worker, and with it the processes that it started: it leads a session."""
    assert process.stdout, "it was asked for"
    if process.poll() is None or not process.stdout.closed:  # or one of them still holds it
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def _outcome(code: int, text: bytes, noise: BinaryIO, expected: type[T]) -> Outcome[T]:
    windows: list[SoakWindow] = []

    def ended(status: Status, reason: str) -> Outcome[T]:
        line = " ".join(reason.split())[:REASON_LENGTH] or "it gave no reason"
        return Outcome(status, line, None, tuple(windows))

    for message in _messages(text):
        match message:
            case SoakProgress(window):
                windows.append(window)
            case WorkerError(reason):
                return ended("failed", reason)
            case str() if code < 0:
                break  # the crash says more than what was printed before it
            case str():
                return ended("failed", message)
            case expected():
                return Outcome("ok", "", message, tuple(windows))
            case _:
                name, other = expected.__name__, type(message).__name__
                return ended("failed", f"it answered with {other}, not {name}")
    if code > 0:
        return ended("failed", _tail(noise) or f"exit code {code}")
    reason = f"{_signal_name(-code)}: {_tail(noise)}" if code else "ended without an answer"
    return ended("crashed", reason.rstrip(" :"))


def _messages(text: bytes) -> Iterator[Answer | SoakProgress | str]:
    """What the worker wrote, line by line; for a line of something else, what is wrong with it."""
    whole = text[: text.rfind(b"\n") + 1]  # a worker may die in the middle of a line
    for line in whole.splitlines():
        try:
            yield msgspec.json.decode(line, type=Answer | SoakProgress)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            quoted = line[:QUOTED_LENGTH].decode(errors="replace")
            yield f"its output {quoted!r} is not of the protocol: {error}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"


def _tail(noise: BinaryIO) -> str:
    """The last line that the worker printed: of a traceback, the error itself."""
    size = noise.seek(0, os.SEEK_END)
    noise.seek(max(0, size - NOISE_TAIL_BYTES))
    lines = noise.read().decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:REASON_LENGTH] if said else ""
