"""How much the harness itself costs: `python tests/benchmark_harness.py`. Prints, asserts nothing.

1. The p50 it reports for the portable runtime on one thread beside a bare loop over the same
   session in a process of its own, taken in turns: by CPU time, which a loaded machine does not
   move much, and by wall time. Goal, by CPU time: within 1 %.
2. What a launch takes outside measuring, from process start to the end of the first call, for
   alpha 1.0. Goal: at most 0.8 s.
"""

import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.session.cases import candidates
from bench.session.prepare import PreparedCase, Preparer
from bench.session.schedule import PLANS
from export.pipeline import export
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

LAUNCHES = 15
BARE = """
import statistics, sys, time
from pathlib import Path
from bench.workers import made_inputs
from export.runtimes.portable import PortableRuntime
session = PortableRuntime(threads=int(sys.argv[2])).load(Path(sys.argv[1]), "CPU")
made = made_inputs.make(session.description)
end = time.perf_counter() + float(sys.argv[3])
while time.perf_counter() < end:
    session.predict(made)
wall, cpu = [], []
for _ in range(int(sys.argv[4])):
    begin, begin_cpu = time.perf_counter_ns(), time.process_time_ns()
    session.predict(made)
    cpu.append(time.process_time_ns() - begin_cpu)
    wall.append(time.perf_counter_ns() - begin)
print(statistics.median(cpu), statistics.median(wall))
"""


def main() -> None:
    plan = PLANS["default"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = untrained(MobileNetConfig())
        labels = tuple(f"class {i}" for i in range(1000))
        package = export(replace(checkpoint, labels=labels), folder, verify=False).path
        (candidate,) = candidates([package], ["portable"], threads=1)
        prepared = Preparer(plan, folder).prepare(candidate)
        assert isinstance(prepared, PreparedCase), prepared
        job = msgspec.structs.replace(
            prepared.job,
            warmup_s=plan.warmup_s,
            warmup_calls=plan.warmup_calls,
            samples=plan.samples,
        )
        bare, ours, outside = [], [], []  # the first two of CPU and wall time
        for _ in range(LAUNCHES):
            threads = str(candidate.settings["threads"])
            arguments = [job.compiled, threads, str(plan.warmup_s), str(plan.samples)]
            done = subprocess.run(
                [sys.executable, "-c", BARE, *arguments],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            bare.append([float(word) for word in done.stdout.split()])
            measurement = prepared.launch(job).answer
            assert measurement is not None
            answer = measurement.result
            both = (answer.cpu_ns, answer.samples_ns)
            ours.append([statistics.median(taken) / answer.calls_per_sample for taken in both])
            outside.append(answer.start_ns + answer.load_ns + answer.first_call_ns)
    for number, time in enumerate(("CPU", "wall")):
        a, b = ([launch[number] for launch in launches] for launches in (bare, ours))
        pairs = sorted(y / x for x, y in zip(a, b, strict=True))
        print(
            f"{time:4} time: bare loop {statistics.median(a) / 1e6:.3f} ms, harness "
            f"{statistics.median(b) / 1e6:.3f} ms; ratio of pairs {statistics.median(pairs):.4f}, "
            f"{pairs[3]:.4f} to {pairs[-4]:.4f} (96 % interval of the median)"
        )
    print(f"process start to end of first call: {statistics.median(outside) / 1e9:.3f} s")


if __name__ == "__main__":
    main()
