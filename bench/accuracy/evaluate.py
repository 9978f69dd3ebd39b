"""The pass over the photographs: decode once, ask every model, in order.

Decoding processes and asking threads work at the same time, each thread with one core's worth of
arithmetic: that keeps all cores busy, where one call over several cores waits for the slowest of
them at every layer. Only a few batches are in flight, so memory does not grow with the set.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from bench.accuracy.decode import Decoded, Decoder, Wanted
from bench.accuracy.photographs import Photograph
from bench.accuracy.predictions import FIRST, Answer, Pair, Prediction
from bench.accuracy.recipes import Recipe
from bench.accuracy.subjects import Array, Subject, largest_difference

BATCH = 8  # photographs; while the last is answered, other threads have nothing to do
AHEAD = 2  # batches in flight for every thread: one being answered, one decoded


@dataclass(frozen=True)
class Entry:
    """One subject fed by one recipe, and which of its outputs each class is."""

    subject: Subject
    recipe: Recipe
    output_of: dict[str, int]

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.recipe, self.subject.size)

    @property
    def name(self) -> str:
        return f"{self.subject.name} | {self.recipe.name}"

    def label_of(self, truth: str) -> str:
        """What the network calls a class of the photographs."""
        return self.subject.label(self.output_of[truth])


def cores() -> int:
    """Of those this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def predictions(
    photographs: Sequence[Photograph], entries: Sequence[Entry], pairs: Sequence[Pair], jobs: int
) -> Iterator[Prediction]:
    """All answers to each photograph, in order, with `jobs` processes and as many threads."""
    forms = list(dict.fromkeys(entry.wanted for entry in entries))
    threads = jobs if all(entry.subject.threads_at_once for entry in entries) else 1
    todo = (photographs[i : i + BATCH] for i in range(0, len(photographs), BATCH))
    with Decoder(forms, jobs) as decoder, ThreadPoolExecutor(threads) as pool:

        def started(batch: Sequence[Photograph]) -> Future[list[Prediction]]:
            paths = [photograph.path for photograph in batch]
            decoded = decoder.submit(paths)

            def finish() -> list[Prediction]:
                return _answered(batch, decoder.result(paths, decoded), forms, entries, pairs)

            return pool.submit(finish)

        try:
            flying = deque(map(started, islice(todo, AHEAD * jobs)))
            while flying:
                done = flying.popleft().result()
                flying.extend(map(started, islice(todo, 1)))
                yield from done
        finally:
            pool.shutdown(cancel_futures=True)


def _answered(
    batch: Sequence[Photograph],
    decoded: Sequence[Decoded],
    forms: Sequence[Wanted],
    entries: Sequence[Entry],
    pairs: Sequence[Pair],
) -> list[Prediction]:
    """Ask all subjects about the photographs that could be opened."""
    whole = [pictures for pictures in decoded if not isinstance(pictures, str)]
    scores = [
        _asked(entry, [pictures[forms.index(entry.wanted)] for pictures in whole])
        for entry in entries
    ]
    rows = iter(zip(*scores, strict=True))
    return [
        Prediction(image=photograph.name, truth=photograph.truth, broken=pictures)
        if isinstance(pictures, str)
        else _prediction(photograph, next(rows), entries, pairs)
        for photograph, pictures in zip(batch, decoded, strict=True)
    ]


def _asked(entry: Entry, pictures: Sequence[bytes]) -> Array:
    size = (entry.subject.size, entry.subject.size)
    if not pictures:
        return np.empty((0, entry.subject.outputs), np.float32)
    return entry.subject.answer([Image.frombytes("RGB", size, data) for data in pictures])


def _prediction(
    photograph: Photograph,
    scores: Sequence[Array],
    entries: Sequence[Entry],
    pairs: Sequence[Pair],
) -> Prediction:
    return Prediction(
        image=photograph.name,
        truth=photograph.truth,
        answers=tuple(
            answer(row, entry.output_of[photograph.truth])
            for row, entry in zip(scores, entries, strict=True)
        ),
        errors=tuple(
            largest_difference(scores[pair.reference], scores[pair.other], pair.logits)
            for pair in pairs
        ),
    )


def answer(scores: Array, truth: int) -> Answer:
    """What is kept of one vector of log-probabilities; NaN is never the most likely."""
    finite = not bool(np.isnan(scores).any() or np.isposinf(scores).any())
    ranked = np.where(np.isnan(scores), -np.inf, scores)
    first = tuple(int(i) for i in np.argsort(-ranked, kind="stable")[:FIRST])
    place = first.index(truth) + 1 if finite and truth in first else 0
    probability = float(np.exp(ranked[first[0]])) if finite else 0.0
    return Answer(first, round(probability, 6), place, finite)
