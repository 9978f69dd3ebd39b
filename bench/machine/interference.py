"""What would disturb a measurement on this machine now, and what to do about it."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.results import conditions
from bench.results.conditions import Interference
from bench.results.environment_record import Environment

if TYPE_CHECKING:
    import psutil

WATCH_S = 0.5
BUSY_PROCESS = 0.1  # of one core, while this command does nothing
LITTLE_MEMORY = 0.15  # of all, free
LITTLE_DISK_BYTES = 1 << 30


def of_now(machine: Environment) -> Iterator[Interference]:
    """All of it, of a machine that was just described: for `bench env` and `--wait` alike."""
    yield from conditions.of_environment(machine)
    yield from of_moment()


def of_moment() -> Iterator[Interference]:
    """What has to be watched for a moment."""
    import psutil

    from bench.machine import thermal

    yield from _busy_processes()
    memory = psutil.virtual_memory()
    if memory.available < LITTLE_MEMORY * memory.total:
        yield Interference(
            f"only {memory.available / 2**30:.1f} GiB of memory are free", "close what is large"
        )
    free = psutil.disk_usage(os.curdir).free
    if free < LITTLE_DISK_BYTES:
        yield Interference(
            f"only {free / 2**20:.0f} MiB of disk are free", "make room for results"
        )
    yield from conditions.of_heat(thermal.state())


def _busy_processes() -> Iterator[Interference]:
    import time

    import psutil

    others = [process for process in psutil.process_iter(["name"]) if process.pid != os.getpid()]
    for process in others:
        _usage(process)  # the first reading is the beginning of the interval
    time.sleep(WATCH_S)
    busy = [(share, process) for process in others if (share := _usage(process)) > BUSY_PROCESS]
    for share, process in sorted(busy, key=lambda pair: -pair[0])[:3]:
        yield Interference(
            f"{process.info['name']} (process {process.pid}) uses {share:.0%} of a core",
            "end it, or --wait",
            passes=True,
        )


def _usage(process: "psutil.Process") -> float:
    import psutil

    try:
        return float(process.cpu_percent()) / 100
    except psutil.Error:
        return 0.0  # it has ended, or is not ours to see
