"""Core ML's two kinds of file: what differs between them as they are written."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from export.formats.coreml.ml_model import MLModel
from export.formats.coreml.mlpackage import MLProgram
from export.formats.coreml.neuralnetwork import NeuralNetwork


class Kind(Protocol):
    """One kind; `mb` is coremltools' Builder, `x` one of its values, both untyped."""

    @property
    def convert_to(self) -> str:
        """coremltools' name of it."""

    @property
    def is_typed(self) -> bool:
        """Whether values are declared as float16 or float32, and computed so."""

    def relu6(self, mb: Any, x: Any, name: str) -> Any:
        """The activation, clipped at 0 and 6."""

    def finished(
        self, ct: ModuleType, model: MLModel, outputs: Sequence[str], half: bool
    ) -> MLModel:
        """The converted model with its arrays of results called `outputs`; `half`: weights too."""

    def save(self, model: MLModel, message: bytes, path: Path) -> None:
        """Write `model`, whose specification is `message`, to the new `path`."""


KINDS: dict[str, Kind] = {"mlprogram": MLProgram(), "neuralnetwork": NeuralNetwork()}
