"""Claims about time and accuracy: a session decides when its interval leaves no doubt."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from bench.results import format, stats
from bench.results.launch import median_ns
from bench.results.read import SessionResults
from bench.results.records import Accuracy, Case
from bench.results.top1 import RECIPE, config_of
from mobilenet.common.proportions import wilson
from mobilenet.networks.base_config import BaseConfig
from reports.findings import Finding, decide
from reports.ratios import MeasuredRatio, is_network, place, ratios

Sessions = Iterable[SessionResults]
Find = Callable[[Sessions, float], Iterator[Finding]]  # with the level of each interval


def times_faster(name: str, times: float, config: BaseConfig) -> Find:
    """Another network takes at least so many times the time."""

    def find(sessions: Sessions, level: float) -> Iterator[Finding]:
        for ratio in ratios(sessions, is_network(config), _is_called(name), level):
            low, high = _bounds(ratio)
            verdict = decide(holds=low >= times, fails=high < times)
            yield Finding(f"{ratio.text} times", ratio.on, verdict, ratio.results)

    return find


def time_of(name: str, config: BaseConfig) -> Find:
    """A question: how another network's time compares."""

    def find(sessions: Sessions, level: float) -> Iterator[Finding]:
        for ratio in ratios(sessions, is_network(config), _is_called(name), level):
            measured = f"it takes {ratio.text} of MobileNet's time"
            verdict = decide(holds=False, fails=False) if ratio.interval is None else "answered"
            yield Finding(measured, ratio.on, verdict, ratio.results)

    return find


def share_of_time(small: BaseConfig, large: BaseConfig, most: float) -> Find:
    """One network takes at most that share of another's time, beside its share of operations."""
    share = small.cost().macs / large.cost().macs

    def find(sessions: Sessions, level: float) -> Iterator[Finding]:
        for ratio in ratios(sessions, is_network(large), is_network(small), level):
            low, high = _bounds(ratio)
            measured = f"{share:.2f} of the operations, {ratio.text} of the time"
            verdict = decide(holds=high <= most, fails=low > most)
            yield Finding(measured, ratio.on, verdict, ratio.results)

    return find


def more_accurate(config: BaseConfig, reference: BaseConfig) -> Find:
    """Of trained weights alone, on the same photographs, fed alike."""

    def find(sessions: Sessions, level: float) -> Iterator[Finding]:
        for results in sessions:
            trained = [each for each in results.accuracies if each.model.trained and each.images]
            for first, other in itertools.product(trained, trained):
                networks = (config_of(first.model), config_of(other.model))
                if networks != (reference, config) or not _is_fed_alike(first, other):
                    continue
                (low, high), (low_other, high_other) = (
                    _interval(each, level) for each in (first, other)
                )
                on = (
                    f"{first.images:,} photographs ({first.photographs.name}), "
                    f"{other.runtime} {other.unit}"
                )
                measured = f"top-1 {_percent(other, level)} against {_percent(first, level)}"
                verdict = decide(holds=low_other > high, fails=high_other < low)
                yield Finding(measured, on, verdict)  # a busy machine is right as often

    return find


def frames_a_second(frames: float, config: BaseConfig, machines: Sequence[str]) -> Find:
    """At least so many, on one of the machines and no other, nor its simulator."""

    def find(sessions: Sessions, level: float) -> Iterator[Finding]:
        deciding = [results for results in sessions if _is_one_of(machines, results)]
        if not deciding:
            reason = f"no session of {' or '.join(machines)}, which alone decides"
            yield Finding(reason, "", "undecided")
        for results in deciding:
            for name, case in results.cases.items():
                times = [median_ns(launch) for launch in results.measured(name)]
                estimate = stats.estimate(times, level)
                if estimate and is_network(config)(case):
                    slowest, fastest = estimate.interval or (math.nan, math.nan)
                    low, high = 1e9 / fastest, 1e9 / slowest
                    measured = f"{1e9 / estimate.value:.0f} frames a second"
                    verdict = decide(holds=low >= frames, fails=high < frames)
                    yield Finding(measured, place(results, case), verdict, results)

    return find


def _is_one_of(machines: Sequence[str], results: SessionResults) -> bool:
    if results.session is None:
        return False
    environment = results.session.environment
    return environment.model in machines and not environment.virtual


def _bounds(ratio: MeasuredRatio) -> tuple[float, float]:
    """Of the interval; without one nothing compares, so that nothing is decided."""
    return ratio.interval or (math.nan, math.nan)


def _is_called(name: str) -> Callable[[Case], bool]:
    return lambda case: name in "".join(c for c in case.model.name.lower() if c.isalnum())


def _is_fed_alike(a: Accuracy, b: Accuracy) -> bool:
    return (
        all(
            getattr(a, name) == getattr(b, name)
            for name in ("photographs", "images", "runtime", "unit", "precision")
        )
        and a.recipe == b.recipe == RECIPE
        and a.model.compression == b.model.compression
    )


def _interval(accuracy: Accuracy, level: float) -> tuple[float, float]:
    """Of a record that may say that more were right than there were."""
    return wilson(min(accuracy.top1, accuracy.images), accuracy.images, level)


def _percent(accuracy: Accuracy, level: float) -> str:
    low, high = _interval(accuracy, level)
    share = format.share(accuracy.top1, accuracy.images)
    return f"{share} % [{100 * low:.1f}, {100 * high:.1f}]"
