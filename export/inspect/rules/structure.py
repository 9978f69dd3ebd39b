"""Shapes and names that no sound model has, and operations that are not run here."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from export.inspect.rules.finding import Rule, RuleFinding, RuleSubject
from export.mil.ops import is_lowered
from export.mil.program import Shape, is_fixed
from mobilenet.common.text import counted

OPEN = -1  # a size that is not fixed
AGAIN = "make the model again: its writer is wrong, or its file was changed"


def _reshapes(subject: RuleSubject) -> Iterator[RuleFinding]:
    """coremltools `mlmodel/format/NeuralNetwork.proto`, and MIL's `reshape`."""
    shapes = _shapes(subject)
    for op in subject.function.all_ops():
        taken = op.inputs.get("x", ())
        if op.type != "reshape" or len(taken) != 1 or not isinstance(taken[0], str):
            continue
        before, after = shapes.get(taken[0]), shapes.get(op.outputs[0].name)
        if before is None or after is None or math.prod(before) == math.prod(after):
            continue
        yield RuleFinding(
            "reshape-elements", "error",
            f"reshape {op.name!r} makes {math.prod(after):,} elements ({_words(after)}) out of "
            f"{math.prod(before):,} ({_words(before)}): that is not possible",
            AGAIN,
        )  # fmt: skip


def _no_elements(subject: RuleSubject) -> Iterator[RuleFinding]:
    values = subject.function.all_types().values()
    empty = [value for value in values if any(size == 0 or size < OPEN for size in value.shape)]
    if empty:
        others = f", {len(empty) - 1} others have such ones" if empty[1:] else ""
        yield RuleFinding(
            "impossible-shape", "error",
            f"{empty[0].name!r} has shape {_words(empty[0].shape)}{others}: no array has",
            AGAIN,
        )  # fmt: skip


def _duplicates(subject: RuleSubject) -> Iterator[RuleFinding]:
    declared, function = subject.function.description, subject.function
    computed = [output.name for op in function.ops for output in op.outputs]
    for what, names in (
        ("input", [item.name for item in (*declared.inputs, *declared.numbers)]),
        ("output", [output.name for output in declared.outputs]),
        ("value", [value.name for value in function.inputs] + computed),
    ):
        for name in _repeated(names):
            yield RuleFinding(
                f"duplicate-{what}", "error",
                f"{names.count(name)} {what}s are called {name!r}: which is meant is not said",
                AGAIN,
            )  # fmt: skip


def _not_run_here(subject: RuleSubject) -> Iterator[RuleFinding]:
    kinds = [op.type for op in subject.function.all_ops() if not is_lowered(op.type)]
    if kinds:
        yield RuleFinding(
            "not-run-here", "note",
            f"operations that the portable runtime does not have: {counted(kinds)}",
            "it can be looked at, not run here; Apple's own runtime on a Mac runs it",
        )  # fmt: skip


def _shapes(subject: RuleSubject) -> dict[str, Shape]:
    """Of values whose sizes are all known, by their names."""
    shapes = {value.name: value.shape for value in subject.function.inputs}
    for each in subject.cost.ops:
        if each.op.outputs and each.output_shape is not None:
            shapes[each.op.outputs[0].name] = each.output_shape
    return {name: shape for name, shape in shapes.items() if is_fixed(shape)}


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _words(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "a number"


RULES: tuple[Rule, ...] = (_reshapes, _no_elements, _duplicates, _not_run_here)
