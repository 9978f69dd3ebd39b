"""What an export to Core AI costs beside coreai-torch's of the same module, and what it weighs.

    python tests/benchmark_coreai.py [--runs 5]

Whole processes, alternated: medians of wall time, CPU time and peak memory, and their ratios; the
bytes of both assets. Needs coreai-torch. Both are float16; coreai-torch's is neither verified nor
does it take a picture.
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

PEER = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
import torch
from coreai_torch import TorchConverter, get_decomp_table
from mobilenet import store
from mobilenet.torch_module import from_checkpoint
checkpoint = store.load(Path(sys.argv[1]))
module = from_checkpoint(checkpoint).half().eval()
exported = torch.export.export(module, args=(torch.zeros(1, 3, 224, 224).half(),))
exported = exported.run_decompositions(get_decomp_table())
converter = TorchConverter().add_exported_program(
    exported, input_names=["input"], output_names=["logits"]
)
converter.to_coreai().save_asset(Path(sys.argv[2]))
"""
WEIGHTS = """
import sys
from pathlib import Path
from mobilenet import store
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained
store.save(untrained(MobileNetConfig()), Path(sys.argv[1]))
"""


class Cost(NamedTuple):
    """Of one process and its children."""

    wall_s: float
    cpu_s: float
    memory_mb: float


def measured(command: list[str]) -> Cost:
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:80]} failed with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


def size(asset: Path) -> int:
    return sum(file.stat().st_size for file in asset.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "weights.safetensors"
        # in a process of its own: Linux counts this one's memory among its children's
        subprocess.run([sys.executable, "-c", WEIGHTS, str(weights)], check=True)
        peer, asset = folder / "peer.aimodel", folder / "ours.aimodel"
        ours = [sys.executable, "-m", "export", "--weights", str(weights), "-o", str(asset)]
        commands = {
            "coreai-torch": [sys.executable, "-c", PEER, str(weights), str(peer)],
            "export --no-verify": [*ours, "--no-verify"],
            "export, verified": ours,
        }
        runs: dict[str, list[Cost]] = {label: [] for label in commands}
        for _ in range(options.runs):
            for label, command in commands.items():
                runs[label].append(measured(command))
        medians = {
            label: Cost(*map(statistics.median, zip(*costs, strict=True)))
            for label, costs in runs.items()
        }
        for label, cost in medians.items():
            ratios = (
                ours / peers for ours, peers in zip(cost, medians["coreai-torch"], strict=True)
            )
            text = "  ".join(
                f"{value:7.2f} {unit} ({ratio:.2f}x)"
                for value, unit, ratio in zip(cost, ("s", "s of CPU", "MB"), ratios, strict=True)
            )
            print(f"{label:20} {text}")
        print(f"{'bytes':20} ours {size(asset):,}, coreai-torch {size(peer):,} "
              f"({size(asset) / size(peer):.4f}x)")  # fmt: skip


if __name__ == "__main__":
    main()
