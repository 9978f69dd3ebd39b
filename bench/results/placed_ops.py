"""Where Core ML says it will run each operation: the record that `bench placement` writes."""

import msgspec

from bench.results.bounds import Number


class PlacedOp(msgspec.Struct, frozen=True, kw_only=True):
    """Where Core ML says it will run one operation. Devices: "CPU", "GPU", "ANE"."""

    function: str
    name: str
    type: str  # with its opset: "ios16.conv"
    preferred: str
    supported: tuple[str, ...]
    cost: Number | None = None  # estimated share of the whole, 0 to 1


class Placement(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="placement"):
    """Core ML's compute plan of one package, asked for one compute unit. Nothing is measured."""

    case: str
    started: str
    ops: tuple[PlacedOp, ...]  # in program order; constants have no place
