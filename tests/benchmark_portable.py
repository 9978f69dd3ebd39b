"""The portable runtime against its peer: `python tests/benchmark_portable.py`. Asserts nothing.

MobileNet alpha 1.0 at 224, fp16 package in float32 arithmetic, on one thread; the peer is the same
network written by torch.onnx, fed a float array that is normalized already. Figures are p50s over
processes taken in turns: CPU time, which a loaded machine does not move much, and wall time, which
it does; each process's ratio to the peer's of its turn, their median and the least and greatest.
Goals, by CPU time: the bare session within 3 % of the peer, `predict` from a picture to a
dictionary of 1000 labels within 8 %.
"""

import statistics
import subprocess
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import torch

from export.formats.coreml.build import build
from export.prepared import prepare_checkpoint
from export.runtimes.portable import PortableRuntime
from export.spec import ExportSpec
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained

ROUNDS = 7
ONE = """
import statistics, sys, time
from pathlib import Path
import numpy as np, onnxruntime
from PIL import Image
from export.runtimes.portable import PortableRuntime
kind, path = sys.argv[1], Path(sys.argv[2])
pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
if kind == "peer":
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options)
    feed = {session.get_inputs()[0].name: np.zeros((1, 3, 224, 224), np.float32) + 0.5}
    call = lambda: session.run(None, feed)
else:
    session = PortableRuntime(1).load(path, "CPU")
    picture, feed = Image.fromarray(pixels), {"image": pixels[None]}
    bare = lambda: session._session.run(None, feed)
    call = bare if kind == "session" else lambda: session.predict({"image": picture})
wall, cpu = [], []
for _ in range(150):
    begin, begin_cpu = time.perf_counter_ns(), time.process_time_ns()
    call()
    cpu.append(time.process_time_ns() - begin_cpu)
    wall.append(time.perf_counter_ns() - begin)
print(*(statistics.median(taken[50:]) / 1e6 for taken in (cpu, wall)))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        paths = _files(Path(name))
        taken: dict[str, list[list[float]]] = {kind: [] for kind in paths}
        for _ in range(ROUNDS):
            for kind, path in paths.items():
                command = [sys.executable, "-c", ONE, kind, str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                taken[kind].append([float(word) for word in done.stdout.split()])
    for number, time in enumerate(("CPU", "wall")):
        peer = [figures[number] for figures in taken["peer"]]
        for kind, rounds in taken.items():
            figures = [figures[number] for figures in rounds]
            ratios = [a / b for a, b in zip(figures, peer, strict=True)]
            print(
                f"{kind:8} {time:4} p50 {statistics.median(figures):6.2f} ms, ratio "
                f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
            )


def _files(folder: Path) -> dict[str, Path]:
    labels = tuple(f"class {i}" for i in range(1000))
    checkpoint = replace(untrained(MobileNetConfig()), labels=labels)
    package = folder / "net.mlpackage"
    build(prepare_checkpoint(checkpoint, ExportSpec())).save(str(package))
    compiled = PortableRuntime().compile(package, folder)
    network = torch.nn.Sequential(from_checkpoint(checkpoint), torch.nn.Softmax(1)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.zeros(1, 3, 224, 224),), folder / "peer.onnx", external_data=False,
            verbose=False,
        )  # fmt: skip
    return {"peer": folder / "peer.onnx", "session": compiled, "predict": compiled}


if __name__ == "__main__":
    main()
