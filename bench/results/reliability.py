"""How far a session can be trusted, in sentences with advice; nothing is corrected in silence."""

from collections.abc import Iterator, Sequence

from bench.results import conditions, format, stats
from bench.results.compare import Comparison
from bench.results.read import SessionResults
from bench.results.records import Accuracy, Metrics
from bench.results.summary import CaseSummary

DRIFT_SHARE = 0.05  # of launches; up to 0.03 are flagged by chance alone
OUTLIER_SHARE = 0.02  # of samples
BROKEN_SHOWN = 10  # photographs; the records have them all
UNCERTAIN = 1.2  # a session that cannot tell 20 % decides nothing


def warnings_about(
    results: SessionResults, cases: Sequence[CaseSummary], controls: Sequence[Comparison]
) -> Iterator[str]:
    """Everything a reader of this session's numbers must know first."""
    yield from _controls(controls)
    measured: list[Accuracy | Metrics] = [*results.accuracies, *results.metrics]
    if results.session:
        if not measured or results.cases:  # right and wrong do not depend on the load
            yield from map(str, conditions.of_environment(results.session.environment))
        yield from results.session.notes
    yield from _thermal(results)
    yield from _samples([case for case in cases if case.p50])
    if any(case.model.trained is False for case in cases):
        yield "untrained weights: timings are real, predictions mean nothing"
    if any(accuracy.model.trained is False for accuracy in measured):
        yield "untrained weights: their accuracy is chance"
    if measured and (broken := measured[0].broken):  # the same for all
        names = "; ".join(broken[:BROKEN_SHOWN]) + ("; ..." if len(broken) > BROKEN_SHOWN else "")
        total = measured[0].photographs.images
        yield f"{len(broken)} of {format.plural(total, 'photograph')} not opened: {names}"


def _controls(controls: Sequence[Comparison]) -> Iterator[str]:
    for control in controls:
        if control.excludes_one:
            yield (
                "UNRELIABLE: the A/A control found a difference where there is none; good "
                "sessions do so in 2 to 5 % by chance, so repeat this one"
            )

        elif control.interval and control.interval.high > UNCERTAIN:
            yield (
                "UNRELIABLE: the A/A control is uncertain by more than "
                f"{100 * (UNCERTAIN - 1):.0f} %: close other programs, take more rounds"
            )


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
