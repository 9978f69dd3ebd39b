"""What a finding is, and what a rule looks at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from export.inspect.input_scaling import InputScaling
from export.mil.cost import FunctionCost
from export.mil.program import Function
from export.package.metadata import PackageMetadata

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class RuleFinding:
    """Something a user should know."""

    rule: str
    severity: Severity
    message: str  # what it is and what it means, with the values
    advice: str  # what to do
    part: str = ""  # function or model of a pipeline; "" when there is one only


@dataclass(frozen=True)
class RuleSubject:
    """What the rules look at: one function. `largest` is empty unless pictures were given."""

    kind: str  # of its program
    function: Function
    cost: FunctionCost
    input_scalings: tuple[InputScaling, ...]
    largest: Mapping[str, float]  # absolute value of an operation's output, by its name
    metadata: PackageMetadata | None = None  # of a model that this tool made


Rule = Callable[[RuleSubject], Iterator[RuleFinding]]
