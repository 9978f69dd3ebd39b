"""Rules that turn facts about a model into advice.

Each is a pain that users reported (GitHub issues of coremltools unless another project is
named). A rule looks at one function and yields findings; each says what it means and what to do.
"""

from collections.abc import Iterator

from export.inspect.input_scaling import pixels
from export.inspect.rules import class_labels, numbers, preprocessing
from export.inspect.rules.finding import Finding as Finding
from export.inspect.rules.finding import Subject
from export.mil.cost import FunctionCost
from export.mil.program import Function

RULES = (*numbers.RULES, *preprocessing.RULES, *class_labels.RULES)


def findings(kind: str, function: Function, cost: FunctionCost) -> Iterator[Finding]:
    """All findings about one function; `kind` is its program's."""
    subject = Subject(kind, function, cost, pixels(function))
    for rule in RULES:
        yield from rule(subject)
