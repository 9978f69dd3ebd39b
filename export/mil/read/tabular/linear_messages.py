"""Generalized linear models, read."""

from typing import Any

import numpy as np

from export.mil.read.specification import Message, class_labels
from export.mil.read.tabular.declared_table import (
    DeclaredTable,
    TableContents,
    table,
)
from export.mil.tabular.linear_model import CLASSIFICATION, REGRESSION, LinearModel, normal_share
from export.mil.tabular.values import Key, Values, VectorInput

REFERENCE = 0  # `ClassEncoding.ReferenceClass`


def regressor(declared: DeclaredTable, model: Message) -> TableContents:
    """`GLMRegressor`."""
    vector, linear = _model(declared, model.glmRegressor, REGRESSION)
    name = declared.prediction()

    def evaluate(values: Values) -> dict[str, Any]:
        return {name: linear.predictions(vector.of(values))}

    return TableContents(evaluate, _contents(linear), _parameters(linear))


def classifier(declared: DeclaredTable, model: Message) -> TableContents:
    """`GLMClassifier`."""
    message = model.glmClassifier
    vector, linear = _model(declared, message, CLASSIFICATION)
    targets, reference = len(linear.weights), message.classEncoding == REFERENCE
    labels: tuple[Key, ...] = class_labels(message) or tuple(range(targets + 1))
    count = len(labels)
    declared.require(
        targets == (count - 1 if reference or count == 2 else count),
        f"has weights for {targets} of {count} classes",
    )
    declared.require(
        count == 2 or linear.mean is not normal_share, f"has a probit of {count} classes"
    )
    classes = declared.classes(labels)

    def evaluate(values: Values) -> dict[str, Any]:
        return classes.answer(linear.probabilities(vector.of(values), reference=reference))

    return TableContents(evaluate, _contents(linear), _parameters(linear), labels)


def _model(
    declared: DeclaredTable, message: Message, means: tuple[Any, ...]
) -> tuple[VectorInput, LinearModel]:
    weights = table(declared, [row.value for row in message.weights], "weights")
    declared.require(weights.size > 0, "has no weights")
    offsets = np.array(message.offset, np.float64)
    declared.require(
        len(offsets) == len(weights), f"has {len(offsets)} offsets for {len(weights)} values"
    )
    declared.require(
        0 <= message.postEvaluationTransform < len(means), "ends in what is not described"
    )
    vector = declared.of_features(declared.vector(), weights.shape[1])
    return vector, LinearModel(weights, offsets, means[message.postEvaluationTransform])


def _contents(linear: LinearModel) -> str:
    targets, features = linear.weights.shape
    return f"{features:,} weights" + (f" for each of {targets:,} values" if targets > 1 else "")


def _parameters(linear: LinearModel) -> int:
    return linear.weights.size + linear.offsets.size
