"""How the gates judge networks on which float32 itself loses digits.

    python tests/benchmark_gates.py [--faults] [--networks ::6]

144 lightly trained networks, each exported in float32 and in float16: the distance from PyTorch,
what PyTorch's own float32 loses there (in float16, 2^13 times as much), and the verdict. With
--faults also every deliberate fault, with a line for each that passes: how far it moves logits.
"""

import argparse
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from export.formats.registry import format_of
from export.mil.read.model import read
from export.prepared import MAIN, prepare_checkpoint
from export.runtimes.inputs import from_picture
from export.spec import ExportSpec
from export.verify.agreement import logits_name, probe_pictures, relative_l2, run, stacked
from export.verify.gates import verify_package
from export.verify.limits import PRECISION
from export.verify.trial import Trial
from faults import FAULTS, Fault
from lightly_trained import Training
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError

TRAININGS = [
    Training(alpha, resolution, classes, seed, steps, momentum, alive)
    for seed, (alpha, resolution, classes, steps, momentum, alive) in enumerate(
        itertools.product(
            (0.25, 0.5), (32, 64, 96), (2, 3, 10), (5, 30), (0.1, None), (False, True)
        )
    )
]


class Judged(NamedTuple):
    """One package: relative L2 of logits, and what the gates say."""

    from_float32: float
    from_float64: float
    lost: float  # by PyTorch in float32, or 2^13 times that: a rounding of float16
    refused: str


def package(checkpoint: Checkpoint, precision: str, path: Path) -> Path:
    prepared = prepare_checkpoint(checkpoint, ExportSpec(precision=precision))
    format_of(prepared.spec).write(prepared, path)
    return path


def verdict(checkpoint: Checkpoint, precision: str, path: Path) -> str:
    """Empty when the package passes."""
    try:
        verify_package(path, prepare_checkpoint(checkpoint, ExportSpec(precision=precision)))
    except VerificationError as error:
        return error.message
    return ""


def judged(checkpoint: Checkpoint, precision: str, path: Path) -> Judged:
    package(checkpoint, precision, path)
    prepared = prepare_checkpoint(checkpoint, ExportSpec(precision=precision))
    trial = Trial.of(path, MAIN, lambda: read(path), prepared)
    logits = trial.logits(trial.run("declared"))
    return Judged(
        trial.reference.distance_of(logits, exactly=False),
        trial.reference.distance_of(logits),
        PRECISION[precision].step * trial.reference.float32_loss,
        verdict(checkpoint, precision, path),
    )


def logits(path: Path, checkpoint: Checkpoint) -> NDArray[np.float32]:
    """Of a package, run in float32."""
    function = read(path).function()
    pictures = probe_pictures(checkpoint.config.resolution)
    inputs = [from_picture(function.description, p, checkpoint.normalization) for p in pictures]
    name = logits_name(function)
    return stacked(run(path, inputs, "float32", [name]), name)


def faulty(checkpoint: Checkpoint, fault: Fault, folder: Path) -> Iterator[tuple[str, str, float]]:
    """Precision, verdict, and how far the fault moves logits in float32, of each package."""
    for precision in fault.precisions:
        path, right = (folder / f"{name}_{precision}.mlpackage" for name in ("faulty", "right"))
        package(checkpoint, precision, right)
        with fault.bend():
            package(fault.change(checkpoint), precision, path)
        moved = relative_l2(logits(path, checkpoint), logits(right, checkpoint))
        yield precision, verdict(checkpoint, precision, path), moved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--networks", default=":", help="a slice of them, such as 0:36 or ::6")
    options = parser.parse_args()
    chosen = slice(*(int(part) if part else None for part in options.networks.split(":")))
    torch.set_num_threads(1)
    counts: Counter[str] = Counter()
    highest = dict.fromkeys(PRECISION, 0.0)
    for training in TRAININGS[chosen]:
        checkpoint = training.run()
        for precision, limit in PRECISION.items():
            with tempfile.TemporaryDirectory() as name:
                result = judged(checkpoint, precision, Path(name, "m.mlpackage"))
            counts[f"{precision}: all"] += 1
            counts[f"{precision}: over the usual limit"] += result.from_float32 > limit.usual
            counts[f"{precision}: refused"] += bool(result.refused)
            if result.from_float64 > limit.usual:
                highest[precision] = max(highest[precision], result.from_float64 / result.lost)
            print(
                f"{training.name:58} {precision}  from float32 {result.from_float32:.1e}, "
                f"from float64 {result.from_float64:.1e}, lost {result.lost:.1e}  "
                f"{result.refused}",
                flush=True,
            )
        if options.faults:
            for fault in FAULTS:
                with tempfile.TemporaryDirectory() as name:
                    for precision, refused, moved in faulty(checkpoint, fault, Path(name)):
                        counts["faults: all"] += 1
                        counts["faults: refused"] += bool(refused)
                        if not refused:
                            print(f"    passes: {fault.name}, {precision}, moves {moved:.1e}")
    for what, number in counts.items():
        print(f"{what:40} {number}")
    for precision, ratio in highest.items():
        print(f"{precision}: over the usual limit, at most {ratio:.2f} times what is lost")


if __name__ == "__main__":
    main()
