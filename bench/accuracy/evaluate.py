"""Classifiers asked about photographs: what is kept of their answers."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bench.accuracy.classifiers import Array, Classifier, largest_difference
from bench.accuracy.decode import Decoded, Wanted, decode_all
from bench.accuracy.photographs import Photograph
from bench.accuracy.picture_pass import Speed, in_order
from bench.accuracy.predictions import FIRST, Answer, Pair, Prediction
from bench.accuracy.recipes import Recipe
from mobilenet.common.children import Child


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


def predictions(
    photographs: Sequence[Photograph],
    evaluations: Sequence[Evaluation],
    pairs: Sequence[Pair],
    jobs: int,
) -> Generator[Prediction]:
    """All answers to each photograph, in order, with `jobs` processes and as many threads.

    Closing it ends them, whatever the processes do.
    """
    forms = list(dict.fromkeys(evaluation.wanted for evaluation in evaluations))

    def decode(batch: Sequence[Photograph], child: Child) -> list[Decoded]:
        return decode_all([photograph.path for photograph in batch], forms, child)

    def answers(
        batch: Sequence[Photograph], decoded: Sequence[Decoded], going_on: Callable[[], None]
    ) -> list[Prediction]:
        scores = []
        for evaluation in evaluations:
            going_on()
            scores.append(_asked(evaluation, forms, decoded))
        return _answered(batch, decoded, scores, evaluations, pairs)

    subjects = [evaluation.classifier for evaluation in evaluations]
    return in_order(photographs, decode, answers, Speed.of(subjects, jobs))


def _asked(evaluation: Evaluation, forms: Sequence[Wanted], decoded: Sequence[Decoded]) -> Array:
    """Scores of one classifier for the photographs that could be opened, a row each."""
    form, (height, width) = forms.index(evaluation.wanted), evaluation.classifier.size
    pictures = [
        Image.frombytes("RGB", (width, height), pictures[form])
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
