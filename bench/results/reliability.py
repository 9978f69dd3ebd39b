"""How far a session can be trusted, in sentences with advice; nothing is corrected in silence."""

from collections.abc import Iterator, Sequence

import msgspec

from bench.results import conditions, contention, format, stats
from bench.results.class_numbers import suspicion
from bench.results.compare import UNCERTAIN, Comparison
from bench.results.read import SessionResults
from bench.results.records import Accuracy, Metrics
from bench.results.sensitivity import Sensitivity, sensitivity
from bench.results.summary import CaseSummary

DRIFT_SHARE = 0.05  # of launches; up to 0.03 are flagged by chance alone
OUTLIER_SHARE = 0.02  # of samples
SHARED_PROCESS = (
    "its launches shared one process: intervals leave out by how much processes differ, so they "
    "are no equals of launches with a process each, and never ranked with them"
)
BROKEN_SHOWN = 10  # photographs; the records have them all


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader of a session's numbers, and of what follows from them, must know first."""

    unreliable: str = ""  # why nothing can be concluded from it; empty where something can
    warnings: tuple[str, ...] = ()
    sensitivity: Sensitivity | None = None  # None where no two cases were measured

    @property
    def lines(self) -> tuple[str, ...]:
        """All doubts, the gravest first."""
        gravest = (f"UNRELIABLE: {self.unreliable}",) if self.unreliable else ()
        return (*gravest, *self.warnings)


def trust_in(
    results: SessionResults, cases: Sequence[CaseSummary], controls: Sequence[Comparison]
) -> Trust:
    """How far the session of `cases`, its twins among them, can be trusted."""
    return Trust(
        unreliable="; ".join(filter(None, (_doubt(controls), contention.doubt(cases)))),
        warnings=(*results.warnings, *_warnings(results, cases)),
        sensitivity=sensitivity(results),
    )


def _warnings(results: SessionResults, cases: Sequence[CaseSummary]) -> Iterator[str]:
    measured: list[Accuracy | Metrics] = [*results.accuracies, *results.metrics]
    if results.session:
        if not measured or results.cases:  # right and wrong do not depend on the load
            yield from map(str, conditions.of_environment(results.session.environment))
        yield from results.session.notes
        if results.session.isolation == "shared":
            yield SHARED_PROCESS
    if contended := contention.remark(cases):
        yield contended
    yield from _thermal(results)
    yield from _samples([case for case in cases if case.p50])
    if any(case.model.trained is False for case in cases):
        yield "untrained weights: timings are real, predictions mean nothing"
    if any(accuracy.model.trained is False for accuracy in measured):
        yield "untrained weights: their accuracy is chance"
    yield from filter(None, map(suspicion, results.accuracies))
    if measured and (broken := measured[0].broken):  # the same for all
        names = "; ".join(broken[:BROKEN_SHOWN]) + ("; ..." if len(broken) > BROKEN_SHOWN else "")
        total = measured[0].photographs.images
        yield f"{len(broken)} of {format.plural(total, 'photograph')} not opened: {names}"


def _doubt(controls: Sequence[Comparison]) -> str:
    """Why the A/A controls say that nothing can be concluded; empty where they do not."""
    for control in controls:
        if control.differs:
            return (
                "the A/A control found a difference where there is none; good sessions do so in "
                "2 to 5 % by chance, so repeat this one"
            )
        if control.verdict == "undecided":
            return (
                f"the A/A control is uncertain by more than {100 * (UNCERTAIN - 1):.0f} %: close "
                "other programs, take more rounds"
            )
    return ""


def _thermal(results: SessionResults) -> Iterator[str]:
    launches = [launch for case in results.launches.values() for launch in case]
    hot = [launch for launch in launches if any(conditions.of_heat(launch.thermal_after))]
    if hot:
        (heat,) = conditions.of_heat(hot[0].thermal_after)
        yield f"{len(hot)} of {len(launches)} launches left the machine {heat}"


def _samples(cases: Sequence[CaseSummary]) -> Iterator[str]:
    good = sum(case.launches - case.launches_failed for case in cases)
    drifting = sum(case.drifting for case in cases)
    if drifting > DRIFT_SHARE * good:
        worst = max(cases, key=lambda case: case.drifting)
        yield (
            f"{drifting} of {good} launches drift from their first to their last samples, most "
            f"in {worst.case}: a longer warm-up may help"
        )
    samples, outliers = sum(case.samples for case in cases), sum(case.outliers for case in cases)
    if outliers > OUTLIER_SHARE * samples:
        worst = max(cases, key=lambda case: case.outliers / case.samples)
        yield (
            f"{outliers:,} of {samples:,} samples are outliers, kept, most in {worst.case}: "
            "something else was running"
        )
    few = [case for case in cases if case.p50 and case.p50.interval is None]
    if few:
        yield (
            f"{format.plural(len(few), 'case')} with fewer than {stats.least_count()} launches: "
            "no interval can be given"
        )
