"""What one launch says: its figures per call, in ns."""

from collections.abc import Iterable

from bench.results import stats
from bench.results.records import Case, Launch


def usable(launch: Launch) -> bool:
    """Whether it ended well and left samples that can be times."""
    if launch.status != "ok" or not launch.samples_ns:
        return False
    return launch.calls_per_sample > 0 and min(launch.samples_ns) > 0


def pace_hz(case: Case, launches: Iterable[Launch]) -> float:
    """Calls a second of a case, by its options or its launches; 0 is one after the other."""
    return max([float(case.options.get("pace", 0)), *(launch.pace_hz for launch in launches)])


def median_ns(launch: Launch) -> float:
    """Median of the samples, per call. The launch must be usable."""
    return stats.median(launch.samples_ns) / launch.calls_per_sample


def cpu_ns(launch: Launch) -> float | None:
    """Mean CPU time per call, of all threads together; None where it was not recorded.

    No median: Linux books what other threads took at its clock ticks, so a short sample has
    none of it, or that of several.
    """
    if not launch.cpu_ns:
        return None
    return sum(launch.cpu_ns) / len(launch.cpu_ns) / launch.calls_per_sample


def p90_ns(launch: Launch) -> float | None:
    """None where a sample holds several calls: their mean has no percentiles of a call."""
    return stats.quantile(launch.samples_ns, 0.9) if launch.calls_per_sample == 1 else None
