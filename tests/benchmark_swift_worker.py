"""What the worker in Swift costs: `python tests/benchmark_swift_worker.py`. Asserts nothing.

Its engine plays calls that take 0.3 ms by the clock that times them. Goals: 1 % of such a call,
and 0.1 s from the start of the process to the load, and for a launch without calls to time.
"""

import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from bench.runtimes import swift_runner
from bench.workers.process import run_worker
from bench.workers.protocol import Job, WorkerResult

CALL_NS = 300_000
LAUNCHES = 15


def main() -> None:
    worker = (str(swift_runner.built()),)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "made.json"
        lines = [{"name": "y", "numbers": [1.0] * 1000}]
        script.write_bytes(msgspec.json.encode(
            {"load_ns": 0, "call_ns": CALL_NS, "faulty_call": 0, "outputs": lines}
        ))  # fmt: skip
        job = Job(
            task="measure", runtime="made", compiled=str(script), unit="ALL",
            outputs=str(Path(folder) / "outputs.raw"), timeout_s=60, memory_limit_bytes=1 << 30,
        )  # fmt: skip
        measured = msgspec.structs.replace(job, warmup_s=0.1, warmup_calls=10, samples=200)
        results = [run(worker, measured)[0] for _ in range(LAUNCHES)]
        launches = [run(worker, job) for _ in range(LAUNCHES)]
    per_call = [statistics.median(result.samples_ns) - CALL_NS for result in results]
    share = statistics.median(per_call) / CALL_NS
    print(f"harness: {statistics.median(per_call):.0f} ns, {share:.2%} of a call of 0.3 ms")
    print(f"an empty call: {statistics.median(each.loop_overhead_ns for each in results)} ns")
    start_s = statistics.median(result.start_ns for result, _ in launches) / 1e9
    print(f"process start to load: {start_s:.4f} s")
    print(f"a launch: {statistics.median(took for _, took in launches):.4f} s")


def run(worker: tuple[str, ...], job: Job) -> tuple[WorkerResult, float]:
    """What it measured, and the seconds that it took in all."""
    begin = time.monotonic()
    answer = run_worker(worker, job, WorkerResult).answer
    assert answer
    return answer, time.monotonic() - begin


if __name__ == "__main__":
    main()
