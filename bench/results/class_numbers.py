"""Whether the numbers of a list's classes seem to be off by one: said, never corrected."""

from bench.results import format
from bench.results.records import Accuracy
from mobilenet.common.proportions import mcnemar_worse

CHANCE = 1e-3  # that as many more are right by chance
FAR_MORE = 2  # times as many are right


def suspicion(accuracy: Accuracy) -> str:
    """A sentence with the figures; empty where the numbers are plausible."""
    for shifted, direction, counted in (
        (accuracy.top1_if_lower, "lower", "the list seems to count classes from 1, not from 0"),
        (
            accuracy.top1_if_higher,
            "higher",
            "the list seems to leave out a class at its beginning",
        ),
    ):
        if shifted > FAR_MORE * accuracy.top1 and mcnemar_worse(shifted, accuracy.top1) < CHANCE:
            right = format.share(accuracy.top1, accuracy.images)
            would = format.share(shifted, accuracy.images)
            return (
                f"{accuracy.model.name} is right on {right} % of the photographs, and would be on "
                f"{would} % were each class number one {direction}: {counted}"
            )
    return ""
