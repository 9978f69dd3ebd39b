"""What two sessions have in common: cases whose model is the same, byte for byte.

A machine is some percent faster or slower from one session to the next, all cases alike. So the
time of a case is taken relative to the unchanged cases on the same runtime and unit, in each
round, which also takes the drift within a session out; the two sessions' relative times are then
two samples. Without an unchanged case nothing tells a model's shift from the machine's.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.results import stats
from bench.results.compare import Comparison, compare_samples
from bench.results.launch import median_ns, pace_hz
from bench.results.read import SessionResults
from bench.results.records import Case

Logs = dict[int, float]  # by round, the log of a launch's median
MAX_CONTROLS = 100  # more tell no more of the machine, and take long
MACHINE = "cannot be told from the machine"


@dataclass(frozen=True)
class SharedCase:
    """A case that both sessions measured, and what they say of it."""

    case: Case
    logs: tuple[Logs, Logs]  # of the first session and of the second
    is_unchanged: bool
    pace_hz: float = 0.0

    @functools.cached_property
    def centre(self) -> float:
        """The middle of both sessions, so that cases that miss some rounds do no harm."""
        return sum(stats.median([*logs.values()]) for logs in self.logs) / 2

    @property
    def place(self) -> str:
        """Where and how it ran: what is fast or slow as one."""
        pace = f" at {self.pace_hz:g} frames a second" if self.pace_hz else ""
        return f"{self.case.runtime} {self.case.unit}{pace}"

    def is_twin_of(self, other: "SharedCase") -> bool:
        """Whether they are one package under two names, or the same case."""
        names = {self.case.case, self.case.control_of} - {""}
        return bool(names & {other.case.case, other.case.control_of})

    def shift(self, level: float, margin: float) -> Comparison:
        """The second session against the first, the machine's shift included."""
        first, second = ([*logs.values()] for logs in self.logs)
        return compare_samples(first, second, (self.case.case,) * 2, level, margin)


class SharedCases:
    """All cases that both sessions measured, A/A twins among them."""

    def __init__(self, a: SessionResults, b: SessionResults) -> None:
        self._all = [
            SharedCase(
                case,
                (_logs(a, name), _logs(b, name)),
                is_same_model(case, b.cases[name]),
                pace_hz(case, a.measured(name)),
            )
            for name, case in a.cases.items()
            if name in b.cases and a.measured(name) and b.measured(name)
        ]

    @property
    def compared(self) -> list[SharedCase]:
        """On each unit those whose model changed; all where none did."""
        return [
            shared
            for cases in self.by_place().values()
            for shared in [case for case in cases if not case.is_unchanged] or cases
        ]

    def by_place(self) -> dict[str, list[SharedCase]]:
        """Those that are no twins, by runtime and unit."""
        places: dict[str, list[SharedCase]] = {}
        for shared in self._all:
            if not shared.case.control_of:
                places.setdefault(shared.place, []).append(shared)
        return places

    def unchanged_beside(self, shared: SharedCase) -> list[SharedCase]:
        """The unchanged cases on the same runtime and unit, without the case and its twin."""
        others = (
            other
            for other in self._all
            if other.is_unchanged and other.place == shared.place and not other.is_twin_of(shared)
        )
        return list(itertools.islice(others, MAX_CONTROLS))

    def comparison(self, shared: SharedCase, level: float, margin: float) -> Comparison:
        """One case, relative to what is unchanged beside it; undecided where nothing is."""
        others = self.unchanged_beside(shared)
        if not others:
            return _without_control(shared.shift(level, margin))
        first, second = (
            _relative(shared.logs[which], [(other.logs[which], other.centre) for other in others])
            for which in (0, 1)
        )
        name = shared.case.case
        comparison = compare_samples(first, second, (name, name), level, margin)
        return msgspec.structs.replace(comparison, unchanged=len(others))


def is_same_model(a: Case, b: Case) -> bool:
    """Whether two cases run the same bytes."""
    return a.model.identity == b.model.identity


def _logs(results: SessionResults, name: str) -> Logs:
    launches = results.measured(name)
    return {launch.round: math.log(median_ns(launch)) for launch in launches}


def _relative(logs: Logs, others: Sequence[tuple[Logs, float]]) -> list[float]:
    """Of each round, less the shift of the others in it: the median of those that have it."""
    relative = []
    for number, log in logs.items():
        shifts = [other[number] - centre for other, centre in others if number in other]
        if shifts:
            relative.append(log - stats.median(shifts))
    return relative


def _without_control(comparison: Comparison) -> Comparison:
    changes: dict[str, object] = {"unchanged": 0, "bound": None}
    if comparison.differs:
        changes |= {"verdict": "undecided", "reason": MACHINE}
    elif comparison.verdict == "no difference shown":
        changes |= {"reason": "the machine's own shift is in it"}
    return msgspec.structs.replace(comparison, **changes)
