"""The worker in Python: `python -P -m bench.workers.python JOB`.

The answer goes to what was standard output when the process began; anything that native code
prints goes to standard error. An exception of a runtime is not caught: its last line and the
exit code tell the parent what happened, as they do for a crash.
"""

import functools
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from bench.results.soak_window import SoakWindow
from bench.runtimes.classes import CLASSES, RuntimeClass, create
from bench.workers import memory
from bench.workers.measure import Clock, measure
from bench.workers.pacing import Frames
from bench.workers.protocol import (
    Answer,
    Compiled,
    Job,
    SoakProgress,
    Units,
    WorkerError,
    WorkerResult,
)
from export.runtimes.base import Feature, LoadedModel, Runtime
from mobilenet.common.errors import UnsupportedError, UserError

LIFELINE = 0  # standard input: the parent holds the other end and never writes

Write = Callable[[SoakProgress], None]


def main(classes: Mapping[str, RuntimeClass] = CLASSES) -> None:
    """Do the job in the last argument, with the runtime of that name among `classes`."""
    stream = claim_output()
    end_with_parent()
    job = msgspec.json.decode(sys.argv[-1], type=Job)
    # SIGALRM ends a process whatever its native code is doing, even if the parent is gone.
    signal.alarm(int(job.timeout_s) + 2)
    try:
        answer = carry_out(job, classes[job.runtime], lambda line: _write(stream, line))
    except UserError as error:
        answer = WorkerError(error.message)
    _write(stream, answer)
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


def carry_out(job: Job, chosen: RuntimeClass, write: Write) -> Answer:
    """Whatever the job asks for. Raises `UserError` where this runtime cannot do it."""
    runtime = create(chosen, job.settings)
    if reason := runtime.unavailable():
        raise UnsupportedError(reason, "choose another --runtime")
    match job.task:
        case "describe":
            return Units(tuple(runtime.units()))
        case "compile":
            import_all(chosen.to_compile)
            return compile_package(job, runtime)
        case "plan":
            raise UnsupportedError("this worker makes no compute plans", "coreml-native does")
        case "measure" | "soak":
            memory.bound(job.memory_limit_bytes)
            import_all(chosen.to_load)
            return launch(job, runtime, write)


def import_all(modules: Iterable[str]) -> None:
    """Ahead of the clock: what a runtime imports when it is first used is no part of it."""
    for module in modules:
        importlib.import_module(module)


def compile_package(job: Job, runtime: Runtime) -> Compiled | WorkerError:
    """Compile, and say how long it took."""
    begin = time.perf_counter_ns()
    try:
        compiled = runtime.compile(Path(job.package), Path(job.folder))
    except OSError as error:  # the package is gone, or the disk is full
        return WorkerError(f"{error.strerror}: {error.filename or job.package}")
    return Compiled(compiled=str(compiled), compile_ns=time.perf_counter_ns() - begin)


def launch(job: Job, runtime: Runtime, write: Write) -> WorkerResult:
    """Load, call once, carry out the task, and leave what was computed."""
    from bench.workers import made_inputs, outputs

    begin = time.monotonic_ns()
    model: LoadedModel = runtime.load(Path(job.compiled), job.unit)
    loaded = time.monotonic_ns()
    call = _call(model, made_inputs.read(job.inputs, model.description), job.batch)
    started = time.monotonic_ns()
    call()
    first_call_ns = time.monotonic_ns() - started

    watch = memory.PeakMemory(job.memory_limit_bytes)
    watch()
    timings: dict[str, Any] = {}
    if job.task == "soak":
        soak(call, job, write, watch)
    else:
        measured = measure(
            call,
            warmup_s=job.warmup_s,
            warmup_calls=job.warmup_calls,
            samples=job.samples,
            native=getattr(model, "last_predict_ns", None),
            check=watch,
            pace=Frames(job.pace_hz).wait if job.pace_hz else None,
        )
        timings = measured._asdict()
    last = call()
    outputs.write(Path(job.outputs), outputs.vector(last))
    return WorkerResult(
        start_ns=begin - job.spawned_ns,
        load_ns=loaded - begin,
        first_call_ns=first_call_ns,
        **timings,
        peak_memory_bytes=watch.peak,
        memory_growth_bytes=watch.growth,
        top1=outputs.top1(last),
    )


def soak(
    call: Callable[[], object],
    job: Job,
    write: Write,
    watch: Callable[[], None],
    *,
    clock: Clock = time.perf_counter_ns,
    cpu_clock: Clock = time.process_time_ns,
) -> None:
    """Call without a pause for `job.seconds`; a line per window, as soon as it is over."""
    from bench.machine import thermal

    origin = begin = clock()
    worked = cpu_clock()
    calls = 0
    while begin - origin < job.seconds * 1e9:
        call()
        calls += 1
        if (now := clock()) - begin >= job.window_s * 1e9:
            window = SoakWindow(
                begin_ns=begin - origin,
                took_ns=now - begin,
                cpu_ns=cpu_clock() - worked,
                calls=calls,
                thermal=thermal.state(),
            )
            write(SoakProgress(window))
            watch()
            worked = cpu_clock()
            begin, calls = clock(), 0


def _call(
    model: LoadedModel, inputs: Mapping[str, Feature], batch: int
) -> Callable[[], Mapping[str, Feature]]:
    if batch == 1:
        return functools.partial(model.predict, inputs)
    predict_batch = getattr(model, "predict_batch", None)
    if predict_batch is None:
        raise UnsupportedError("this runtime has no batch prediction", "leave --batch out")
    many = [inputs] * batch
    return lambda: cast(Mapping[str, Feature], predict_batch(many)[-1])


def _write(stream: BinaryIO, message: Answer | SoakProgress) -> None:
    stream.write(msgspec.json.encode(message) + b"\n")
    stream.flush()


if __name__ == "__main__":
    main()
