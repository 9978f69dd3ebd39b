"""What is asked of a worker and what it answers, in JSON; `bench/README.md` is its manual.

A worker is a command line, in any language. It is started with one job as its last argument and
writes lines to its standard output: progress while it runs, one answer at its end. Standard input
stays open for as long as the parent lives. Numbers in files are raw and little-endian.

Imported by the Python worker before anything is timed, so it stays small.
"""

from typing import Literal

import msgspec

from bench.results.placed_ops import PlacedOp
from bench.results.soak_window import SoakWindow
from bench.results.thermal_state import Thermal

Task = Literal["describe", "compile", "plan", "measure", "soak"]


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """One input of the model: an image in bytes, or a tensor in float32, row by row."""

    name: str
    type: Literal["uint8", "float32"]  # an image, (H, W, 3) in RGB or (H, W); a tensor
    shape: tuple[int, ...]
    path: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One task for one fresh process. Times end in their unit; paths are absolute."""

    task: Task
    runtime: str
    settings: dict[str, int] = {}
    package: str = ""  # compile
    folder: str = ""  # compile: where to
    compiled: str = ""  # plan, measure, soak: what compiling gave
    unit: str = ""
    inputs: tuple[InputFile, ...] = ()
    outputs: str = ""  # file for what the last call computed
    batch: int = 1
    warmup_s: float = 0.0
    warmup_calls: int = 0
    samples: int = 0
    pace_hz: float = 0.0  # 30: as often as a camera gives a frame; 0: one call after the other
    seconds: float = 0.0  # soak: how long, and how long a window
    window_s: float = 0.0
    spawned_ns: int = 0  # the parent's monotonic clock at the start of the process
    timeout_s: float
    memory_limit_bytes: int


class Units(msgspec.Struct, frozen=True, tag="units"):
    """Answer to "describe": the compute units that there are on this machine."""

    units: tuple[str, ...]


class Compiled(msgspec.Struct, frozen=True, kw_only=True, tag="compiled"):
    """Answer to "compile"."""

    compiled: str
    compile_ns: int


class ComputePlan(msgspec.Struct, frozen=True, tag="plan"):
    """Answer to "plan": where the runtime means to run what. Nothing is measured."""

    ops: tuple[PlacedOp, ...]  # in program order; constants have no place


class WorkerResult(msgspec.Struct, frozen=True, kw_only=True, tag="result"):
    """Answer to "measure" and "soak"; the fields of the same names in `records.Launch`."""

    start_ns: int
    load_ns: int
    first_call_ns: int
    warmup_ns: tuple[int, ...] = ()
    samples_ns: tuple[int, ...] = ()
    calls_per_sample: int = 1
    cpu_ns: tuple[int, ...] = ()
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None
    native_ns: tuple[int, ...] = ()
    loop_overhead_ns: int | None = None
    peak_memory_bytes: int
    memory_growth_bytes: int = 0
    thermal_before: Thermal | None = None  # where the parent cannot tell
    thermal_after: Thermal | None = None
    top1: str


class WorkerError(msgspec.Struct, frozen=True, tag="error"):
    """Answer to any task: why it cannot be done, in one line."""

    reason: str


class SoakProgress(msgspec.Struct, frozen=True, tag="progress"):
    """One window of a soak, written as soon as it is over."""

    window: SoakWindow


Answer = Units | Compiled | ComputePlan | WorkerResult | WorkerError
