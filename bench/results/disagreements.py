"""How far two models agree on photographs: the record, and where they name different classes."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bench.results import stats
from bench.results.bounds import Count, Number, Share

MAX_DISAGREEMENTS = 1000


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A photograph on which two models name different classes."""

    image: str
    truth: str
    answers: tuple[str, str]  # of the reference, of the other
    probabilities: tuple[Share, Share]  # that each gives its answer
    thumbnail: str = ""  # data URI of a small JPEG


class Agreement(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="agreement"):
    """Two of the file's `Accuracy` records, photograph by photograph."""

    reference: str
    other: str
    images: Count
    same_top1: Count
    only_reference_right: Count
    only_other_right: Count
    p_worse: Share  # exact one-sided McNemar test: is the other one worse?
    error_of: Literal["logits", "log-probabilities"]
    error_p50: Number | None = None  # of the largest difference per photograph, natural log
    error_p90: Number | None = None
    error_p99: Number | None = None
    error_max: Number | None = None
    # at most some tens, the weightiest first; schema 1 has their name in files
    disagreements: Annotated[tuple[Disagreement, ...], Meta(max_length=MAX_DISAGREEMENTS)] = (
        msgspec.field(default=(), name="partings")
    )

    @property
    def p_equal(self) -> float:
        """Exact two-sided McNemar test, twice the smaller tail: are both equally good?"""
        right = self.only_reference_right
        as_many = stats.exactly(right, right + self.only_other_right, 0.5)
        return min(1.0, 2 * min(self.p_worse, 1 - self.p_worse + as_many))
