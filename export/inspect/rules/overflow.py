"""Values that leave float16's range, on pictures that the model was run on."""

from collections.abc import Iterator

from export.inspect.rules.finding import Rule, RuleFinding, RuleSubject

FLOAT16_MAX = 65504.0


def _overflow(subject: RuleSubject) -> Iterator[RuleFinding]:
    """One finding for all layers that leave the range, NaN among them."""
    over = [
        (op.name, subject.largest[op.name])
        for op in subject.function.ops
        if op.name in subject.largest and not subject.largest[op.name] <= FLOAT16_MAX
    ]
    if over:
        (first, _), (worst, value) = over[0], max(over, key=lambda pair: pair[1])
        yield RuleFinding(
            "float16-overflow", "error",
            f"{len(over)} layers leave float16's range (65504) on the given pictures, the first "
            f"is {first!r}, the largest value {value:.3g} in {worst!r}: in float16, as on the "
            "Neural Engine, they become infinite",
            "keep these layers in float32, or scale the weights before them down",
        )  # fmt: skip


RULES: tuple[Rule, ...] = (_overflow,)
