"""How long a weight file takes to be read, and what its own graph adds to a verified export.

    python tests/benchmark_reading.py [FILE ...]

Without files: a frozen graph of 17 MB and an .h5 of 1 MB, made of untrained weights. Every reading
is a process of its own, which must not import torch; its time is from the first line of ours on.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import keras_networks
import slim_files
from export import pipeline
from export.spec import ExportSpec
from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.sources.recognise import read
from mobilenet.untrained import untrained

TIMES = 5
READING = """
import sys, time
from pathlib import Path
from mobilenet.sources.recognise import read
start = time.perf_counter()
read(Path(sys.argv[1]))
print(time.perf_counter() - start, "torch" in sys.modules)
"""


def made(folder: Path) -> list[Path]:
    graph = slim_files.slim(untrained(MobileNetConfig(1.0, 224)), folder / "frozen.pb")
    small = untrained(MobileNetConfig(0.25, 224, padding="keras"))
    return [graph, keras_networks.whole(small, folder / "keras.h5")]


def reading(path: Path) -> float:
    """Seconds, the median of several processes."""
    seconds = []
    for _ in range(TIMES):
        command = [sys.executable, "-c", READING, str(path)]
        taken, has_torch = subprocess.check_output(command, text=True).split()
        assert has_torch == "False", "reading imports torch"
        seconds.append(float(taken))
    return statistics.median(seconds)


def exporting(checkpoint: Checkpoint, folder: Path) -> float:
    start = time.perf_counter()
    pipeline.export(checkpoint, folder, spec=ExportSpec(outputs="probabilities"))
    return time.perf_counter() - start


def share_of_gate(path: Path, folder: Path) -> float:
    """A verified export with the file's own graph, as a multiple of one without it."""
    checkpoint = read(path)
    plain = replace(checkpoint, reading=None)
    exporting(plain, folder)  # what is imported once
    pairs = [(exporting(plain, folder), exporting(checkpoint, folder)) for _ in range(TIMES)]
    return statistics.median(whole / without for without, whole in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as name:
        for path in files or made(Path(name)):
            seconds = reading(path)
            share = share_of_gate(path, Path(name))
            print(f"{path.name:40} read in {seconds:.3f} s, verified export x {share:.2f}")


if __name__ == "__main__":
    main()
