"""What difference between two cases a session, or a plan for one, can find.

The spread of a round's log ratio decides: 15 rounds find 6 % where it is at most 0.04, as on a
quiet machine; on a loaded one it is 0.1 and more.
"""

from collections.abc import Iterator, Sequence

import msgspec

from bench.results import format, stats
from bench.results.compare import MARGIN, paired_logs
from bench.results.read import SessionResults

QUIET_SPREAD = 0.04


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What a session can find in 95 of 100 repetitions, comparing two of its cases."""

    rounds: int
    spread: float  # standard deviation of a round's log ratio, typical of the session's cases
    ratio: float | None  # of times: 1.11 is a difference of 11 %; None with too few rounds

    def __str__(self) -> str:
        spread = f"a round's log ratio spreads by {format.significant(self.spread, 2)}"
        if self.ratio is None:
            return f"{_too_few(self.rounds)} ({spread})"
        return (
            f"this session can find a difference of {format.difference(self.ratio)} between two "
            f"cases: {spread}; {_quiet(self.rounds)}"
        )


def sensitivity(results: SessionResults) -> Sensitivity | None:
    """That of a session, from its cases against one; None where no two share two rounds."""
    logs = [pair for pair in _pairs(results) if len(pair) > 1]
    if not logs:
        return None
    rounds = round(stats.median([len(pair) for pair in logs]))
    spread = stats.median([stats.spread(pair) for pair in logs])
    ratio = stats.detectable_ratio(spread, rounds, margin=MARGIN)
    return Sensitivity(rounds=rounds, spread=spread, ratio=ratio)


def of_plan(rounds: int, cases: int) -> str:
    """What a session of so many rounds will be able to tell of its cases, on a quiet machine."""
    alone = stats.detectable_ratio(QUIET_SPREAD, rounds, margin=MARGIN)
    if alone is None:
        return _too_few(rounds)
    text = (
        f"{rounds} rounds tell two cases apart that differ by {format.difference(alone)}, where a "
        f"round's log ratio spreads by at most {QUIET_SPREAD}, as on a quiet machine"
    )
    if cases < 2:
        return text
    level = stats.adjusted_level(cases)
    together = stats.detectable_ratio(QUIET_SPREAD, rounds, level, MARGIN)
    if together is None:
        return f"{text}; {cases} comparisons at once take {stats.least_count(level)} rounds"
    return f"{text}; {cases} comparisons at once find {format.difference(together)}"


def _pairs(results: SessionResults) -> Iterator[Sequence[float]]:
    """Log ratios of all cases against that of the control, or the first; its twin among them."""
    measured = [name for name in results.cases if results.measured(name)]
    twins = [results.cases[name].control_of for name in measured]
    base = next((name for name in twins if name in measured), next(iter(measured), ""))
    for name in measured:
        if name != base:
            yield paired_logs(results.measured(base), results.measured(name))


def _quiet(rounds: int, level: float = stats.LEVEL) -> str:
    ratio = stats.detectable_ratio(QUIET_SPREAD, rounds, level, MARGIN)
    detectable = format.difference(ratio)
    return f"{rounds} rounds find {detectable} where it spreads by at most {QUIET_SPREAD}"


def _too_few(rounds: int) -> str:
    return (
        f"{format.plural(rounds, 'round')} can show no difference: that takes at least "
        f"{stats.least_count()}"
    )
