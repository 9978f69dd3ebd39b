"""What can be measured, by the name of its runtime, and the worker that does it."""

import sys
from typing import NamedTuple

# -P: a stranger's `bench/` or `export.py` in the working folder is not run instead of ours.
PYTHON_WORKER = (sys.executable, "-P", "-m", "bench.workers.python")


class RuntimeEntry(NamedTuple):
    """Every compute unit that a runtime may have on some machine, and who runs it."""

    units: tuple[str, ...]
    has_threads: bool = False  # whether "threads" is among its settings
    worker: tuple[str, ...] = PYTHON_WORKER  # the command, as `bench.workers.protocol` has it


RUNTIMES = {
    "coreml": RuntimeEntry(("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")),
    "portable": RuntimeEntry(("CPU",), has_threads=True),
    "torch": RuntimeEntry(("CPU",), has_threads=True),
    "torch-mps": RuntimeEntry(("GPU",)),
}
