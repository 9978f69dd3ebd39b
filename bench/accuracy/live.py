"""What a running pass shows: how far, how fast, how long, and how well so far."""

import time
from collections.abc import Iterable, Iterator

from bench.accuracy.predictions import Prediction
from bench.accuracy.tally import AccuracyTally
from bench.results.proportions import wilson
from mobilenet.common.progress import Progress


def tracked(
    predictions: Iterable[Prediction], summary: AccuracyTally, total: int, progress: Progress
) -> Iterator[Prediction]:
    """The predictions, with a bar; `summary` has counted all that came before."""
    before, begin = summary.seen, time.monotonic()
    with progress.bar("Answering") as bar:
        bar.update(before, total)
        for prediction in predictions:
            yield prediction
            rate = (summary.seen - before) / (time.monotonic() - begin)
            bar.update(summary.seen, total, line(summary, total, rate))


def line(summary: AccuracyTally, total: int, rate: float) -> str:
    """ "812/5000, 92 images/s, top-1 70.3 % (67.1 to 73.4)"."""
    first = summary.tallies[0]
    low, high = wilson(first.top1, first.images)
    share = 100 * first.top1 / max(first.images, 1)
    return (
        f"{summary.seen}/{total}, {rate:.0f} images/s, "
        f"top-1 {share:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    )
