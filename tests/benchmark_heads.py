"""Each head through the portable runtime against the same network by torch.onnx.

    python tests/benchmark_heads.py [--rounds 40] [classifier] [deeplab] [ssdlite] [tensors]

MobileNet v2 at alpha 1.0, 1 thread each, calls in turn in one process: medians of wall and of CPU
time, and their ratios. The peer is fed a float array that is normalized already, ours whole
pixels; suppression is apart. To reach: 1.05. Asserts nothing.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from export.formats.registry import format_of
from export.prepared import prepare_checkpoint
from export.runtimes.onnx_session import open_session
from export.runtimes.portable import PortableRuntime
from export.spec import ExportSpec
from mobilenet.checkpoint import Checkpoint
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained
from plain_heads import CASES, PlainCase, PlainNetwork

Calls = Mapping[str, Callable[[], list[np.ndarray]]]
Seconds = tuple[list[float], list[float]]  # of wall and of CPU time, call by call
PEER, WARM_UP = "torch.onnx", 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*CASES])
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            calls = _calls(CASES[name], Path(folder))
            _show(name, _taken(calls, options.rounds), _differences(calls))


def _calls(case: PlainCase, folder: Path) -> Calls:
    """The peer's, and those of a package in each precision."""
    checkpoint, size = untrained(case.config), case.config.size
    pixels = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    floats = (pixels.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2).copy()
    peer = open_session(str(_peer(checkpoint, case.outputs, folder)), threads=1)
    calls = {PEER: lambda: peer.run(None, {peer.get_inputs()[0].name: floats})}
    for precision in ("fp16", "fp32"):
        spec = ExportSpec(outputs=case.outputs, precision=precision)
        prepared = prepare_checkpoint(checkpoint, spec)
        package, runtime = folder / f"{precision}.mlpackage", PortableRuntime(1)
        format_of(spec).write(prepared, package)
        session = runtime.load(runtime.compile(package, folder), "CPU")._session
        calls[precision] = lambda own=session: own.run(None, {"image": pixels})
    return calls


def _peer(checkpoint: Checkpoint, outputs: str, folder: Path) -> Path:
    network = PlainNetwork(from_checkpoint(checkpoint), outputs).eval()
    picture = torch.zeros(1, 3, *checkpoint.config.size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (picture,), folder / "peer.onnx", external_data=False, verbose=False
        )
    return folder / "peer.onnx"


def _differences(calls: Calls) -> dict[str, float]:
    """Of the first output from the peer's, in the mean: the same is compared."""
    expected = calls[PEER]()[0].astype(float)
    found = {name: call()[0].reshape(expected.shape) for name, call in calls.items()}
    return {name: np.abs(values - expected).mean() for name, values in found.items()}


def _taken(calls: Calls, rounds: int) -> dict[str, Seconds]:
    taken: dict[str, Seconds] = {name: ([], []) for name in calls}
    for number in range(WARM_UP + rounds):
        for name, call in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            if number >= WARM_UP:
                taken[name][0].append(time.perf_counter() - wall)
                taken[name][1].append(time.process_time() - cpu)
    return taken


def _show(title: str, taken: Mapping[str, Seconds], differences: Mapping[str, float]) -> None:
    peer = [statistics.median(times) for times in taken[PEER]]
    for name, kinds in taken.items():
        wall, cpu = (statistics.median(times) for times in kinds)
        print(
            f"{title:10} {name:10} wall {wall * 1e3:7.2f} ms ({wall / peer[0]:.3f}), "
            f"CPU {cpu * 1e3:7.2f} ms ({cpu / peer[1]:.3f}), differs by {differences[name]:.1e}"
        )


if __name__ == "__main__":
    main()
