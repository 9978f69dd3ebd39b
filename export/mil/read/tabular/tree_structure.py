"""Nodes by their numbers, and that they are trees: one root each, one parent, no circle."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.mil.read.tabular.declared_table import DeclaredTable
from export.mil.tabular.tree_ensemble import Integers
from mobilenet.common.errors import UnsupportedError

Unsigned = NDArray[np.uint64]
MAX_TREE_DEPTH = 1 << 12  # the deepest that people grow have dozens


@dataclass(frozen=True)
class NodeNumbers:
    """The places of nodes by the numbers of their trees and their own, which are any."""

    declared: DeclaredTable
    trees: Unsigned
    nodes: Unsigned

    def __post_init__(self) -> None:
        keys = self._keys(self.nodes)
        self.declared.require(len(np.unique(keys)) == len(keys), "has a node twice")

    @property
    def count(self) -> int:
        """Of nodes."""
        return len(self.nodes)

    def places(self, children: Unsigned, rows: NDArray[np.bool_]) -> Integers:
        """(nodes,): of each child in `rows`; any place elsewhere."""
        names = np.unique(self.nodes)
        known = np.isin(children, names) | ~rows
        self.declared.require(bool(known.all()), "has a branch to a node that is not there")
        order = np.argsort(keys := self._keys(self.nodes))
        wanted = self._keys(np.where(rows, children, self.nodes))
        found = np.searchsorted(keys[order], wanted).clip(0, self.count - 1)
        there = keys[order][found] == wanted
        self.declared.require(bool(there.all()), "has a branch to a node of another tree")
        result: Integers = order[found].astype(np.int64)
        return result

    def roots(self, children: Sequence[Integers]) -> Integers:
        """The nodes that are no children, one of each tree, in the order of the trees' numbers."""
        parents = np.bincount(np.concatenate(children), minlength=self.count)
        self.declared.require(int(parents.max()) <= 1, "has a node with two parents")
        roots = np.flatnonzero(parents == 0)
        trees, first = np.unique(self.trees[roots], return_index=True)
        self.declared.require(len(trees) == len(roots), "has a tree with two roots")
        return roots[first].astype(np.int64)

    def _keys(self, nodes: Unsigned) -> Integers:
        """One number for both: the ranks of the tree and of the node."""
        names, trees = np.unique(self.nodes), np.unique(self.trees)
        ranks = np.searchsorted(trees, self.trees) * len(names) + np.searchsorted(names, nodes)
        return ranks.astype(np.int64)


def depth(
    declared: DeclaredTable,
    roots: Integers,
    is_leaf: NDArray[np.bool_],
    children: Sequence[Integers],
) -> int:
    """Branches on the longest way from a root. Raises `PackageError` where nodes are left over,
    which go round in circles, as no node has two parents."""
    seen, level, nodes = len(roots), 0, roots
    while len(branches := nodes[~is_leaf[nodes]]):
        level += 1
        if level > MAX_TREE_DEPTH:
            raise UnsupportedError(
                f"a {declared.kind} has a tree of more than {MAX_TREE_DEPTH:,} levels",
                "grow several that are not as deep",
            )
        nodes = np.concatenate([each[branches] for each in children])
        seen += len(nodes)
    declared.require(seen == len(is_leaf), "has nodes that go round in a circle")
    return level
