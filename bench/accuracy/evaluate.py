"""The pass over the photographs: decode once, ask every model, in order.

Decoding processes and asking threads work at the same time, each thread with one core's worth of
arithmetic: that keeps all cores busy, where one call over several cores waits for the slowest of
them at every layer. Only a few batches are in flight, so memory does not grow with the set.
"""

import math
import os
import threading
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
from PIL import Image

from bench.accuracy.classifiers import Array, Classifier, largest_difference
from bench.accuracy.decode import Decoded, Wanted, decode_all
from bench.accuracy.photographs import Photograph
from bench.accuracy.predictions import FIRST, Answer, Pair, Prediction
from bench.accuracy.recipes import Recipe
from mobilenet.common.children import ChildPool

BATCH = 8  # photographs; while the last is answered, other threads have nothing to do
AHEAD = 2  # batches in flight for every thread: one being answered, one decoded


@dataclass(frozen=True)
class Evaluation:
    """One classifier fed by one recipe, and which of its outputs each class is."""

    classifier: Classifier
    recipe: Recipe
    output_of: dict[str, int]

    @property
    def wanted(self) -> Wanted:
        """What decoding has to make of each photograph."""
        return Wanted(self.recipe, self.classifier.size)

    @property
    def name(self) -> str:
        """Unique in a run: the classifier's name and the recipe's."""
        return f"{self.classifier.name} | {self.recipe.name}"

    def label_of(self, truth: str) -> str:
        """What the network calls a class of the photographs."""
        return self.classifier.label(self.output_of[truth])


def cores() -> int:
    """Of those this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def interpreting_s(evaluations: Sequence[Evaluation], photographs: int, jobs: int) -> float:
    """About how long interpreters take for so many photographs; 0 without one."""
    each_s = sum(evaluation.classifier.interpreted_s for evaluation in evaluations)
    return each_s * math.ceil(photographs / min(jobs, cores()))


def predictions(
    photographs: Sequence[Photograph],
    evaluations: Sequence[Evaluation],
    pairs: Sequence[Pair],
    jobs: int,
) -> Generator[Prediction]:
    """All answers to each photograph, in order, with `jobs` processes and as many threads.

    Closing it ends them, whatever the processes do.
    """
    at_once = 1 if any(each.classifier.interpreted_s for each in evaluations) else BATCH
    forms = list(dict.fromkeys(evaluation.wanted for evaluation in evaluations))
    threads = (
        jobs if all(evaluation.classifier.threads_at_once for evaluation in evaluations) else 1
    )
    todo = (photographs[i : i + at_once] for i in range(0, len(photographs), at_once))
    stopped = threading.Event()
    # Left in reverse: a thread may wait for a child that hangs, which ends with its pool.
    with ThreadPoolExecutor(threads) as pool, ChildPool(jobs) as children:

        def started(batch: Sequence[Photograph]) -> Future[list[Prediction]]:
            paths = [photograph.path for photograph in batch]
            decoded = children.submit(partial(decode_all, paths, forms))

            def asked(evaluation: Evaluation) -> Array:
                if stopped.is_set():
                    raise CancelledError
                return _asked(evaluation, forms, decoded.result())

            def finish() -> list[Prediction]:
                scores = [asked(evaluation) for evaluation in evaluations]
                return _answered(batch, decoded.result(), scores, evaluations, pairs)

            return pool.submit(finish)

        try:
            flying = deque(map(started, islice(todo, AHEAD * jobs)))
            while flying:
                done = flying.popleft().result()
                flying.extend(map(started, islice(todo, 1)))
                yield from done
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _asked(evaluation: Evaluation, forms: Sequence[Wanted], decoded: Sequence[Decoded]) -> Array:
    """Scores of one classifier for the photographs that could be opened, a row each."""
    form, size = forms.index(evaluation.wanted), (evaluation.classifier.size,) * 2
    pictures = [
        Image.frombytes("RGB", size, pictures[form])
        for pictures in decoded
        if not isinstance(pictures, str)
    ]
    if not pictures:
        return np.empty((0, evaluation.classifier.outputs), np.float32)
    return evaluation.classifier.answer(pictures)


def _answered(
    batch: Sequence[Photograph],
    decoded: Sequence[Decoded],
    scores: Sequence[Array],
    evaluations: Sequence[Evaluation],
    pairs: Sequence[Pair],
) -> list[Prediction]:
    rows = iter(zip(*scores, strict=True))
    return [
        Prediction(image=photograph.name, truth=photograph.truth, broken=pictures)
        if isinstance(pictures, str)
        else _prediction(photograph, next(rows), evaluations, pairs)
        for photograph, pictures in zip(batch, decoded, strict=True)
    ]


def _prediction(
    photograph: Photograph,
    scores: Sequence[Array],
    evaluations: Sequence[Evaluation],
    pairs: Sequence[Pair],
) -> Prediction:
    return Prediction(
        image=photograph.name,
        truth=photograph.truth,
        answers=tuple(
            answer(row, evaluation.output_of[photograph.truth])
            for row, evaluation in zip(scores, evaluations, strict=True)
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
    rank = first.index(truth) + 1 if finite and truth in first else 0
    probability = float(np.exp(ranked[first[0]])) if finite else 0.0
    return Answer(first, round(probability, 6), rank, finite)
