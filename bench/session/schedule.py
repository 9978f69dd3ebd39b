"""The plan: how many rounds, in what order, and how long it will take.

Each round launches every case once, in an order shuffled by a recorded seed, so that slow drift
of the machine falls on all cases alike (google/benchmark `RunBenchmarks`, with the seed it
lacks). The plan is fixed before the first launch: stopping when the numbers look good would make
any interval a lie.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from bench.results.records import Plan

Effort = Literal["quick", "default", "thorough"]

# Six rounds are the least for which a 95 % order-statistic interval of a median exists;
# with 15, two cases 6 % apart are told apart in 97 % of sessions and more.
PLANS: dict[Effort, Plan] = {
    "quick": Plan(rounds=6, warmup_s=0.3, warmup_calls=10, samples=30, timeout_s=120, seed=0),
    "default": Plan(rounds=15, warmup_s=0.5, warmup_calls=10, samples=50, timeout_s=120, seed=0),
    "thorough": Plan(rounds=30, warmup_s=1.0, warmup_calls=20, samples=100, timeout_s=300, seed=0),
}
CALIBRATION_CALLS = 6  # what finding out the calls per sample costs, about


class Slot(NamedTuple):
    """One launch to come."""

    round: int
    position: int
    case: str


def slots(plan: Plan, cases: Sequence[str]) -> Iterator[Slot]:
    """Every launch of the session in order; the same for the same plan and cases."""
    for number in range(plan.rounds):
        order = sorted(cases)
        random.Random(f"{plan.seed}/{number}").shuffle(order)  # noqa: S311  # an order, not a secret
        for position, case in enumerate(order):
            yield Slot(number, position, case)


class LaunchSize(Protocol):
    """How much one launch is to do: a plan's, or a job's."""

    @property
    def warmup_s(self) -> float:
        """Least time of the warm-up."""

    @property
    def warmup_calls(self) -> int:
        """Least number of its calls."""

    @property
    def samples(self) -> int:
        """How many follow."""


def launch_seconds(plan: LaunchSize, outside_s: float, call_s: float) -> float:
    """About how long one launch takes; `outside_s` is everything but warm-up and samples."""
    warmup = max(plan.warmup_s, plan.warmup_calls * call_s)
    sample_s = call_s if call_s >= 200e-6 else 1e-3
    return outside_s + warmup + plan.samples * sample_s + CALIBRATION_CALLS * call_s
