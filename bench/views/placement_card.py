"""Where Core ML will run each operation."""

from bench.results import session_lines
from bench.results.placed_ops import PlacedOp, Placement
from mobilenet.common import terminal

HEADERS = ("operation", "type", "preferred", "supported", "cost (estimated)")
NEEDS_NEWER_TARGET = (
    "Core ML's plan is empty: it gives one only to models of a newer deployment target; "
    "export again with --min-ios 18"
)


def show(plan: Placement, *, json: bool) -> None:
    """A row for each operation, then the share of each device."""
    if json:
        terminal.print_json(plan)
    else:
        terminal.table(HEADERS, map(_cells, plan.ops), words=HEADERS[:-1])
        terminal.say(session_lines.placement(plan))
    if not any(op.preferred for op in plan.ops):
        terminal.warn(NEEDS_NEWER_TARGET)


def _cells(op: PlacedOp) -> tuple[str, ...]:
    cost = "" if op.cost is None else f"{op.cost:.1%}"
    return op.name, op.type, op.preferred or "?", " ".join(op.supported), cost
