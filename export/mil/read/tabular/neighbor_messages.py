"""Nearest neighbours, read."""

from typing import Any

import numpy as np

from export.mil.read.specification import Message, class_labels
from export.mil.read.tabular.declared_table import (
    DeclaredTable,
    TableContents,
    table,
)
from export.mil.tabular.neighbors import NearestNeighbors
from export.mil.tabular.values import Floats, Key, Values


def classifier(declared: DeclaredTable, model: Message) -> TableContents:
    """`KNearestNeighborsClassifier`; without samples its class is always the default one."""
    message = model.kNearestNeighborsClassifier
    index, labels = message.nearestNeighborsIndex, class_labels(message)
    samples = _samples(declared, index, len(labels))
    vector = declared.of_features(declared.vector(), index.numberOfDimensions)
    declared.require(
        message.WhichOneof("WeightingScheme") is not None
        and index.WhichOneof("DistanceFunction") is not None,
        "has no way to weigh, or no distance",
    )
    k = message.numberOfNeighbors.defaultValue
    declared.require(k > 0, f"asks {k} neighbours")
    distinct: tuple[Key, ...] = tuple(dict.fromkeys(labels))
    if not distinct:
        return _empty(declared, message)
    places = {label: place for place, label in enumerate(distinct)}
    neighbors = NearestNeighbors(
        samples.astype(np.float32),
        np.array([places[label] for label in labels]),
        len(distinct),
        int(k),
        message.WhichOneof("WeightingScheme") == "inverseDistanceWeighting",
    )
    classes = declared.classes(distinct)

    def evaluate(values: Values) -> dict[str, Any]:
        best, shares = neighbors.vote(vector.of(values))
        return classes.answer(shares, best)

    return TableContents(
        evaluate,
        f"{len(samples):,} samples of {samples.shape[1]:,} features, {k:,} neighbours",
        samples.size,
        distinct,
    )


def _samples(declared: DeclaredTable, index: Message, count: int) -> Floats:
    """(count, features); (0, 0) without samples."""
    samples = table(declared, [each.vector for each in index.floatSamples], "samples")
    declared.require(len(samples) == count, f"has {len(samples)} samples, and classes of {count}")
    declared.require(
        samples.shape[1] in (0, index.numberOfDimensions) and index.numberOfDimensions > 0,
        f"has samples of {samples.shape[1]} features, of {index.numberOfDimensions}",
    )
    return samples


def _empty(declared: DeclaredTable, message: Message) -> TableContents:
    """Of a model that is to be trained on the device."""
    kind = message.WhichOneof("DefaultClassLabel")
    declared.require(kind is not None, "has neither samples nor a default class")
    label: Key = getattr(message, kind)
    classes = declared.classes((label,))
    return TableContents(lambda _: classes.answer(np.ones(1)), "no samples yet", 0, classes.labels)
