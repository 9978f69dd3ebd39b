"""Rules that turn facts about a model into advice.

Each is a pain that users reported (GitHub issues of coremltools unless another project is
named). A rule looks at one function and yields findings; each says what it means and what to do.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from export.inspect.input_scaling import InputScaling, input_scalings
from export.inspect.rules import (
    class_labels,
    dilation,
    numbers,
    overflow,
    preprocessing,
    structure,
)
from export.inspect.rules.finding import RuleFinding, RuleSubject
from export.mil.cost import FunctionCost
from export.mil.ops.call import UnsupportedCallError
from export.mil.program import Function
from export.package.metadata import PackageMetadata

RULES = (
    *numbers.RULES,
    *preprocessing.RULES,
    *class_labels.RULES,
    *overflow.RULES,
    *dilation.RULES,
    *structure.RULES,
)
CORE_ML_RULES = preprocessing.CORE_ML_RULES  # silent for other formats


def findings(
    kind: str,
    function: Function,
    cost: FunctionCost,
    largest: Mapping[str, float],
    metadata: PackageMetadata | None,
) -> Iterator[RuleFinding]:
    """All findings about one function.

    `kind` is its program's, `largest` the largest absolute value of each operation's output on
    given pictures, if there are any; `metadata` the whole model's, if this tool made it. Rules
    that need a weight which is not known (`without_weights`) are silent.
    """
    scalings: tuple[InputScaling, ...] = ()
    with suppress(UnsupportedCallError):
        scalings = input_scalings(function)
    subject = RuleSubject(kind, function, cost, scalings, largest, metadata)
    for rule in (*RULES, *(() if kind == "coreai" else CORE_ML_RULES)):
        with suppress(UnsupportedCallError):
            yield from rule(subject)
