"""A window of a soak: a line of the worker's as soon as it is over, kept in the soak's record."""

import msgspec

from bench.results.bounds import Count, Nanoseconds
from bench.results.thermal_state import Thermal


class SoakWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of uninterrupted calls."""

    begin_ns: Nanoseconds  # since the first window began
    took_ns: Nanoseconds
    cpu_ns: Nanoseconds | None = None  # of all threads of the process together
    calls: Count
    thermal: Thermal | None = None  # at its end

    @property
    def calls_per_second(self) -> float:
        """Throughput; the window must have taken some time."""
        return self.calls / self.took_ns * 1e9
