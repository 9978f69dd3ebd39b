"""Decision trees: each adds the values of one leaf.

Source: coremltools' `TreeEnsemble.proto`, `mlmodel/src/TreeEnsembleCommon.cpp`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.mil.tabular.values import Floats, plain, sigmoid, softmax, with_reference

Integers = NDArray[np.int64]
LEAF = 6  # a node's behaviour; the others are the comparisons, in the order of `compared`


@dataclass(frozen=True)
class TreeEnsemble:
    """The nodes of all trees, one behind the other; both children of a leaf are itself."""

    roots: Integers
    behaviors: Integers
    features: Integers
    thresholds: Floats
    true_children: Integers
    false_children: Integers
    missing_is_true: NDArray[np.bool_]  # where a value that is NaN goes
    bounds: Integers  # (nodes + 1,) of the values of each node among the next two
    dimensions: Integers
    leaf_values: Floats
    base: Floats  # (dimensions,)
    depth: int  # branches on the longest way

    def sums(self, features: Floats) -> Floats:
        """(dimensions,): the base and what the leaves add, in the order of the trees."""
        result = self.base.copy()
        for leaf in self._leaves(features):
            part = slice(self.bounds[leaf], self.bounds[leaf + 1])
            result[self.dimensions[part]] += self.leaf_values[part]
        return result

    def _leaves(self, features: Floats) -> Integers:
        nodes = self.roots
        for _ in range(self.depth):
            values, thresholds = features[self.features[nodes]], self.thresholds[nodes]
            rows = compared(values, thresholds)
            holds = rows[self.behaviors[nodes], np.arange(len(nodes))]
            holds = np.where(np.isnan(values), self.missing_is_true[nodes], holds)
            nodes = np.where(holds, self.true_children[nodes], self.false_children[nodes])
        return nodes


def compared(values: Floats, thresholds: Floats) -> NDArray[np.bool_]:
    """(behaviours, nodes): whether the branch of each behaviour is taken."""
    return np.stack([
        values <= thresholds, values < thresholds, values >= thresholds, values > thresholds,
        values == thresholds, values != thresholds, np.ones(len(values), bool),
    ])  # fmt: skip


TRANSFORMS = (plain, softmax, sigmoid, with_reference)  # by the number in the file
