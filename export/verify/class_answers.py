"""Labels and probabilities of a package, against training's labels and its own logits."""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from export.mil.description import ModelDescription
from export.runtimes.base import Feature
from mobilenet.common.errors import VerificationError
from mobilenet.networks.classifier import Scores

Array = NDArray[np.float64]
PROBABILITY_LIMIT = 5e-3  # absolute; float16 softmax


def check_labels(labels: Sequence[str], training: Sequence[str]) -> None:
    """Raise `VerificationError` unless every label stands where training put it."""
    for number, (label, expected) in enumerate(zip_longest(labels, training)):
        if label != expected:
            raise VerificationError(
                f"label {number} of the package is {label!r}, training's is {expected!r}",
                "were other labels exported?",
            )


def check_answer(
    description: ModelDescription,
    outputs: Mapping[str, Feature],
    logits: NDArray[np.float32],
    scores: Scores = "softmax",
) -> None:
    """Raise `VerificationError` unless the probabilities for a picture are those of its logits.

    `logits` (classes,) are the package's own; `scores` says what makes probabilities of them.
    """
    values = probabilities(description, outputs)
    expected = EXPECTED[scores](logits.astype(np.float64))
    error = np.abs(values - expected).max() if values.shape == expected.shape else np.inf
    if not error <= PROBABILITY_LIMIT:
        raise VerificationError(
            f"probabilities are off by {error:.1e} from {scores} of the logits "
            f"(limit {PROBABILITY_LIMIT:.0e})",
            "the classifier's head is wrong",
        )
    for item in description.outputs:
        if item.kind != "string":
            continue
        likeliest = description.labels[int(values.argmax())]
        if outputs[item.name] != likeliest:
            raise VerificationError(
                f"the package names {outputs[item.name]!r}, its highest probability is "
                f"{likeliest!r}",
                "the classifier's labels are out of order",
            )


def probabilities(
    description: ModelDescription, outputs: Mapping[str, Feature]
) -> NDArray[np.float64]:
    """Of one picture, in the order of the labels: (classes,)."""
    (values,) = (outputs[item.name] for item in description.outputs if item.kind != "string")
    if isinstance(values, Mapping):
        return np.array([values[label] for label in description.labels], np.float64)
    return np.asarray(values, np.float64).ravel()


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max())
    probabilities: Array = powers / powers.sum()
    return probabilities


def _sigmoid(logits: Array) -> Array:
    """Without a power that overflows."""
    probabilities: Array = 0.5 * (1 + np.tanh(logits / 2))
    return probabilities


EXPECTED: dict[Scores, Callable[[Array], Array]] = {"softmax": _softmax, "sigmoid": _sigmoid}
