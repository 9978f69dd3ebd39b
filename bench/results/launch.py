"""What one launch says: its figures per call, in ns."""

from bench.results import stats
from bench.results.records import Launch


def usable(launch: Launch) -> bool:
    """Whether it ended well and left samples that can be times."""
    if launch.status != "ok" or not launch.samples_ns:
        return False
    return launch.calls_per_sample > 0 and min(launch.samples_ns) > 0


def median_ns(launch: Launch) -> float:
    """Median of the samples, per call. The launch must be usable."""
    return stats.median(launch.samples_ns) / launch.calls_per_sample


def p90_ns(launch: Launch) -> float | None:
    """None where a sample holds several calls: their mean has no percentiles of a call."""
    return stats.quantile(launch.samples_ns, 0.9) if launch.calls_per_sample == 1 else None
