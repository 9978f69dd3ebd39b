"""Conditions that disturb a measurement, and what helps: one rule for now and for afterwards.

`bench env` and `--wait` ask before a session, reports ask the record of one.
"""

from collections.abc import Iterator
from typing import NamedTuple

from bench.results import format
from bench.results.environment_record import Environment
from bench.results.thermal_state import Thermal

SIMULATOR = "Simulator"
BUSY_CORES = 0.5  # share of the cores that others use, by the load average of a minute


class Interference(NamedTuple):
    """What is the matter, and what helps against it; a line each."""

    cause: str
    advice: str
    passes: bool = False  # by itself, so that waiting helps

    def __str__(self) -> str:
        return f"{self.cause}: {self.advice}"


def of_environment(environment: Environment) -> Iterator[Interference]:
    """What a machine's recorded state tells."""
    cores = environment.physical_cores
    if environment.load_average >= BUSY_CORES * cores:
        yield Interference(
            "other programs are running (load "
            f"{environment.load_average:.1f} on {format.plural(cores, 'core')})",
            "end them, or --wait",
            passes=True,
        )
    # What slows a phone on battery is its low power mode, and a line of its own.
    if environment.power_source == "battery" and not environment.is_phone:
        yield Interference("runs on battery", "connect power: clocks are lower without it")
    if environment.low_power_mode:
        yield Interference("low power mode is on", "switch it off in the Settings, Battery")
    if environment.governor not in ("", "performance"):
        yield Interference(
            f'the clock governor is "{environment.governor}"',
            "`sudo cpupower frequency-set -g performance` is steadier",
        )
    if environment.turbo:
        yield Interference(
            "turbo is on, so the clock depends on heat and neighbours",
            "`echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo` is steadier",
        )
    if environment.virtual == SIMULATOR:
        yield Interference("runs in the Simulator, on the Mac's processor", "measure on a phone")
    elif environment.virtual:
        yield Interference(
            f"runs in a virtual machine ({environment.virtual}), whose neighbours cannot be seen",
            "trust the A/A control, take more rounds",
        )


def of_heat(thermal: Thermal | None) -> Iterator[Interference]:
    """Whether the machine is too hot to be measured."""
    if thermal is not None and thermal.is_hot:
        yield Interference(f"hot (thermal state {thermal})", "let it cool", passes=True)
