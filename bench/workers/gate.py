"""A launch counts only if it computed the right thing."""

import time
from pathlib import Path
from typing import NamedTuple

from bench.results.records import Output
from bench.runtimes.entries import Worker
from bench.workers import outputs
from bench.workers.outputs import Vector
from bench.workers.process import Outcome, run_worker
from bench.workers.protocol import Job, WorkerResult


class Measurement(NamedTuple):
    """What a worker measured, and what it computed meanwhile."""

    result: WorkerResult
    output: Output
    values: Vector


def run_checked(worker: Worker, job: Job, reference: Vector | None) -> Outcome[Measurement]:
    """Carry out `job`: "measure" or "soak". Refused where its outputs are not `reference`'s."""
    file = Path(job.outputs)
    file.unlink(missing_ok=True)  # of the launch before
    begin = time.monotonic()
    status, reason, result, windows = run_worker(worker, job, WorkerResult)
    if result is None:
        return Outcome(status, reason, None, windows)
    if job.pace_hz and (time.monotonic() - begin) * job.pace_hz < job.warmup_calls + job.samples:
        return Outcome("failed", f"it did not keep to {job.pace_hz:g} calls a second", None)
    try:
        values = outputs.read(file)
    except (OSError, ValueError) as error:
        return Outcome("failed", f"it left no outputs: {error}", None, windows)
    output = outputs.summary(result.top1, values, reference)
    if reason := outputs.wrong(output):
        return Outcome("refused", reason, None, windows)
    return Outcome("ok", "", Measurement(result, output, values), windows)
