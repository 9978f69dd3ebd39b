"""Weights, precision, and what cannot be counted."""

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.inspect.function_constants import constants_of
from export.inspect.rules.finding import Rule, RuleFinding, RuleSubject
from export.mil.program import Constant
from mobilenet.common.text import counted

PIECE = 1 << 22  # elements that are looked at together


def _untrained(subject: RuleSubject) -> Iterator[RuleFinding]:
    if subject.metadata is not None and not subject.metadata.provenance.trained:
        yield RuleFinding(
            "untrained", "warning",
            "the weights were never trained: the answers mean nothing, costs and speed are right",
            "export again with weights: --weights imagenet, or a file of your own",
        )  # fmt: skip


def _float32(
    subject: RuleSubject,
) -> Iterator[RuleFinding]:  # coremltools guide, "Typed Execution"
    chosen = subject.metadata is not None and subject.metadata.target in ("cpu", "gpu")
    if subject.kind != "mlprogram" or chosen:
        return
    heavy = [o.op for o in subject.cost.ops if o.macs or o.macs is None]
    full = [op for op in heavy if any(out.dtype == "float32" for out in op.outputs)]
    if full:
        yield RuleFinding(
            "float32", "warning",
            f"{len(full)} of {len(heavy)} layers compute in float32: they cannot run on the "
            "Neural Engine, which has float16 alone",
            "export with compute_precision FLOAT16, unless it is meant for the CPU or GPU",
        )  # fmt: skip


def _not_finite(subject: RuleSubject) -> Iterator[RuleFinding]:
    seen: dict[Hashable, bool] = {}
    broken = [
        name for name, constant in constants_of(subject.function) if not _finite(constant, seen)
    ]
    if broken:
        yield RuleFinding(
            "weights-not-finite", "error",
            f"{len(broken)} weights hold NaN or infinity, the first is {broken[0]!r}: the outputs "
            "will too",
            "check the checkpoint; float16 ends at 65504, larger weights become infinite",
        )  # fmt: skip


def _unknown(subject: RuleSubject) -> Iterator[RuleFinding]:
    kinds = [o.op.type for o in subject.cost.ops if o.macs is None]
    if kinds:
        yield RuleFinding(
            "unknown-cost", "note",
            f"the cost of some operations is not known: {counted(kinds)}; totals are lower bounds",
            "read the total as 'at least'",
        )  # fmt: skip


def _finite(constant: Constant, seen: dict[Hashable, bool]) -> bool:
    """Whether all stored numbers are; a palette is looked at, not the weights made from it.

    `seen` are the answers so far: many constants may lie at one place of a file.
    """
    for leaf in constant.stored():
        if leaf.type.dtype in ("float16", "float32", "float64") and leaf.type.elements > 0:
            place = leaf.location or id(leaf)
            if place not in seen:
                value = leaf.load()
                seen[place] = not isinstance(value, np.ndarray) or _all_finite(value)
            if not seen[place]:
                return False
    return True


def _all_finite(value: NDArray[Any]) -> bool:
    """In pieces, so that a file of gigabytes is not held in memory."""
    flat = value.reshape(-1)
    pieces = (flat[begin : begin + PIECE] for begin in range(0, flat.size, PIECE))
    if value.dtype == np.float16:  # exponent all ones; ten times as fast as isfinite
        return not any(((p.view(np.uint16) & 0x7C00) == 0x7C00).any() for p in pieces)
    return all(np.isfinite(piece).all() for piece in pieces)


RULES: tuple[Rule, ...] = (_untrained, _float32, _not_finite, _unknown)
