"""Speed of compressed packages on the portable runtime, relative to the uncompressed one.

Run by hand: python tests/benchmark_compress.py [ALPHA [RESOLUTION]]. Weights are expanded when a
package is loaded, so a compressed form costs nothing per prediction; w8a8 rounds activations in
float32, which no integer unit helps here. Says nothing about an Apple device. Aim: p50 within
1.05 of the uncompressed form's, w8a8 within 2.5.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from export import pipeline
from export.calibration_options import CalibrationOptions
from export.runtimes.portable import UNIT, PortableRuntime
from export.runtimes.portable_session import PortableSession
from export.spec import ExportSpec
from export.verify.agreement import probe_pictures
from made_photographs import folder_of
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

METHODS = (None, "int8", "int4", "palette4", "prune50", "w8a8", None)  # twice: the noise
CALLS = 150


def measured(sessions: dict[str, PortableSession], size: int) -> dict[str, list[float]]:
    """Times of all calls in ms; the forms take turns, so that all see the same machine."""
    given = {"image": probe_pictures(size)[0]}
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(CALLS):
        for name, session in sessions.items():
            start = time.perf_counter_ns()
            session.predict(given)
            times[name].append((time.perf_counter_ns() - start) / 1e6)
    return times


def main(alpha: float = 1.0, size: int = 224) -> None:
    checkpoint = untrained(MobileNetConfig(alpha, size))
    runtime = PortableRuntime(threads=1)
    with tempfile.TemporaryDirectory() as name:
        folder, sessions = Path(name), {}
        photographs = folder_of(folder / "photographs")
        for number, method in enumerate(METHODS):
            calibrate = photographs if method == "w8a8" else None
            exported = pipeline.export(
                checkpoint, folder / f"m{number}.mlpackage", spec=ExportSpec(compress=method),
                verify=False, calibration=CalibrationOptions(calibrate=calibrate),
            )  # fmt: skip
            label = method or ("uncompressed" if number == 0 else "uncompressed again")
            sessions[label] = runtime.load(runtime.compile(exported.path, folder), UNIT)
        times = measured(sessions, size)
    plain = times["uncompressed"]
    for label, values in times.items():
        ratios = [one / other for one, other in zip(values, plain, strict=True)]
        p50, ratio = statistics.median(values), statistics.median(ratios)
        print(f"{label:20} p50 {p50:7.2f} ms  {ratio:.3f} x")


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((float, int), sys.argv[1:], strict=False)))
