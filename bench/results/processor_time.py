"""CPU time of a launch beside its wall time: whether it waited while others had the processor.

Only where nothing but the CPU computes: on other units waiting is no contention.
"""

from typing import Protocol

from bench.results.launch import cpu_ns, median_ns
from bench.results.records import Launch

CPU_UNITS = {
    ("portable", "CPU"), ("torch", "CPU"), ("coreml", "CPU_ONLY"), ("coreml-native", "CPU_ONLY"),
}  # fmt: skip
EXCESS = 1.1  # of wall time over CPU time
SLICE_NS = 3_000_000  # about what a thread waits that was put aside: a slice of Linux's scheduler


class Placed(Protocol):
    """A case, or its summary."""

    @property
    def runtime(self) -> str:
        """By its name."""

    @property
    def unit(self) -> str:
        """The compute unit."""

    @property
    def options(self) -> dict[str, str]:
        """Settings, as "threads"."""


def is_on_cpu(case: Placed) -> bool:
    """Whether nothing but the CPU computes."""
    return (case.runtime, case.unit) in CPU_UNITS


def threads(case: Placed) -> int:
    """How many compute at once; 1 where that is not known."""
    return int(case.options.get("threads", 1))


def is_contended(launch: Launch, threads: int) -> bool:
    """Whether the median wall time of a usable launch exceeds its CPU time by over 10 %.

    One of several threads may rest for want of work, too: a lack of theirs is contention only if
    they were put aside often enough to explain it. False where CPU time was not recorded.
    """
    cpu, wall = cpu_ns(launch), median_ns(launch)
    if cpu is None or threads * wall <= EXCESS * cpu:
        return False
    waited_ns = SLICE_NS * (launch.involuntary_switches or 0)
    explained = waited_ns > (EXCESS - 1) * threads * sum(launch.samples_ns)
    return wall > EXCESS * cpu or explained
