"""Models that run one after the other, each on what those before it gave."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from export.mil.description import ModelDescription
from export.mil.program import Program
from export.mil.suppression_model import SuppressionModel
from export.mil.tabular_model import TabularModel


@dataclass(frozen=True)
class ModelPipeline:
    """A pipeline of Core ML: values are handed on by their names."""

    kind: ClassVar[str] = "pipeline"
    description: ModelDescription
    names: tuple[str, ...]
    models: "tuple[Model, ...]"

    def programs(self) -> Iterator[Program]:
        """Those among its models, also within pipelines."""
        for model in self.models:
            yield from model.programs()


Model = Program | SuppressionModel | TabularModel | ModelPipeline
