"""What an export costs beside a plain script that traces, converts and saves.

    python tests/benchmark_export.py [--runs 5] [--grid] [v1] [classifier] [deeplab] [ssdlite]

Whole processes, alternated; medians of wall and CPU time and of peak memory, and their ratios.
v1 by default; the others are v2's heads, of which the plain script writes a detector's boxes
without the suppression that ours has behind them. With --grid also `export all` over 32 verified
variants in two workers, beside 32 times the plain script. To reach: 0.75, verified.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

MODULE = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[2])
import torch
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.torch_module import MobileNet
from plain_heads import CASES, PlainCase, PlainNetwork
case = CASES.get(sys.argv[3]) or PlainCase(MobileNetConfig(), "classifier")
"""
PLAIN = f"""{MODULE}
import coremltools as ct
module = PlainNetwork(MobileNet(case.config), case.outputs).eval()
shape = (1, 3, *case.config.size)
traced = torch.jit.trace(module, torch.zeros(shape))
labels = [str(number) for number in range(1000)]
classes = ct.ClassifierConfig(labels) if case.outputs == "classifier" else None
model = ct.convert(traced, inputs=[ct.ImageType(shape=shape, scale=1/127.5, bias=[-1, -1, -1])],
                   classifier_config=classes)
model.save(sys.argv[1])
"""
WEIGHTS = f"""{MODULE}
from pathlib import Path
from mobilenet import store
from mobilenet.untrained import untrained
store.save(untrained(case.config), Path(sys.argv[1]))
"""


class Measured(NamedTuple):
    """What one process took, its children included."""

    wall: float  # seconds
    cpu: float
    memory: float  # MB at its peak


def measured(command: list[str]) -> Measured:
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:80]} failed with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Measured(time.perf_counter() - begin, cpu, usage.ru_maxrss * unit / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["v1"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--grid", action="store_true")
    options = parser.parse_args()
    for network in options.networks:
        with tempfile.TemporaryDirectory() as name:
            plain = _compare(network, Path(name), options.runs)
            if options.grid:
                grid = [sys.executable, "-m", "export", "all", "--weights", "untrained",
                        "--workers", "2", "-o", f"{name}/grid"]  # fmt: skip
                wall = measured(grid).wall
                print(f"export all, 32 verified {wall:6.1f} s ({wall / (32 * plain.wall):.2f}x)")


def _compare(network: str, folder: Path, runs: int) -> Measured:
    """Print all; gives the medians of the plain script."""
    weights, tests = folder / "weights.safetensors", str(Path(__file__).parent)
    # in a process of its own: Linux counts this one's memory among its children's
    measured([sys.executable, "-c", WEIGHTS, str(weights), tests, network])
    ours = [sys.executable, "-m", "export", "--weights", str(weights), "-o", f"{folder}/"]
    plain = [sys.executable, "-c", PLAIN, f"{folder}/p.mlpackage", tests, network]
    commands = {
        "plain trace, convert, save": plain,
        "export --no-verify": [*ours, "--no-verify"],
        "export, verified": ours,
    }
    taken: dict[str, list[Measured]] = {label: [] for label in commands}
    for _ in range(runs):
        for label, command in commands.items():
            taken[label].append(measured(command))
    medians = {
        label: Measured(*map(statistics.median, zip(*samples, strict=True)))
        for label, samples in taken.items()
    }
    base = next(iter(medians.values()))
    for label, each in medians.items():
        print(
            f"{network:10} {label:27} {each.wall:6.2f} s ({each.wall / base.wall:.2f}x), CPU "
            f"{each.cpu:6.2f} s ({each.cpu / base.cpu:.2f}x), "
            f"{each.memory:5.0f} MB ({each.memory / base.memory:.2f}x)"
        )
    return base


if __name__ == "__main__":
    main()
