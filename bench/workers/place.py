"""Where launches run, and what that place says of itself."""

import os
from collections.abc import Mapping
from typing import Protocol

from bench.machine import thermal
from bench.machine.environment import environment
from bench.results.environment_record import Environment
from bench.results.thermal_state import Thermal
from bench.runtimes.entries import RUNTIMES, RuntimeEntry


class Place(Protocol):
    """This machine, or a device beside it."""

    @property
    def runtimes(self) -> Mapping[str, RuntimeEntry]:
        """What it can be asked to run, by name."""

    @property
    def default_runtimes(self) -> tuple[str, ...]:
        """Where nothing else is asked for."""

    def environment(self) -> Environment:
        """What it is. Raises `PlaceLostError`."""

    def load_average(self) -> float | None:
        """Of a minute; None where it is not known."""

    def thermal(self) -> Thermal | None:
        """How hot it is now; None where only its worker can tell."""


class ThisMachine:
    """Where this program runs."""

    runtimes: Mapping[str, RuntimeEntry] = RUNTIMES
    default_runtimes = ("coreml", "coreai", "portable")

    def environment(self) -> Environment:
        """Read now."""
        return environment()

    def load_average(self) -> float:
        """Of this machine's last minute."""
        return round(os.getloadavg()[0], 2)

    def thermal(self) -> Thermal | None:
        """As this machine's system tells it."""
        return thermal.state()


HERE = ThisMachine()
