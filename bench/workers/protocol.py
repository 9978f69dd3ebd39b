"""What the parent asks of a worker process, and what it answers: JSON both ways.

Imported by the worker before anything is timed, so it stays small.
"""

from typing import Literal

import msgspec

from bench.results.records import Output, SoakWindow


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One launch: load for one unit, call once, and then whatever `task` says."""

    task: Literal["measure", "soak"] = "measure"
    factory: str  # "package.module:Class" of the runtime, from the registry or a test
    settings: dict[str, int] = {}  # keyword arguments of the factory
    imports: tuple[str, ...] = ()  # modules that loading is not charged for
    compiled: str
    unit: str
    batch: int = 1
    seed: int = 0  # of the made inputs
    warmup_s: float = 0.0
    warmup_calls: int = 0
    samples: int = 0
    seconds: float = 0.0  # soak: how long, and how long a window
    window_s: float = 0.0
    timeout_s: float
    spawned_ns: int  # the parent's monotonic clock, which the worker shares
    reference: str = ""  # .npy of the outputs to agree with; empty for none
    save_outputs: str = ""  # where to leave such a file
    memory_limit_bytes: int


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer"):
    """Fields of the same names as in `bench.results.records.Launch`."""

    start_ns: int
    load_ns: int
    first_call_ns: int
    warmup_ns: tuple[int, ...] = ()
    samples_ns: tuple[int, ...] = ()
    calls_per_sample: int = 1
    native_ns: tuple[int, ...] = ()
    loop_overhead_ns: int | None = None
    peak_memory_bytes: int
    memory_growth_bytes: int = 0
    output: Output


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """Why there is no answer, in one line."""

    status: Literal["failed", "refused"]
    reason: str


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """One window of a soak, on a line of its own as soon as it is over."""

    window: SoakWindow
