"""Contention in a session: cases on the CPU that waited for it, since other programs had it.

Wall time then says how loaded the machine was: p50 of a call that outgrows a scheduler slice was
seen at 3.6 times another's where CPU time said 1.2.
"""

from collections.abc import Sequence

from bench.results import format, stats
from bench.results.processor_time import EXCESS, threads
from bench.results.summary import CaseSummary

CONTENDED_SHARE = 0.05  # of launches; fewer move no median


def is_spoilt(case: CaseSummary) -> bool:
    """Whether contended launches reach into the interval of its p50."""
    good = case.launches - case.launches_failed
    return case.contended > (stats.interval_rank(good) or 0)


def distinct_cpu_ns(case: CaseSummary) -> float | None:
    """CPU time of a call, where it differs from wall time by over 10 %."""
    if case.p50 is None or case.cpu_p50 is None:
        return None
    wall, cpu = case.p50.value, case.cpu_p50.value
    return cpu if max(wall, cpu) > EXCESS * min(wall, cpu) else None


def doubt(cases: Sequence[CaseSummary]) -> str:
    """Why nothing can be concluded from a session with these cases; "" where something can."""
    return _summed_up(cases) if any(map(is_spoilt, cases)) else ""


def remark(cases: Sequence[CaseSummary]) -> str:
    """What to know of contention that moves no interval; "" where there is none, or a doubt."""
    return "" if any(map(is_spoilt, cases)) else _summed_up(cases)


def _summed_up(cases: Sequence[CaseSummary]) -> str:
    judged = [case for case in cases if case.p50 and case.cpu_p50]
    contended = [case for case in judged if case.contended]
    count = sum(case.contended for case in contended)
    total = sum(case.launches - case.launches_failed for case in judged)
    if count <= CONTENDED_SHARE * total:
        return ""
    worst = max(contended, key=_excess)
    switches = sum(case.involuntary_switches or 0 for case in contended)
    return (
        f"{count} of {total} launches on the CPU, in {format.plural(len(contended), 'case')}, "
        f"waited for it: wall time is over {100 * (EXCESS - 1):.0f} % above CPU time, most in "
        f"{worst.case} ({_excess(worst):.1f} times), after {switches:,} involuntary context "
        "switches: close other programs, or repeat with --wait"
    )


def _excess(case: CaseSummary) -> float:
    """Wall time over CPU time of each thread."""
    if case.p50 is None or case.cpu_p50 is None or not case.cpu_p50.value:
        return 0.0
    return threads(case) * case.p50.value / case.cpu_p50.value
