"""What can be measured, by the name of its runtime, and the worker that does it."""

import sys
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from bench.runtimes import swift_runner
from export.coreai.compute_units import COMPUTE_UNITS

# -P: a stranger's `bench/` or `export.py` in the working folder is not run instead of ours.
PYTHON_WORKER = (sys.executable, "-P", "-m", "bench.workers.python")
Command = tuple[str, ...] | Callable[[], tuple[str, ...]]
"""A command line, or what makes it: it may have to be built. Raises `UserError`."""


@runtime_checkable
class Launcher(Protocol):
    """Starts workers that are no process of this machine: an app on a phone."""

    def launch(self, job: bytes, timeout_s: float) -> bytes:
        """The lines that a fresh worker writes for `job`, which it may not finish.

        Raises `TimeoutError`, and `PlaceLostError` where no launch can succeed now.
        """

    def __hash__(self) -> int:
        """What one has said is remembered by it."""


Worker = Command | Launcher
COREML_NATIVE = "coreml-native"  # the worker in Swift
COREML_UNITS = ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")
NETWORKS = ("mlprogram", "neuralnetwork")


class RuntimeEntry(NamedTuple):
    """Every compute unit that a runtime may have on some machine, and who runs it."""

    units: tuple[str, ...]
    has_threads: bool = False  # whether "threads" is among its settings
    worker: Worker = PYTHON_WORKER  # as `bench.workers.protocol` has it
    formats: tuple[str, ...] = (*NETWORKS, "pipeline")  # what it is timed on


RUNTIMES = {
    "coreml": RuntimeEntry(COREML_UNITS),
    COREML_NATIVE: RuntimeEntry(COREML_UNITS, worker=swift_runner.command),
    # An asset is timed by Core AI alone: elsewhere its time would be that of its package.
    "coreai": RuntimeEntry(COMPUTE_UNITS, formats=("coreai",)),
    "portable": RuntimeEntry(("CPU",), has_threads=True),
    "torch": RuntimeEntry(("CPU",), has_threads=True, formats=NETWORKS),
    "torch-mps": RuntimeEntry(("GPU",), formats=NETWORKS),
}


def default_runtimes() -> tuple[str, ...]:
    """One for each format: where a model runs unless another runtime is asked for."""
    return ("coreml" if sys.platform == "darwin" else "portable"), "coreai"


def runtimes_for(format: str) -> tuple[str, ...]:
    """The runtimes that a model of this format is timed on."""
    return tuple(name for name, entry in RUNTIMES.items() if format in entry.formats)
