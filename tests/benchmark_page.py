"""How long `reports page` takes on a long session: run by hand, asserts nothing.

python tests/benchmark_page.py
"""

import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import made_results as made
from mobilenet.networks.v1 import MobileNetConfig

LAUNCHES, SAMPLES, CASES, RUNS = 10_000, 50, 40, 3


def long_session(path: Path) -> Path:
    chance = random.Random(1)
    configs = [
        MobileNetConfig(alpha=alpha, resolution=side)
        for alpha in (0.25, 0.5, 0.75, 1, 1.25)
        for side in range(96, 352, 32)
    ]
    cases = [made.case(made.model(config)) for config in configs[:CASES]]
    rounds = LAUNCHES // CASES
    latency_ms = {case.case: case.model.macs * 2e-8 for case in cases}
    launches = made.launches(cases, latency_ms, rounds, SAMPLES, chance.randrange(1000))
    return made.write(path, [made.session(rounds, SAMPLES), *cases, *launches])


def cpu_of_children() -> float:
    """Seconds, which a loaded machine does not change."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        results, page = long_session(Path(folder) / "long.jsonl"), Path(folder) / "page.html"
        command = [sys.executable, "-m", "reports", "page", str(results), "-o", str(page)]
        seconds, cpu_seconds = [], []
        for _ in range(RUNS):
            begin, cpu_begin = time.perf_counter(), cpu_of_children()
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.perf_counter() - begin)
            cpu_seconds.append(cpu_of_children() - cpu_begin)
        print(
            f"reports page, {LAUNCHES} launches of {SAMPLES} samples: median "
            f"{statistics.median(seconds):.2f} s of {RUNS} runs (bound: 5 s), of it on the CPU "
            f"{statistics.median(cpu_seconds):.2f} s; "
            f"{page.stat().st_size / 1e6:.2f} MB (bound: 3 MB)"
        )
