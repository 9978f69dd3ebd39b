"""Accuracies that were compared photograph by photograph: the test of two models being as good."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bench.results.read import SessionResults
from bench.results.records import Accuracy

EXACT = "float32"  # precision of a run whose package is declared otherwise


class PairedAccuracies(NamedTuple):
    """Two that were measured on the same photographs, and the p of both being equally good."""

    first: Accuracy
    second: Accuracy
    p_equal: float

    @property
    def is_exact(self) -> bool:
        """Whether one was not computed as its package declares."""
        return EXACT in (self.first.precision, self.second.precision)


def paired(sessions: Iterable[SessionResults]) -> Iterator[PairedAccuracies]:
    """The pairs of all sessions; names of accuracies are their file's own."""
    for results in sessions:
        by_name = {accuracy.name: accuracy for accuracy in results.accuracies}
        for agreement in results.agreements:
            if {agreement.reference, agreement.other} <= by_name.keys():
                first, second = by_name[agreement.reference], by_name[agreement.other]
                yield PairedAccuracies(first, second, agreement.p_equal)


def rivals(
    pairs: Iterable[PairedAccuracies], recipe: str
) -> dict[tuple[str, str], dict[str, float]]:
    """By a model's identity and the photographs, of each rival's identity the p.

    As declared, where that was measured as well as in float32.
    """
    rivals: dict[tuple[str, str], dict[str, float]] = {}
    for a, b, p_equal in sorted(pairs, key=lambda pair: not pair.is_exact):
        if a.recipe == b.recipe == recipe and a.photographs.digest == b.photographs.digest:
            for model, rival in ((a, b), (b, a)):
                key = model.model.identity, model.photographs.digest
                rivals.setdefault(key, {})[rival.model.identity] = p_equal
    return rivals
