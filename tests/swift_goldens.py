"""What the workers in Python and in Swift must agree on, computed by Python.

`python tests/swift_goldens.py` writes it to where the Swift tests read it.
"""

import base64
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import numpy as np

from bench.results.placed_ops import PlacedOp
from bench.results.soak_window import SoakWindow
from bench.results.thermal_state import Thermal
from bench.workers import measure, outputs, protocol, python
from bench.workers.pacing import Frames
from swift_app_goldens import figures, gates, regions

FILE = Path(python.__file__).parent / "swift/Tests/MeasureTests/golden.json"
ODD = 'é e\u0301 \u2028 \x7f / \\ " \U0001f600'


class ScriptedClock:
    """Each reading is one of `steps` later, over and over; sleeping takes its time."""

    def __init__(self, steps: Sequence[int]) -> None:
        self._steps, self._now = itertools.cycle(steps), 0
        self.slept: list[int] = []

    def __call__(self) -> int:
        self._now += next(self._steps)
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds * 1e9))
        self._now += self.slept[-1]


def messages() -> dict[str, Any]:
    """One of each kind, with a value in every field."""
    window = SoakWindow(
        begin_ns=1, took_ns=2, cpu_ns=3, calls=4, thermal=Thermal(pressure="heavy")
    )
    return {
        "job": job(),
        "units": protocol.Units(("CPU_ONLY", "ALL")),
        "compiled": protocol.Compiled(compiled=f"/tmp/{ODD}", compile_ns=1 << 53),
        "plan": protocol.ComputePlan((placed_op(),)),
        "result": protocol.WorkerResult(
            start_ns=1, load_ns=2, first_call_ns=3, warmup_ns=(4, 5), samples_ns=(6, 7),
            calls_per_sample=8, cpu_ns=(9,), voluntary_switches=10, involuntary_switches=11,
            native_ns=(), loop_overhead_ns=12, peak_memory_bytes=13, memory_growth_bytes=14,
            thermal_before=Thermal(pressure="nominal"), thermal_after=Thermal(pressure="moderate"),
            top1=ODD,
        ),
        "error": protocol.WorkerError("it is not there"),
        "progress": protocol.SoakProgress(window),
    }  # fmt: skip


def placed_op() -> PlacedOp:
    """With a value in every field."""
    return PlacedOp(
        function="main", name=ODD, type="ios16.conv", preferred="ANE", supported=("CPU", "ANE"),
        cost=0.125,
    )  # fmt: skip


def job(**fields: Any) -> protocol.Job:
    """Whose other fields are all other than their defaults."""
    values: dict[str, Any] = {
        "task": "measure", "runtime": "made", "settings": {"some_threads": 2}, "package": ODD,
        "folder": "/a", "compiled": "/b", "unit": "ALL", "outputs": "/c", "batch": 2,
        "inputs": (protocol.InputFile(name=ODD, type="uint8", shape=(1, 2, 3), path="/d"),),
        "warmup_s": 0.5, "warmup_calls": 3, "samples": 4, "pace_hz": 29.97, "seconds": 5.5,
        "window_s": 0.25, "spawned_ns": (1 << 53) + 1, "timeout_s": 120.0,
        "memory_limit_bytes": 1 << 40, **fields,
    }  # fmt: skip
    return protocol.Job(**values)


def loops() -> Iterator[dict[str, Any]]:
    """Timings, reading of the clock for reading of the clock; a call takes one step of it."""
    scripts = ([1000, 250_000], [70, 110, 130], [100, 90_000, 100, 110_000], [5_000_000])
    for steps, (seconds, calls, samples), hertz in itertools.product(
        scripts, [(0.0, 3, 5), (0.0005, 1, 4), (0.0, 110, 0)], [0, 30, 29.97]
    ):
        clock, cpu_clock = ScriptedClock(steps), ScriptedClock([3, 5])

        def sleep(seconds: float, clocks: tuple[ScriptedClock, ...] = (clock, cpu_clock)) -> None:
            for each in clocks:  # so that waiting that was timed would be seen in both
                each.sleep(seconds)

        timings = measure.measure(
            clock, warmup_s=seconds, warmup_calls=calls, samples=samples, clock=clock,
            cpu_clock=cpu_clock,
            pace=Frames(hertz, clock, sleep).wait if hertz else None,
        )  # fmt: skip
        yield {
            "steps": steps, "warmup_s": seconds, "warmup_calls": calls, "samples": samples,
            "pace_hz": hertz, "slept_ns": clock.slept, "warmup_ns": timings.warmup_ns,
            "samples_ns": timings.samples_ns, "cpu_ns": timings.cpu_ns,
            "calls_per_sample": timings.calls_per_sample,
            "loop_overhead_ns": timings.loop_overhead_ns,
        }  # fmt: skip


def soaks() -> Iterator[dict[str, Any]]:
    """Windows of soaks."""
    for steps, seconds, window_s in (([7, 90_000], 0.001, 1e-4), ([1_000_000], 0.5, 0.1)):
        lines: list[protocol.SoakProgress] = []
        with mock.patch("bench.machine.thermal.state", return_value=None):
            python.soak(
                lambda: None, job(seconds=seconds, window_s=window_s), lines.append,
                lambda: None, clock=ScriptedClock(steps), cpu_clock=ScriptedClock([3, 5]),
            )  # fmt: skip
        windows = [msgspec.to_builtins(line.window) for line in lines]
        yield {"steps": steps, "seconds": seconds, "window_s": window_s, "windows": windows}


def computed() -> Iterator[dict[str, Any]]:
    """Outputs of models, the file that is left of them, and the class that is named."""
    random = np.random.default_rng(0)
    hard = [1e39, -1e39, 1e-46, -0.0, 0.1, 1 + 2**-24, 1 + 3 * 2**-24, 5e-324, np.nan, -np.inf]
    for made in (
        {"logits": random.standard_normal(50)},
        {"b": random.standard_normal(3), "a": random.standard_normal(3), "c": np.ones(2)},
        {"classLabel": ODD, "probabilities": {"dog": 0.25, "cat": 0.75}},
        {"p": {"z": 0.25, "é": 0.5, "e\u0301": 0.125, "\U0001f600": 0.0, "\uff5e": 0.125}},
        {"p": {"b": 0.5, "a": 0.5, "A": 0.0}, "n": np.zeros(4)},  # equal: the first
        {"p": {10: 0.5, 9: 0.5}},  # as text, 10 is before 9
        {"n": np.array([1.0, 3.0, 3.0])},
        {"n": np.array(hard)},
        {"p": {}},
        {},
    ):
        yield {
            "outputs": [output(name, value) for name, value in made.items()],
            "file": base64.b64encode(stored(made)).decode(),
            "top1": "" if np.isnan(outputs.vector(made)).any() else outputs.top1(made),
        }


def output(name: str, value: Any) -> dict[str, Any]:
    """Numbers as text, since JSON has no word for some."""
    if isinstance(value, str):
        return {"name": name, "text": value}
    if isinstance(value, dict):
        numbers = [repr(float(number)) for number in value.values()]
        return {"name": name, "keys": [str(key) for key in value], "numbers": numbers}
    return {"name": name, "numbers": [repr(float(number)) for number in value]}


def stored(made: dict[str, Any]) -> bytes:
    """What `outputs.write` leaves."""
    return outputs.vector(made).astype(outputs.STORED).tobytes()


def pictures() -> Iterator[dict[str, Any]]:
    """Pictures as they are fed, and as rows of a buffer."""
    random = np.random.default_rng(1)
    for format, shape, per_row in (
        ("bgra", (2, 3, 3), 16), ("bgra", (1, 1, 3), 64), ("gray", (3, 2), 2), ("gray", (2, 5), 8),
        ("half", (3, 4), 10),
    ):  # fmt: skip
        picture = random.integers(0, 256, shape, np.uint8)
        pixels: np.ndarray = picture
        if format == "bgra":
            pixels = np.dstack([picture[..., ::-1], np.full(shape[:2], 255, np.uint8)])
        elif format == "half":
            pixels = picture.astype("<f2")
        rows = [line.tobytes().ljust(per_row, b"\0") for line in pixels]
        yield {
            "width": shape[1], "height": shape[0], "bytes_per_row": per_row, "format": format,
            "numbers": picture.ravel().tolist(), "rows": base64.b64encode(b"".join(rows)).decode(),
        }  # fmt: skip


def halves() -> dict[str, Any]:
    """Numbers as the float16 that is nearest, by its bits; and what these mean."""
    random = np.random.default_rng(2)
    edges = [0.0, -0.0, 65504, 65519, 65520, 1e9, 6e-8, 2**-24, 1e-9, 1 + 2**-11, 1 + 3 * 2**-11]
    numbers = np.float32([*edges, *random.normal(0, 100, 40), *random.normal(0, 1e-5, 40)])
    with np.errstate(over="ignore"):
        stored = numbers.astype(np.float16)
    return {
        "numbers": [repr(float(number)) for number in numbers],
        "bits": stored.view(np.uint16).tolist(),
        "again": [repr(float(number)) for number in stored],
    }


def goldens() -> str:
    """All of it, in JSON."""
    content = {
        "messages": {name: msgspec.to_builtins(value) for name, value in messages().items()},
        "loops": list(loops()),
        "soaks": list(soaks()),
        "outputs": list(computed()),
        "pictures": list(pictures()),
        "halves": [halves()],
        "gates": list(gates()),
        "figures": list(figures()),
        "regions": list(regions()),
    }
    lines = (f"{json.dumps(name)}: {json.dumps(part)}" for name, part in content.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(goldens())
