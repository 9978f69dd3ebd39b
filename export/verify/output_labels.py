"""The classes of a model, whoever made it."""

from export.mil.description import ModelDescription
from export.package.metadata import listed_labels


def output_labels(description: ModelDescription) -> tuple[str, ...]:
    """In the order of the outputs; empty where the model has none.

    Of a detector of ours without those that fill it up. Raises `PackageError` for a list that
    cannot be read.
    """
    return listed_labels(description.metadata) or description.labels
