"""A row of the table: one network in one form, and whether it is as it must be."""

import json
import math
from typing import Any, NamedTuple


class Row(NamedTuple):
    """`macs` are PyTorch's, `counted_macs` ours, -1 where an operation's are not known."""

    network: str
    form: str
    macs: int = 0
    counted_macs: int = 0
    relative_l2: float = math.inf
    limit: float = 0.0
    lost_by_torch: float = 0.0  # relative L2 of PyTorch in float32 from PyTorch in float64
    seconds: float = 0.0
    reason: str = ""  # why it does not run; empty when it does

    @property
    def failed(self) -> bool:
        """Whether it does not run, gives other numbers, or is counted wrong."""
        wrong = not self.relative_l2 <= self.limit
        return bool(self.reason) or wrong or self.macs != self.counted_macs


def encoded(row: Row) -> str:
    """One line of JSON, which has no infinity: null."""
    values = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row._asdict().items()
    }
    return json.dumps(values)


def decoded(line: str) -> Row:
    """The row that `encoded` wrote."""
    values: dict[str, Any] = json.loads(line)
    return Row(**{key: math.inf if value is None else value for key, value in values.items()})


HEADINGS = (
    "network",
    "form",
    "runs",
    "relative L2",
    "PyTorch's own",
    "limit",
    "MACs",
    "equal",
    "s",
)


def cells(row: Row) -> tuple[str, ...]:
    """What the table shows of it, under `HEADINGS`."""
    if row.reason:
        return (row.network, row.form, "no", "", "", "", "", "", f"{row.seconds:.0f}")
    return (
        row.network, row.form, "yes", f"{row.relative_l2:.1e}", f"{row.lost_by_torch:.1e}",
        f"{row.limit:.1e}", f"{row.counted_macs:,}",
        "yes" if row.macs == row.counted_macs else f"no: {row.macs:,}", f"{row.seconds:.0f}",
    )  # fmt: skip
