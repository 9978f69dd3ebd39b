"""Tree ensembles, read: what Apple's `TreeEnsembleCommon.cpp` calls an error is damage here."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from export.mil.read.specification import Message, class_labels
from export.mil.read.tabular.declared_table import DeclaredTable, TableContents
from export.mil.read.tabular.tree_structure import NodeNumbers, depth
from export.mil.tabular.tree_ensemble import (
    LEAF,
    TRANSFORMS,
    Integers,
    TreeEnsemble,
)
from export.mil.tabular.values import (
    Floats,
    Key,
    Values,
    VectorInput,
    plain,
    sigmoid,
    softmax,
    with_reference,
)
from mobilenet.common.errors import UnsupportedError

MAX_NODES = 1 << 23
MAX_SUMS = 1 << 20


def regressor(declared: DeclaredTable, model: Message) -> TableContents:
    """`TreeEnsembleRegressor`."""
    message, name = model.treeEnsembleRegressor, declared.prediction()
    vector, trees = ensemble(declared, message.treeEnsemble)
    transform = TRANSFORMS[message.postEvaluationTransform]
    if transform not in (plain, sigmoid):
        raise UnsupportedError(
            "a treeEnsembleRegressor ends in a softmax", "regressors end in nothing or a logistic"
        )

    def evaluate(values: Values) -> dict[str, object]:
        return {name: transform(trees.sums(vector.of(values)))}

    return TableContents(evaluate, contents(trees), parameters(trees))


def classifier(declared: DeclaredTable, model: Message) -> TableContents:
    """`TreeEnsembleClassifier`: one sum for the second of two classes, or one for each class."""
    message = model.treeEnsembleClassifier
    vector, trees = ensemble(declared, message.treeEnsemble)
    labels: tuple[Key, ...] = class_labels(message) or tuple(range(max(len(trees.base), 2)))
    count = len(trees.base)
    declared.require(
        count == len(labels) or (count, len(labels)) == (1, 2),
        f"adds up {count} values for {len(labels)} classes",
    )
    classes, transform = declared.classes(labels), TRANSFORMS[message.postEvaluationTransform]
    if (count == 1 and transform is softmax) or (count > 1 and transform is with_reference):
        raise UnsupportedError(
            f"a treeEnsembleClassifier ends in {transform.__name__} of {count} values",
            "what Core ML makes of that is not described",
        )

    def evaluate(values: Values) -> dict[str, object]:
        shares = transform(trees.sums(vector.of(values)))
        if len(shares) > 1:
            return classes.answer(shares)
        # the half counts for the second class: coremltools' converter moves it down for the first
        return classes.answer(np.array([1 - shares[0], shares[0]]), int(shares[0] >= 0.5))

    return TableContents(evaluate, contents(trees), parameters(trees), labels)


def contents(trees: TreeEnsemble) -> str:
    """How many there are of what."""
    count = len(trees.roots)
    plural = "s" if count > 1 else ""
    return f"{count:,} tree{plural} of {len(trees.features):,} nodes, at most {trees.depth} deep"


def parameters(trees: TreeEnsemble) -> int:
    """Thresholds and the values of leaves."""
    return int((trees.behaviors != LEAF).sum()) + len(trees.leaf_values)


def ensemble(declared: DeclaredTable, message: Message) -> tuple[VectorInput, TreeEnsemble]:
    """The input and the trees of `message`. Raises `PackageError` for nodes that make none."""
    nodes, base = message.nodes, _base(declared, message)
    behaviors = integers([node.nodeBehavior for node in nodes])
    declared.require({*np.unique(behaviors)} <= {*range(LEAF + 1)}, "has an unknown kind of node")
    is_leaf = behaviors == LEAF
    features = np.where(is_leaf, 0, unsigned([node.branchFeatureIndex for node in nodes]))
    vector, needed = declared.vector(), int(features.max()) + 1
    declared.require(
        vector.size is None or needed <= vector.size,
        f"branches on feature {needed - 1}, and takes {vector.size}",
    )
    numbers = NodeNumbers(
        declared, unsigned([node.treeId for node in nodes]),
        unsigned([node.nodeId for node in nodes]),
    )  # fmt: skip
    children = [
        np.where(is_leaf, np.arange(len(nodes)), numbers.places(unsigned(ids), ~is_leaf))
        for ids in ([node.trueChildNodeId for node in nodes],
                    [node.falseChildNodeId for node in nodes])
    ]  # fmt: skip
    roots = numbers.roots([each[~is_leaf] for each in children])
    bounds, dimensions, leaf_values = _leaves(declared, nodes, is_leaf, len(base))
    return replace(vector, least=needed), TreeEnsemble(
        roots=roots, behaviors=behaviors, features=features.astype(np.int64),
        thresholds=np.array([node.branchFeatureValue for node in nodes]),
        true_children=children[0], false_children=children[1],
        missing_is_true=np.array([node.missingValueTracksTrueChild for node in nodes], bool),
        bounds=bounds, dimensions=dimensions, leaf_values=leaf_values, base=base,
        depth=depth(declared, roots, is_leaf, children),
    )  # fmt: skip


def _base(declared: DeclaredTable, message: Message) -> Floats:
    """What the leaves are added to, once the sizes are bounded."""
    count, sums = len(message.nodes), message.numPredictionDimensions
    if count > MAX_NODES or sums > MAX_SUMS:
        raise UnsupportedError(
            f"a {declared.kind} has {count:,} nodes and {sums:,} values",
            f"at most {MAX_NODES:,} and {MAX_SUMS:,} are read",
        )
    declared.require(sums > 0, "adds up no values")
    declared.require(count > 0, "has no trees")
    base = np.array(message.basePredictionValue or [0.0] * sums)
    declared.require(len(base) == sums, f"has {len(base)} base values, of {sums}")
    return base


def _leaves(
    declared: DeclaredTable, nodes: Sequence[Message], is_leaf: NDArray[np.bool_], sums: int
) -> tuple[Integers, Integers, Floats]:
    """Between which of them the values of each node are; the sum each is for, and the values."""
    infos = [node.evaluationInfo if node.nodeBehavior == LEAF else () for node in nodes]
    counts = integers([len(info) for info in infos])
    declared.require(bool(counts[is_leaf].all()), "has a leaf without a value")
    values = [each for info in infos for each in info]
    dimensions = unsigned([each.evaluationIndex for each in values])
    declared.require(int(dimensions.max()) < sums, f"has a value for sum {dimensions.max()}")
    places = np.repeat(np.arange(len(nodes)), counts) * sums + dimensions.astype(np.int64)
    declared.require(len(np.unique(places)) == len(places), "has a leaf with two values for a sum")
    values_of = np.array([each.evaluationValue for each in values])
    bounds = np.concatenate([[0], np.cumsum(counts)])
    return bounds, dimensions.astype(np.int64), values_of


def integers(values: Sequence[int]) -> Integers:
    """Signed, 64 bits."""
    return np.array(values, np.int64)


def unsigned(values: Sequence[int]) -> NDArray[np.uint64]:
    """As protobuf has the numbers of nodes."""
    return np.array(values, np.uint64)
