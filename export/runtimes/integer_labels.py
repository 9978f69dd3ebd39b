"""Classes that are numbers: a model stores and gives them as such."""

from collections.abc import Sequence

from export.package.model_files import REMAKE
from mobilenet.common.errors import PackageError


def integer_labels(labels: Sequence[str]) -> tuple[int, ...]:
    """Of their texts. Raises `PackageError` for one that is no integer."""
    try:
        return tuple(int(label) for label in labels)
    except ValueError as error:
        raise PackageError(
            f"classes are declared as integers, and are not: {error}", REMAKE
        ) from error
