"""Generalized linear models. Source: coremltools' `GLMRegressor.proto`, `GLMClassifier.proto`."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from export.mil.tabular.values import Floats, plain, sigmoid, with_reference


def normal_share(values: Floats) -> Floats:
    """The share of a standard normal distribution below each value: the mean of a probit model."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in values])


@dataclass(frozen=True)
class LinearModel:
    """weights (targets, features) and offsets (targets,) behind a `mean` function."""

    weights: Floats
    offsets: Floats
    mean: Callable[[Floats], Floats]

    def scores(self, features: Floats) -> Floats:
        """(targets,) before the mean function."""
        result: Floats = self.weights @ features + self.offsets
        return result

    def predictions(self, features: Floats) -> Floats:
        """(targets,)."""
        return self.mean(self.scores(features))

    def probabilities(self, features: Floats, *, reference: bool) -> Floats:
        """(classes,).

        One target is the second of two classes. Of several, with a `reference` class, which is
        the first, all follow a multinomial logit model; else each stands against the rest, and
        they are divided by their sum, as scikit-learn does.
        """
        shares = self.predictions(features)
        if len(shares) == 1:
            return np.array([1 - shares[0], shares[0]])
        if reference:
            return with_reference(self.scores(features))
        result: Floats = shares / shares.sum()
        return result


REGRESSION = (plain, sigmoid, normal_share)  # mean functions by the number in the file
CLASSIFICATION = (sigmoid, normal_share)
