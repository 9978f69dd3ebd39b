"""What one session, or arithmetic, says of a claim."""

from typing import Literal, NamedTuple

from bench.results.read import SessionResults

Verdict = Literal["holds", "does not hold", "answered", "undecided", "not measured"]
ARITHMETIC = "arithmetic"


class Finding(NamedTuple):
    """A figure in words, on what it was found, and what follows."""

    measured: str
    on: str
    verdict: Verdict
    results: SessionResults | None = None  # the session, whose doubts it shares


def decide(*, holds: bool, fails: bool) -> Verdict:
    """Undecided where the figure's interval has room for both."""
    return "holds" if holds else "does not hold" if fails else "undecided"
