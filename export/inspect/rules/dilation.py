"""Convolutions whose taps lie apart, as segmenters have them."""

from collections.abc import Iterator

from export.inspect.rules.finding import Rule, RuleFinding, RuleSubject


def _dilated(subject: RuleSubject) -> Iterator[RuleFinding]:
    """hollance/neural-engine, docs/unsupported-layers.md: "dilated convolutions"."""
    function = subject.function
    names = [
        op.name
        for op in function.ops
        if op.type == "conv"
        and (steps := function.array(op, "dilations")) is not None
        and steps.max(initial=1) > 1
    ]
    if names:
        yield RuleFinding(
            "dilated-convolutions", "note",
            f"{len(names)} convolutions are dilated, from {names[0]} on: users report that the "
            "Neural Engine does not run such layers, and the rest may follow them to the GPU; "
            "the reports are old, and that is not verified here",
            "measure where it runs: python -m bench placement, on a device",
        )  # fmt: skip


RULES: tuple[Rule, ...] = (_dilated,)
