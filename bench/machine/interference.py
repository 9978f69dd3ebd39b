"""`bench env`: what would disturb a measurement on this machine now, and what to do about it."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from cyclopts import Parameter

from bench.results.records import Environment
from mobilenet.common import terminal

if TYPE_CHECKING:
    import psutil

WATCH_S = 0.5
BUSY_PROCESS = 0.1  # of one core, while this command does nothing
BUSY_MACHINE = 0.2  # load average per core
LITTLE_MEMORY = 0.15  # of all, free
LITTLE_DISK_BYTES = 1 << 30
NOMINAL = ("", "nominal")
HOT_C = 85


class Disturbance(NamedTuple):
    """One line on what is the matter, one on what helps."""

    what: str
    advice: str


def env(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Describe this machine, and what would disturb a measurement on it now.

    Parameters
    ----------
    json
        Print it as JSON.
    """
    from bench.machine.environment import environment

    now = environment()
    found = [*of_environment(now), *of_moment()]
    if json:
        terminal.print_json(
            {"environment": now, "disturbances": [item._asdict() for item in found]}
        )
        return
    terminal.out.print(f"{now.model or now.machine}, {now.processor}, {now.physical_cores} cores")
    terminal.out.print(f"{now.system}, Python {now.python}, {now.memory_bytes / 2**30:.0f} GiB")
    terminal.out.print(", ".join(f"{name} {version}" for name, version in now.packages.items()))
    for item in found:
        terminal.out.print(f"[yellow]-[/] {item.what}: {item.advice}")
    if not found:
        terminal.out.print("Nothing seen that would disturb a measurement.")


def of_environment(now: Environment) -> Iterator[Disturbance]:
    """What the recorded facts tell."""
    if now.load_average > BUSY_MACHINE * now.logical_cores:
        yield Disturbance(
            f"the machine is busy (load {now.load_average:.1f} on {now.logical_cores} cores)",
            "wait, or end what runs",
        )
    if now.power_source == "battery":
        yield Disturbance("it runs on battery", "plug it in: clocks are lower on battery")
    if now.low_power_mode:
        yield Disturbance("low-power mode is on", "turn it off in System Settings, Battery")
    if now.governor and now.governor != "performance":
        yield Disturbance(
            f"the clock follows the load (governor {now.governor})",
            "sudo cpupower frequency-set -g performance",
        )
    if now.turbo:
        yield Disturbance(
            "turbo is on: the clock depends on heat and on neighbours",
            "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo",
        )
    if now.virtual:
        yield Disturbance(
            f"this is a virtual machine ({now.virtual})",
            "neighbours cannot be seen; trust the A/A control, use more rounds",
        )


def of_moment() -> Iterator[Disturbance]:
    """What has to be watched for a moment."""
    import psutil

    from bench.machine import thermal

    yield from _busy_processes()
    memory = psutil.virtual_memory()
    if memory.available < LITTLE_MEMORY * memory.total:
        yield Disturbance(
            f"only {memory.available / 2**30:.1f} GiB of memory are free", "close what is large"
        )
    free = psutil.disk_usage(os.curdir).free
    if free < LITTLE_DISK_BYTES:
        yield Disturbance(f"only {free / 2**20:.0f} MiB of disk are free", "make room for results")
    state = thermal.state()
    hot = state.endswith(" C") and int(state.split()[0]) >= HOT_C
    if hot or (state not in NOMINAL and not state.endswith(" C")):
        yield Disturbance(f"the machine is hot ({state})", "let it cool down")


def _busy_processes() -> Iterator[Disturbance]:
    import time

    import psutil

    others = [process for process in psutil.process_iter(["name"]) if process.pid != os.getpid()]
    for process in others:
        _usage(process)  # the first reading is the beginning of the interval
    time.sleep(WATCH_S)
    busy = [(share, process) for process in others if (share := _usage(process)) > BUSY_PROCESS]
    for share, process in sorted(busy, key=lambda pair: -pair[0])[:3]:
        yield Disturbance(
            f"{process.info['name']} (process {process.pid}) uses {share:.0%} of a core",
            "end it, or wait for it",
        )


def _usage(process: "psutil.Process") -> float:
    import psutil

    try:
        return float(process.cpu_percent()) / 100
    except psutil.Error:
        return 0.0  # it has ended, or is not ours to see
