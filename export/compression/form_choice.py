"""Which form each layer gets, so that a whole network is small enough or good enough.

What a layer loses in a form is measured for each alone (`layer_sensitivity`). Squared errors of
logits that come from different layers add up nearly as if they were independent, and bytes add
up: the choice of one form for each layer is a knapsack, solved exactly over whole units of bytes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from export.compression.forms import LayerForm
from mobilenet.common.errors import ConfigError

UNIT = 1024  # bytes that are told apart
TRIES = 4  # of forms that are learned to reach a loss
CLOSE = 0.85  # of the loss that is allowed: as close as is looked for
MOST_CORRECTION = 4.0  # of the promised error, at once


class FormCandidate(NamedTuple):
    """A form that a layer may have."""

    form: LayerForm
    size_bytes: int
    error: float
    """Of the whole network when only this layer has it: relative L2 of logits, squared."""


Choice = Mapping[str, FormCandidate]
"""By layer."""


class Frontier:
    """The best choices of all sizes, over the candidates of each layer."""

    def __init__(self, candidates: Mapping[str, Sequence[FormCandidate]]) -> None:
        self._candidates = candidates
        largest = sum(max(map(_units, each)) for each in candidates.values())
        self._errors = np.full(largest + 1, np.inf)  # least, by the exact sum of units
        self._errors[0] = 0.0
        self._picks = []
        for each in candidates.values():
            reached = np.stack([_moved(self._errors, _units(c)) + c.error for c in each])
            self._picks.append(reached.argmin(0))
            self._errors = reached.min(0)

    @property
    def smallest(self) -> Choice:
        """Every layer in its smallest form."""
        return {
            name: min(each, key=lambda candidate: candidate.size_bytes)
            for name, each in self._candidates.items()
        }

    @property
    def best(self) -> Choice:
        """Every layer in its form with the least error."""
        return {
            name: min(each, key=lambda candidate: candidate.error)
            for name, each in self._candidates.items()
        }

    def within(self, size_bytes: int) -> Choice | None:
        """The choice with the least error that is no larger; None where there is none."""
        errors = self._errors[: max(size_bytes // UNIT + 1, 0)]
        return self._choice(int(errors.argmin())) if np.isfinite(errors).any() else None

    def reaching(self, error: float) -> Choice | None:
        """The smallest choice with no more error; None where there is none."""
        reached = self._errors <= error
        return self._choice(int(reached.argmax())) if reached.any() else None

    def _choice(self, units: int) -> Choice:
        choice = {}
        layers = list(self._candidates.items())
        for (name, each), picks in zip(reversed(layers), reversed(self._picks), strict=True):
            choice[name] = each[picks[units]]
            units -= _units(choice[name])
        return {name: choice[name] for name, _ in layers}


def _units(candidate: FormCandidate) -> int:
    """Rounded up: what fits in units, fits."""
    return -(-candidate.size_bytes // UNIT)


def _moved(errors: np.ndarray, units: int) -> np.ndarray:
    """Errors of sums that are larger by so many units."""
    return np.concatenate([np.full(units, np.inf), errors[: len(errors) - units]])


def best_within(frontier: Frontier, limit: int, size_of: Callable[[Choice], int]) -> Choice:
    """The choice with the least error whose file has at most `limit` bytes.

    `size_of` is the file's, as it is written. Raises `ConfigError` where the smallest has more.
    """
    least = size_of(frontier.smallest)
    if least > limit:
        raise ConfigError(
            f"size {in_units(limit)}: the least that these forms make of this network is "
            f"{in_units(math.ceil(least / 1e4) * 1e4)}",
            "allow as much, or choose a smaller --alpha",
        )
    rest = least - total_bytes(frontier.smallest)  # all in the file that has no choice
    while True:
        choice = frontier.within(limit - rest) or frontier.smallest
        excess = size_of(choice) - limit
        if excess <= 0:
            return choice
        rest += max(excess, UNIT)


def smallest_reaching(
    frontier: Frontier, limit: float, loss_of: Callable[[Choice], float]
) -> Choice:
    """The smallest choice that is found whose loss, as `loss_of` measures it, is within `limit`.

    Measured losses correct what the errors of single layers promise, a few times, since each
    costs minutes. Raises `ConfigError` where the choice with the least error is not within it.
    """
    fitting, aim = [], limit
    for _ in range(TRIES):
        choice = frontier.reaching(aim**2) or frontier.best
        loss = loss_of(choice)
        if loss <= limit:
            fitting.append(choice)
        if CLOSE * limit <= loss <= limit or (loss > limit and choice == frontier.best):
            break
        promised = math.sqrt(sum(candidate.error for candidate in choice.values()))
        aim = (CLOSE + 1) / 2 * promised * limit / max(loss, limit / MOST_CORRECTION)
    if not fitting:
        least = loss_of(frontier.best)
        if least > limit:
            raise ConfigError(
                f"loss {limit:g}: the least that these forms reach is {least:.2g}",
                "allow as much, or leave the weights uncompressed",
            )
        fitting.append(frontier.best)
    return min(fitting, key=total_bytes)


def in_units(size_bytes: float) -> str:
    """As `--size` takes it."""
    return f"{size_bytes / 1e6:g}MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:g}kB"


def total_bytes(choice: Choice) -> int:
    """Of all layers that are chosen for."""
    return sum(candidate.size_bytes for candidate in choice.values())
