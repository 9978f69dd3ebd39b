"""coremltools' `MLModel`, as far as it is used here."""

from collections.abc import MutableMapping
from typing import Any, Protocol


class MLModel(Protocol):
    """A converted model in memory: `coremltools.models.MLModel`, which is untyped."""

    short_description: str
    author: str
    license: str
    version: str
    input_description: MutableMapping[str, str]
    output_description: MutableMapping[str, str]
    user_defined_metadata: MutableMapping[str, str]
    weights_dir: str | None  # of a package: the folder that holds its weights

    def get_spec(self) -> Any:
        """The protobuf message `Model`, without types; changes to it change the model."""

    def save(self, save_path: str) -> None:
        """Write a new package, or an .mlmodel."""
