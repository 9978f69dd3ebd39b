"""What a page is about, by what was measured: its title, its first sentence, its method."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.results import format
from bench.results.read import SessionResults
from bench.results.session_report import Report
from reports.page import soak_table

TIMING = (
    "A launch is one fresh process (in sessions that say so, one process serves all launches) "
    "that loads one package for one compute unit, calls it once (the first call, told apart), "
    "warms up for a fixed time, and then takes a fixed number of samples. A round launches every "
    "case once, in shuffled order, so that what drifts hits all cases alike.",
    "The p50 of a case is the median over launches of each launch's median; its interval is the "
    "order-statistic interval of that median, which holds at least 95 % of the time whatever the "
    "distribution. Calls within a process share its luck, so launches are counted, never calls. "
    "The p90 is the median over launches of each launch's 90th percentile. Frames a second are "
    "what the p90 leaves time for: nine of ten calls are fast enough.",
    "How a case compares with the fastest is the median over rounds of the ratio of both, with "
    "its interval: what slows a round slows both.",
    "Nothing is removed. Samples far from their launch's median (14.826 times the median absolute "
    "deviation) and launches that drift are counted and reported.",
    "The A/A control is one package measured under two names. Where its interval excludes no "
    "difference, the whole session is marked unreliable.",
    "The portable runtime computes the same package with ONNX Runtime on any machine. Its times "
    "say how variants relate on that machine; they are no times of an Apple device, and are never "
    "ranked with Core ML's.",
)
PACED = (
    "Cases of so many frames a second are called as a camera calls: once at each frame. Between "
    "frames processors clock down, so these times have tables of their own, and are ranked with "
    "no calls in a row.",
)
SOAKING = (
    "A soak is one process that calls one package without a pause. Its time is cut into windows; "
    "the last window's calls per second are compared with the first's.",
)
LOSS = (
    "Loss is how far the logits of the package are from those of the original network in PyTorch "
    "(relative L2), as found when the package was verified: what precision and compression cost.",
)
SUBJECT = "MobileNet on Core ML"


class Contents(NamedTuple):
    """How much there is of each kind."""

    sessions: int
    cases: int  # with figures
    launches: int
    isolated: int  # launches with a process each
    is_paced: bool
    is_timed: bool  # or was to be
    soaks: int
    steady: int
    accuracies: int
    metrics: int

    @property
    def title(self) -> str:
        """By what comes first."""
        if self.is_timed:
            return f"{SUBJECT}: what was measured"
        if self.soaks:
            return f"{SUBJECT} under sustained load"
        return f"{SUBJECT}: how often it is right"

    @property
    def lead(self) -> str:
        """All there is, in a sentence each."""
        return " ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        if self.is_timed:
            yield (
                f"{format.plural(self.cases, 'case')} in {format.plural(self.sessions, 'session')}"
                f", {self.launches:,} launches, {self._processes}."
            )
        if self.soaks:
            yield f"{format.plural(self.soaks, 'soak')}, {self.steady} of them steady to the end."
        if self.accuracies:
            yield f"{format.plural(self.accuracies, 'measurement')} of accuracy."
        if self.metrics:
            yield f"{format.plural(self.metrics, 'measurement')} of boxes or maps."

    @property
    def _processes(self) -> str:
        if self.isolated == self.launches:
            return "each in a fresh process"
        shared = "in one process for a whole session"
        if not self.isolated:
            return shared
        return f"{self.isolated:,} in a fresh process, the others {shared}"

    @property
    def method(self) -> tuple[str, ...]:
        """How it was measured, a paragraph each."""
        timing = (*TIMING, *(PACED if self.is_paced else ())) if self.is_timed else ()
        return (*timing, *(SOAKING if self.soaks else ()), *LOSS)


def contents(reports: Sequence[Report], sessions: Sequence[SessionResults]) -> Contents:
    """Counted over all sessions. What has no record of anything was to be timed."""
    rows = [row for report in reports for row in report.cases]
    soaks = [soak for results in sessions for soak in results.soaks]
    accuracies = sum(len(report.accuracies) for report in reports)
    metrics = sum(len(report.metrics) for report in reports)
    was_timed = any(row.launches or row.status == "skipped" for row in rows)
    isolated = [row.launches for report in reports for row in report.cases if not report.is_shared]
    return Contents(
        len(reports), sum(row.p50 is not None for row in rows), sum(row.launches for row in rows),
        sum(isolated), any(row.pace_hz for row in rows),
        was_timed or not (soaks or accuracies or metrics),
        len(soaks), sum(map(soak_table.is_steady, soaks)), accuracies, metrics,
    )  # fmt: skip
