"""How much of a model Core ML plans to run on which device."""

from collections.abc import Sequence

from bench.results.placed_ops import PlacedOp

DEVICES = ("CPU", "GPU", "ANE")


def device_shares(ops: Sequence[PlacedOp]) -> dict[str, float]:
    """Share of each device, 0 to 1, in the estimated cost; in the operations without costs.

    Empty for a plan that places nothing.
    """
    placed = [op for op in ops if op.preferred]
    weights = [_cost(op) if has_costs(ops) else 1.0 for op in placed]
    total = sum(weights)
    return {
        device: sum(
            weight for op, weight in zip(placed, weights, strict=True) if op.preferred == device
        )
        / total
        for device in DEVICES
        if placed
    }


def has_costs(ops: Sequence[PlacedOp]) -> bool:
    """Whether any operation that is placed has an estimated cost."""
    return any(_cost(op) > 0 for op in ops if op.preferred)


def first_off(ops: Sequence[PlacedOp], device: str = "ANE") -> PlacedOp | None:
    """The first operation after the first on `device` that is not on it."""
    placed = [op for op in ops if op.preferred]
    start = next((i for i, op in enumerate(placed) if op.preferred == device), len(placed))
    return next((op for op in placed[start:] if op.preferred != device), None)


def _cost(op: PlacedOp) -> float:
    return max(op.cost or 0.0, 0.0)
