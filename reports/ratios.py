"""Times as ratios: one network's to another's, wherever one session ran both alike."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from bench.results import format
from bench.results.compare import compare_launches
from bench.results.launch import pace_hz
from bench.results.read import SessionResults
from bench.results.records import Case
from bench.results.session_lines import launched
from bench.results.stats import Interval
from bench.results.top1 import config_of
from mobilenet.networks.base_config import BaseConfig


class MeasuredRatio(NamedTuple):
    """One case's time in another's, in numbers and words, where, and in which session."""

    interval: Interval | None
    text: str
    on: str
    results: SessionResults


def ratios(
    sessions: Iterable[SessionResults],
    is_base: Callable[[Case], bool],
    is_other: Callable[[Case], bool],
    level: float,
) -> Iterator[MeasuredRatio]:
    """Time of the other over that of the base, wherever one session ran both alike, in a row."""
    for results in sessions:
        plain = [
            case
            for case in results.cases.values()
            if not case.control_of and not pace_hz(case, results.measured(case.case))
        ]
        bases = list(filter(is_base, plain))
        for other in filter(is_other, plain):
            base = next((case for case in bases if _alike(case, other)), None)
            if base is None:
                continue
            names = (base.case, other.case)
            first, second = map(results.measured, names)
            comparison = compare_launches(first, second, names, level)
            if comparison.ratio is not None:
                text = _ratio_text(comparison.ratio, comparison.interval)
                yield MeasuredRatio(comparison.interval, text, place(results, other), results)


def _alike(a: Case, b: Case) -> bool:
    """Whether only the network differs; a foreign package does not tell its precision."""
    same_precision = a.model.precision == b.model.precision or "" in (
        a.model.precision, b.model.precision,
    )  # fmt: skip
    same_place = a.runtime == b.runtime and a.unit == b.unit and a.options == b.options
    return same_place and same_precision and a.model.compression == b.model.compression


def _ratio_text(ratio: float, interval: Interval | None) -> str:
    if interval is None:
        return f"{format.significant(ratio)} (too few rounds)"
    low, high = map(format.significant, interval)
    return f"{format.significant(ratio)} [{low}, {high}]"


def place(results: SessionResults, case: Case) -> str:
    """Machine, runtime and unit; a camera's pace, and one process for all launches."""
    head = results.session
    machine = head.environment.device if head else "unknown machine"
    pace = pace_hz(case, results.measured(case.case))
    return launched(f"{machine}, {case.runtime} {case.unit}", pace, head)


def is_network(config: BaseConfig) -> Callable[[Case], bool]:
    """Tells cases of a network from others; the A/A control is none."""

    def matches(case: Case) -> bool:
        return not case.control_of and config_of(case.model) == config

    return matches
