"""One launch: `python -m bench.workers.python JOB`, started by `process` and by nothing else.

The answer goes to what was standard output when the process began; anything that native code
prints goes to standard error. An exception of a runtime is not caught: its last line and the
exit code tell the parent what happened, as they do for a crash.
"""

import functools
import importlib
import os
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec

from bench.results.records import SoakWindow
from bench.workers.measure import Timings, measure
from bench.workers.protocol import Answer, Job, Progress, Refusal
from export.runtimes.base import Feature, Session
from mobilenet.common.errors import UnsupportedError, UserError

if TYPE_CHECKING:
    from bench.workers.outputs import Vector

LIFELINE = 0  # standard input: the parent holds the other end and never writes
NO_TIMINGS = Timings((), (), (), 1, 0)


def main() -> None:
    """Do the job in `sys.argv[1]`."""
    stream = claim_output()
    end_with_parent()
    job = msgspec.json.decode(sys.argv[1], type=Job)
    # SIGALRM ends a process whatever its native code is doing, even if the parent is gone.
    signal.alarm(int(job.timeout_s) + 2)
    bound_memory(job.memory_limit_bytes)
    try:
        result = launch(job, lambda line: _write(stream, line))
    except UserError as error:
        result = Refusal("failed", error.message)
    _write(stream, result)
    stream.flush()
    os._exit(0)  # what a runtime does while it is torn down is no part of a launch


def claim_output() -> BinaryIO:
    """Keep standard output for the answer and give everyone else standard error."""
    answer = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(answer, "wb")


def end_with_parent() -> None:
    """Exit when the parent does, however it ends: its end of the lifeline closes."""

    def wait() -> None:
        os.read(LIFELINE, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def bound_memory(limit_bytes: int) -> None:
    """Let one runaway call fail by itself rather than take the machine down.

    Address space that is only reserved counts here, hence twice the limit that `Memory` holds
    resident memory to between calls. macOS does not enforce it.
    """
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (2 * limit_bytes, 2 * limit_bytes))


def launch(job: Job, write: Callable[[Progress], None]) -> Answer | Refusal:
    """Load, call once, carry out the task, and look at what was computed."""
    from bench.workers import made_inputs, outputs

    runtime = _runtime(job)
    begin = time.monotonic_ns()
    session: Session = runtime.load(Path(job.compiled), job.unit)
    loaded = time.monotonic_ns()
    call = _call(session, made_inputs.make(session.description, job.seed), job.batch)
    started = time.monotonic_ns()
    first = call()
    first_call_ns = time.monotonic_ns() - started

    watch = Memory(job.memory_limit_bytes)
    watch()
    timings = NO_TIMINGS
    if job.task == "measure":
        timings = measure(
            call,
            warmup_s=job.warmup_s,
            warmup_calls=job.warmup_calls,
            samples=job.samples,
            native=getattr(session, "last_predict_ns", None),
            check=watch,
        )
    elif job.task == "soak":
        soak(call, job, write, watch)

    reference = _reference(job.reference)
    output = outputs.summary(call(), reference)
    if reason := outputs.wrong(output):
        return Refusal("refused", reason)
    if job.save_outputs:
        _save(job.save_outputs, outputs.vector(first))
    return Answer(
        start_ns=begin - job.spawned_ns,
        load_ns=loaded - begin,
        first_call_ns=first_call_ns,
        **timings._asdict(),
        peak_memory_bytes=watch.peak,
        memory_growth_bytes=watch.growth,
        output=output,
    )


def soak(
    call: Callable[[], object], job: Job, write: Callable[[Progress], None], watch: "Memory"
) -> None:
    """Call without a pause for `job.seconds`; a line per window, as soon as it is over."""
    from bench.machine import thermal

    clock = time.perf_counter_ns
    origin = begin = clock()
    calls = 0
    while begin - origin < job.seconds * 1e9:
        call()
        calls += 1
        if (now := clock()) - begin >= job.window_s * 1e9:
            window = SoakWindow(
                begin_ns=begin - origin,
                took_ns=now - begin,
                calls=calls,
                thermal=thermal.state(),
            )
            write(Progress(window))
            watch()
            begin, calls = clock(), 0


class Memory:
    """Peak resident memory of this process, and a limit to it."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.start = self.peak = peak_memory_bytes()

    def __call__(self) -> None:
        """Raises `UnsupportedError` once the limit is passed."""
        self.peak = peak_memory_bytes()
        if self.peak > self.limit_bytes:
            raise UnsupportedError(
                f"took {self.peak / 2**20:.0f} MiB of memory, "
                f"{(self.peak - self.start) / 2**20:.0f} of them while it ran; the limit is "
                f"{self.limit_bytes / 2**20:.0f} MiB"
            )

    @property
    def growth(self) -> int:
        """Bytes that the peak rose since the first call."""
        return self.peak - self.start


def peak_memory_bytes() -> int:
    """High-water mark of this process's resident memory."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes, by getrusage(2)
    # On Linux getrusage remembers, across exec, what the parent held when it forked.
    found = re.search(rb"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_bytes())
    return int(found[1]) * 1024 if found else 0


def _runtime(job: Job) -> Any:
    for needed in job.imports:
        importlib.import_module(needed)
    module, _, name = job.factory.partition(":")
    runtime = getattr(importlib.import_module(module), name)(**job.settings)
    if reason := runtime.unavailable():
        raise UnsupportedError(reason)
    return runtime


def _call(
    session: Session, made: Mapping[str, Feature], batch: int
) -> Callable[[], Mapping[str, Feature]]:
    if batch == 1:
        return functools.partial(session.predict, made)
    predict_batch = getattr(session, "predict_batch", None)
    if predict_batch is None:
        raise UnsupportedError("this runtime has no batch prediction")
    many = [made] * batch
    return lambda: cast(Mapping[str, Feature], predict_batch(many)[-1])


def _reference(path: str) -> "Vector | None":
    if not path:
        return None
    import numpy as np

    return cast("Vector", np.load(path, allow_pickle=False))


def _save(path: str, values: "Vector") -> None:
    import numpy as np

    with Path(path).open("wb") as file:
        np.save(file, values)


def _write(stream: BinaryIO, value: Answer | Refusal | Progress) -> None:
    stream.write(msgspec.json.encode(value) + b"\n")
    stream.flush()


if __name__ == "__main__":
    main()
