"""Support vector machines, read; what Apple's `SVMValidator.cpp` calls an error is damage here."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from export.mil.read.specification import Message, class_labels
from export.mil.read.tabular.declared_table import (
    DeclaredTable,
    TableContents,
    bound,
    table,
)
from export.mil.tabular import support_vectors
from export.mil.tabular.support_vectors import (
    Kernel,
    SupportVectorClassification,
    SupportVectorRegression,
)
from export.mil.tabular.values import Floats, Values, VectorInput
from mobilenet.common.errors import UnsupportedError

MAX_DEGREE = 1 << 10


def regressor(declared: DeclaredTable, model: Message) -> TableContents:
    """`SupportVectorRegressor`."""
    message, name = model.supportVectorRegressor, declared.prediction()
    vector, vectors = _vectors(declared, message)
    weights = np.array(message.coefficients.alpha, np.float64)
    declared.require(
        len(weights) == len(vectors), f"has {len(weights)} weights for {len(vectors)} vectors"
    )
    machine = SupportVectorRegression(_kernel(declared, message), vectors, weights, message.rho)

    def evaluate(values: Values) -> dict[str, Any]:
        return {name: machine.prediction(vector.of(values))}

    return TableContents(evaluate, _contents(message, vectors), vectors.size + weights.size + 1)


def classifier(declared: DeclaredTable, model: Message) -> TableContents:
    """`SupportVectorClassifier`. Its class is the most probable one where it has probabilities,
    as in LIBSVM, else the one of most votes."""
    message, labels = model.supportVectorClassifier, class_labels(model.supportVectorClassifier)
    vector, vectors = _vectors(declared, message)
    machine = _machine(declared, message, vectors, len(labels))
    classes = declared.classes(labels)
    has_shares = len(machine.slopes) > 0
    if not has_shares and classes.probabilities_name:
        raise UnsupportedError(
            f"a {declared.kind} gives probabilities, and has no probA and probB to make them of",
            "what Core ML gives then is not described",
        )

    def evaluate(values: Values) -> dict[str, Any]:
        features = vector.of(values)
        if has_shares:
            return classes.answer(machine.probabilities(features))
        return {classes.label_name: labels[machine.winner(features)]}

    count = machine.vectors.size + machine.weights.size + 3 * len(machine.rhos)
    return TableContents(evaluate, _contents(message, machine.vectors), count, labels)


def _machine(
    declared: DeclaredTable, message: Message, vectors: Floats, classes: int
) -> SupportVectorClassification:
    declared.require(classes > 1, f"has {classes} classes")
    weights = table(declared, [row.alpha for row in message.coefficients], "weights")
    counts = tuple(message.numberOfSupportVectorsPerClass)
    pairs = classes * (classes - 1) // 2
    declared.require(
        weights.shape == (classes - 1, len(vectors)),
        f"has weights {weights.shape} for {classes} classes and {len(vectors)} vectors",
    )
    declared.require(
        len(counts) == classes and min(counts) >= 0 and sum(counts) == len(vectors),
        f"counts {sum(counts)} vectors of {len(counts)} classes, "
        f"and has {len(vectors)} of {classes}",
    )
    declared.require(len(message.rho) == pairs, f"has {len(message.rho)} rho for {pairs} pairs")
    shares = [np.array(each, np.float64) for each in (message.probA, message.probB)]
    declared.require(
        [len(each) for each in shares] in ([0, 0], [pairs, pairs]),
        f"has {len(shares[0])} probA and {len(shares[1])} probB for {pairs} pairs",
    )
    return SupportVectorClassification(
        _kernel(declared, message), vectors, counts, weights, np.array(message.rho), *shares
    )


def _vectors(declared: DeclaredTable, message: Message) -> tuple[VectorInput, Floats]:
    """The input, and the vectors (vectors, features)."""
    vector, kind = declared.vector(), message.WhichOneof("supportVectors")
    declared.require(kind is not None, "has no support vectors")
    if kind == "denseSupportVectors":
        rows = [each.values for each in message.denseSupportVectors.vectors]
        vectors = table(declared, rows, "support vectors")
    else:
        vectors = _sparse(declared, message.sparseSupportVectors.vectors, vector.size)
    declared.require(vectors.size > 0, "has no support vectors")
    return declared.of_features(vector, vectors.shape[1]), vectors


def _sparse(declared: DeclaredTable, several: Sequence[Message], size: int | None) -> Floats:
    indices = [node.index for each in several for node in each.nodes]
    largest = max(indices, default=0)
    width = largest if size is None else size
    declared.require(
        largest <= width and min(indices, default=1) > 0,
        f"has a vector with feature {largest} of {width}, which are counted from 1",
    )
    bound(len(several) * width, "support vectors")
    vectors = np.zeros((len(several), width))
    for row, each in enumerate(several):
        for node in each.nodes:
            vectors[row, node.index - 1] = node.value
    return vectors


def _kernel(declared: DeclaredTable, message: Message) -> Kernel:
    kind = message.kernel.WhichOneof("kernel")
    declared.require(kind is not None, "has no kernel")
    if kind == "linearKernel":
        return support_vectors.linear
    kernel = getattr(message.kernel, kind)
    declared.require(kernel.gamma >= 0, f"has a kernel of gamma {kernel.gamma:g}")
    if kind == "rbfKernel":
        return partial(support_vectors.radial, gamma=kernel.gamma)
    if kind == "sigmoidKernel":
        return partial(support_vectors.hyperbolic, gamma=kernel.gamma, c=kernel.c)
    declared.require(
        0 <= kernel.degree <= MAX_DEGREE, f"has a polynomial of degree {kernel.degree}"
    )
    return partial(
        support_vectors.polynomial, gamma=kernel.gamma, c=kernel.c, degree=kernel.degree
    )


def _contents(message: Message, vectors: Floats) -> str:
    kernel = str(message.kernel.WhichOneof("kernel")).removesuffix("Kernel")
    return f"{len(vectors):,} support vectors of {vectors.shape[1]:,} features, {kernel} kernel"
