"""Support vector machines, as LIBSVM computes them: the file holds LIBSVM's own numbers.

Sources: coremltools' `SVM.proto` (kernels), `converters/libsvm`; LIBSVM 3 (votes, and the pairwise
coupling of Wu, Lin and Weng, JMLR 5, 2004, with LIBSVM's own tolerance).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from export.mil.tabular.values import Floats, sigmoid

Kernel = Callable[[Floats, Floats], Floats]  # of vectors (count, features) and one
LEAST_SHARE = 1e-7  # of a pair, before pairs are coupled
MAX_STEPS, TOLERANCE = 100, 0.005


@dataclass(frozen=True)
class SupportVectorRegression:
    """One weight for each vector."""

    kernel: Kernel
    vectors: Floats
    weights: Floats
    rho: float

    def prediction(self, features: Floats) -> float:
        """The regression's value."""
        return float(self.weights @ self.kernel(self.vectors, features) - self.rho)


@dataclass(frozen=True)
class SupportVectorClassification:
    """Vectors in the order of their classes; a decision for each pair of classes.

    `slopes` and `intercepts`, LIBSVM's probA and probB, make a probability of a decision; they
    are empty where there are none.
    """

    kernel: Kernel
    vectors: Floats
    counts: tuple[int, ...]  # vectors of each class
    weights: Floats  # (classes - 1, vectors)
    rhos: Floats  # (pairs,)
    slopes: Floats
    intercepts: Floats

    def decisions(self, features: Floats) -> Floats:
        """(pairs,): above 0 for the first class of a pair."""
        values = self.kernel(self.vectors, features)
        ends = np.cumsum(self.counts)
        parts = [slice(end - count, end) for end, count in zip(ends, self.counts, strict=True)]
        sums = [
            self.weights[j - 1, parts[i]] @ values[parts[i]]
            + self.weights[i, parts[j]] @ values[parts[j]]
            for i, j in combinations(range(len(parts)), 2)
        ]
        result: Floats = np.array(sums) - self.rhos
        return result

    def winner(self, features: Floats) -> int:
        """The class that most pairs decide for, of equal ones the first."""
        pairs = combinations(range(len(self.counts)), 2)
        decisions = self.decisions(features)
        votes = [i if value > 0 else j for (i, j), value in zip(pairs, decisions, strict=True)]
        return int(np.bincount(votes).argmax())

    def probabilities(self, features: Floats) -> Floats:
        """(classes,). Of two classes it is the one pair's own, as coremltools' tests have it."""
        shares = sigmoid(-(self.decisions(features) * self.slopes + self.intercepts))
        shares = shares.clip(LEAST_SHARE, 1 - LEAST_SHARE)
        if len(shares) == 1:
            return np.array([shares[0], 1 - shares[0]])
        pairwise = np.zeros((len(self.counts),) * 2)
        upper = np.triu_indices(len(self.counts), 1)
        pairwise[upper] = shares
        pairwise.T[upper] = 1 - shares
        return coupled(pairwise)


def coupled(pairwise: Floats) -> Floats:
    """Probabilities (classes,) of those of all pairs (classes, classes), the second method of Wu
    et al.: stopped where LIBSVM stops, so that as little as its last step is left."""
    count = len(pairwise)
    matrix = -pairwise.T * pairwise
    np.fill_diagonal(matrix, (pairwise.T**2).sum(1))
    shares = np.full(count, 1 / count)
    for _ in range(max(MAX_STEPS, count)):
        products = matrix @ shares
        total = shares @ products
        if np.abs(products - total).max() < TOLERANCE / count:
            break
        for t in range(count):
            step = (total - products[t]) / matrix[t, t]
            shares[t] += step
            total = (
                total + step * (step * matrix[t, t] + 2 * products[t])
            ) / (1 + step) ** 2  # fmt: skip
            products = (products + step * matrix[t]) / (1 + step)
            shares /= 1 + step
    return shares


def linear(vectors: Floats, features: Floats) -> Floats:
    """x · x'."""
    result: Floats = vectors @ features
    return result


def radial(vectors: Floats, features: Floats, gamma: float) -> Floats:
    """e to the -gamma |x - x'|²."""
    result: Floats = np.exp(-gamma * ((vectors - features) ** 2).sum(1))
    return result


def polynomial(
    vectors: Floats, features: Floats, gamma: float, c: float, degree: int
) -> Floats:  # fmt: skip
    """(gamma x · x' + c) to the degree."""
    result: Floats = (gamma * (vectors @ features) + c) ** degree
    return result


def hyperbolic(vectors: Floats, features: Floats, gamma: float, c: float) -> Floats:
    """tanh(gamma x · x' + c)."""
    result: Floats = np.tanh(gamma * (vectors @ features) + c)
    return result
