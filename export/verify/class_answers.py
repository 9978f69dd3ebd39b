"""A classifier's labels and probabilities, against training's labels and its own logits."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from export.mil.description import ModelDescription
from export.runtimes.base import Feature
from mobilenet.common.errors import VerificationError

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
    description: ModelDescription, outputs: Mapping[str, Feature], logits: NDArray[np.float32]
) -> None:
    """Raise `VerificationError` unless the probabilities for a picture are those of its logits.

    `logits` (classes,) are the package's own.
    """
    answered, labels = probabilities(description, outputs), description.labels
    values = np.array([answered[label] for label in labels])
    scores = logits.astype(np.float64)
    softmax = np.exp(scores - scores.max())
    error = np.abs(values - softmax / softmax.sum()).max()
    if not error <= PROBABILITY_LIMIT:
        raise VerificationError(
            f"probabilities are off by {error:.1e} from softmax of the logits "
            f"(limit {PROBABILITY_LIMIT:.0e})",
            "the classifier's head is wrong",
        )
    likeliest = labels[int(values.argmax())]
    for item in description.outputs:
        if item.kind == "string" and outputs[item.name] != likeliest:
            raise VerificationError(
                f"the package names {outputs[item.name]!r}, its highest probability is "
                f"{likeliest!r}",
                "the classifier's labels are out of order",
            )


def probabilities(
    description: ModelDescription, outputs: Mapping[str, Feature]
) -> dict[str, float]:
    """Label to probability, of one picture; Core AI gives an array in the order of the labels."""
    (values,) = (outputs[item.name] for item in description.outputs if item.kind != "string")
    if isinstance(values, Mapping):
        return dict(values)
    return dict(zip(description.labels, np.ravel(values).tolist(), strict=True))
