"""`--detect`: how many rounds find a difference, from the spread of a pilot's rounds.

The plan is fixed and written down before the first round that counts, and the pilot's launches
count for nothing: stopping when the numbers look good would make any interval a lie.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import stdev
from typing import NamedTuple

import msgspec

from bench.results import format, power, stats
from bench.results.bounds import MAX_ROUNDS
from bench.results.compare import paired_logs
from bench.results.launch import usable
from bench.results.records import Launch, Plan
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.text import duration

PILOT_ROUNDS = 8
# A spread of eight rounds is itself uncertain: planned on it as it is, sessions find the
# difference in 87 to 93 of 100 repetitions; on 1.3 of it in 95 and more (tests/test_planning.py).
SAFETY = 1.3
EASIEST = 100  # percent


class DifferenceToFind(NamedTuple):
    """The ratio of times that a session is to find, and how many rounds it may take."""

    ratio: float
    most: int


class PairSpread(NamedTuple):
    """The standard deviation of a round's log ratio, and the case it is of."""

    value: float
    case: str


def planned(
    plan: Plan, to_find: DifferenceToFind, base: str, launches: Sequence[Launch], round_s: float
) -> Plan:
    """The plan that finds what is asked for, by the `launches` of a pilot; `base`: a case's name.

    Raises `UnsupportedError` where that takes more rounds than allowed; one takes `round_s`.
    """
    spread = _widest(base, launches)
    rounds = power.rounds_to_find(SAFETY * spread.value, to_find.ratio, MAX_ROUNDS)
    if rounds is None or rounds > to_find.most:
        raise _out_of_reach(to_find, spread, rounds, round_s)
    return msgspec.structs.replace(
        plan, rounds=rounds, to_find=to_find.ratio, pilot_spread=spread.value
    )


def _widest(base: str, launches: Sequence[Launch]) -> PairSpread:
    """Of the case whose ratio to `base` spreads most: what is promised holds for every pair."""
    measured: dict[str, list[Launch]] = {}
    for launch in filter(usable, launches):
        measured.setdefault(launch.case, []).append(launch)
    spreads = list(_spreads(base, measured))
    if not spreads:
        reasons = [launch.reason for launch in launches if launch.reason]
        reason = f": {reasons[0]}" if reasons else ""
        raise UnsupportedError(
            f"the pilot has too few launches that ended well{reason}", "measure without --detect"
        )
    return max(spreads)


def _spreads(base: str, measured: Mapping[str, Sequence[Launch]]) -> Iterator[PairSpread]:
    for case, launches in measured.items():
        logs = paired_logs(measured.get(base, ()), launches)
        if case != base and len(logs) >= stats.least_count():
            yield PairSpread(stdev(logs), case)


def _out_of_reach(
    to_find: DifferenceToFind, spread: PairSpread, rounds: int | None, round_s: float
) -> UnsupportedError:
    takes = f"{rounds} rounds, about {duration(rounds * round_s)}" if rounds else ""
    easier = _easier(to_find, spread)
    ways = ["close other programs"]
    ways += [f"allow --rounds {rounds}"] if rounds else []
    ways += [f"--detect {easier}%"] if easier else []
    return UnsupportedError(
        f"to find {format.difference(to_find.ratio)} would take "
        f"{takes or f'over {MAX_ROUNDS} rounds'}: in the pilot a round's log ratio spread by "
        f"{spread.value:.2g} ({spread.case})",
        ", or ".join(ways),
    )


def _easier(to_find: DifferenceToFind, spread: PairSpread) -> int | None:
    """The least whole percentage that the allowed rounds find."""
    least = math.ceil(100 * (to_find.ratio - 1))
    for percent in range(least, EASIEST + 1):
        ratio = 1 + percent / 100
        if power.rounds_to_find(SAFETY * spread.value, ratio, to_find.most):
            return percent
    return None
