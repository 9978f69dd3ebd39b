"""What an export costs beside a plain script that traces, converts and saves.

    python tests/benchmark_export.py [--runs 5] [--grid]

Whole processes, alternated; medians of wall time and peak memory, and their ratios. With --grid
also `export all` over 32 verified variants in two workers, beside 32 times the plain script.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAIN = """
import sys, warnings
warnings.simplefilter("ignore")
import coremltools as ct, torch
from mobilenet.torch_module import MobileNet
module = MobileNet().eval()
traced = torch.jit.trace(module, torch.zeros(1, 3, 224, 224))
model = ct.convert(traced, inputs=[ct.ImageType(shape=(1, 3, 224, 224),
                           scale=1/127.5, bias=[-1, -1, -1])],
                   classifier_config=ct.ClassifierConfig([str(i) for i in range(1000)]))
model.save(sys.argv[1])
"""
WEIGHTS = """
import sys
from pathlib import Path
from mobilenet import store
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained
store.save(untrained(MobileNetConfig()), Path(sys.argv[1]))
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak MB of one process, children included."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:80]} failed with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - begin, usage.ru_maxrss * unit / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--grid", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "weights.safetensors"
        # in a process of its own: Linux counts this one's memory among its children's
        subprocess.run([sys.executable, "-c", WEIGHTS, str(weights)], check=True)
        ours = [sys.executable, "-m", "export", "--weights", str(weights), "-o", f"{folder}/"]
        commands = {
            "plain trace, convert, save": [sys.executable, "-c", PLAIN, f"{folder}/p.mlpackage"],
            "export --no-verify": [*ours, "--no-verify"],
            "export, verified": ours,
        }
        runs: dict[str, list[tuple[float, float]]] = {label: [] for label in commands}
        for _ in range(options.runs):
            for label, command in commands.items():
                runs[label].append(measured(command))
        plain = [statistics.median(values) for values in zip(*runs[next(iter(runs))], strict=True)]
        for label, samples in runs.items():
            wall, memory = (statistics.median(values) for values in zip(*samples, strict=True))
            print(
                f"{label:28} {wall:6.2f} s ({wall / plain[0]:.2f}x) "
                f"{memory:6.0f} MB ({memory / plain[1]:.2f}x)"
            )
        if options.grid:
            grid = [sys.executable, "-m", "export", "all", "--weights", "untrained",
                    "--workers", "2", "-o", f"{folder}/grid"]  # fmt: skip
            wall, _ = measured(grid)
            print(f"{'export all, 32 verified':28} {wall:6.1f} s ({wall / (32 * plain[0]):.2f}x)")


if __name__ == "__main__":
    main()
