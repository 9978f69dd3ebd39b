"""What a running pass shows: how far, how fast, how long, and how well so far."""

import time
from collections.abc import Iterable, Iterator

from bench.accuracy.predictions import Prediction
from bench.accuracy.tally import AccuracyTally
from bench.results.proportions import wilson
from mobilenet.common import terminal
from mobilenet.common.progress import duration


def tracked(
    predictions: Iterable[Prediction], summary: AccuracyTally, total: int
) -> Iterator[Prediction]:
    """The predictions, with a bar on a terminal; `summary` has counted all that came before."""
    if not terminal.err.is_terminal:
        yield from predictions
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("Answering"), BarColumn(bar_width=20), TextColumn("{task.fields[text]}"))
    before, begin = summary.seen, time.monotonic()
    with Progress(*columns, console=terminal.err, transient=True) as bar:
        task = bar.add_task("", total=total, completed=before, text="")
        for prediction in predictions:
            yield prediction
            rate = (summary.seen - before) / (time.monotonic() - begin)
            bar.update(task, completed=summary.seen, text=line(summary, total, rate))


def line(summary: AccuracyTally, total: int, rate: float) -> str:
    """ "812/5000, 92 images/s, 46 s left, top-1 70.3 % (67.1 to 73.4)"."""
    left = duration((total - summary.seen) / rate)
    first = summary.tallies[0]
    low, high = wilson(first.top1, first.images)
    share = 100 * first.top1 / max(first.images, 1)
    return (
        f"{summary.seen}/{total}, {rate:.0f} images/s, {left} left, "
        f"top-1 {share:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    )
