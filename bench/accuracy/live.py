"""What a running pass shows: how far, how fast, how long, and how well so far."""

import time
from collections.abc import Iterable, Iterator

from bench.accuracy.runs import Line, RunningTally
from mobilenet.common.progress import Progress


def tracked(
    answers: Iterable[Line], tally: RunningTally[Line], total: int, progress: Progress
) -> Iterator[Line]:
    """The answers, with a bar; `tally` has counted all that came before."""
    before, begin = tally.seen, time.monotonic()
    with progress.bar("Answering") as bar:
        bar.update(before, total)
        for answer in answers:
            yield answer
            rate = (tally.seen - before) / (time.monotonic() - begin)
            text = f"{tally.seen}/{total}, {rate:.0f} images/s, {tally.shown()}"
            bar.update(tally.seen, total, text)
