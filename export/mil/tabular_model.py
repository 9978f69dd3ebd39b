"""A model of tables as data, whatever its kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from export.mil.description import ModelDescription
from export.mil.program import Program
from export.mil.tabular.values import Evaluator


@dataclass(frozen=True)
class TabularModel:
    """Trees, support vectors, neighbours, encoders: what is not a network.

    Its compiled form is its `message`, the specification as protobuf has it.
    """

    kind: str  # as Core ML calls it
    description: ModelDescription
    contents: str  # how much of what: "3 trees of 17 nodes"
    parameters: int  # numbers that were learned
    evaluate: Evaluator
    message: Any

    def programs(self) -> Iterator[Program]:
        """None."""
        return iter(())
