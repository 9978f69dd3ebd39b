"""What a finding is, and what a rule looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from export.inspect.input_scaling import Pixels
from export.mil.cost import FunctionCost
from export.mil.program import Function

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """Something a user should know."""

    rule: str
    severity: Severity
    message: str  # what it is and what it means, with the values
    advice: str  # what to do
    part: str = ""  # function or model of a pipeline; "" when there is one only


@dataclass(frozen=True)
class Subject:
    """What the rules look at."""

    kind: str  # "mlprogram" or "neuralnetwork"
    function: Function
    cost: FunctionCost
    pixels: tuple[Pixels, ...]


Rule = Callable[[Subject], Iterator[Finding]]
