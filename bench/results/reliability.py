"""How far a session can be trusted, in sentences with advice; nothing is corrected in silence."""

from collections.abc import Iterator, Sequence

from bench.results import format, stats
from bench.results.compare import Comparison
from bench.results.read import Results
from bench.results.records import Environment
from bench.results.summary import Summary

DRIFT_SHARE = 0.05  # of launches; up to 0.03 are flagged by chance alone
OUTLIER_SHARE = 0.02  # of samples
UNCERTAIN = 1.2  # a session that cannot tell 20 % decides nothing


def warnings_about(
    results: Results, cases: Sequence[Summary], controls: Sequence[Comparison]
) -> Iterator[str]:
    """Everything a reader of this session's numbers must know first."""
    yield from _controls(controls)
    if results.session:
        if not results.accuracies or results.cases:  # right and wrong do not depend on the load
            yield from _environment(results.session.environment)
        yield from results.session.notes
    yield from _thermal(results)
    yield from _samples([case for case in cases if case.p50])
    if any(case.model.trained is False for case in cases):
        yield "untrained weights: timings are real, predictions mean nothing"
    if any(one.model.trained is False for one in results.accuracies):
        yield "untrained weights: their accuracy is chance"


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


def _environment(environment: Environment) -> Iterator[str]:
    if environment.power_source == "battery":
        yield "ran on battery: connect power, since clocks are lower without it"
    if environment.low_power_mode:
        yield "low power mode was on: switch it off"
    if environment.governor not in ("", "performance"):
        yield f'the clock governor was "{environment.governor}": "performance" is steadier'
    if environment.load_average > environment.physical_cores / 2:
        yield f"other programs were running: load {environment.load_average:.1f} at the start"
    if environment.virtual:
        yield f"ran in a virtual machine ({environment.virtual}): neighbours can disturb it"


def _thermal(results: Results) -> Iterator[str]:
    launches = [one for launches in results.launches.values() for one in launches]
    hot = [one for one in launches if one.thermal_after not in ("", "nominal")]
    if hot:
        yield (
            f"{len(hot)} of {len(launches)} launches ended in thermal state "
            f'"{hot[0].thermal_after}": let the device cool'
        )


def _samples(cases: Sequence[Summary]) -> Iterator[str]:
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
