"""What is another model under the same name: two sessions may measure different packages."""

from collections.abc import Iterator

import msgspec

from bench.results.records import Model

TOLD = (
    "format", "network", "alpha", "resolution", "shallow", "macs", "parameters", "precision",
    "compression", "weights", "trained", "target", "size_bytes",
)  # fmt: skip
UNITS = {"macs": "MACs", "size_bytes": "bytes"}
IDENTITY_SHOWN = 12


def model_changes(a: Model, b: Model) -> str:
    """How model `b` differs from `a`, as far as their records tell; empty for the same bytes."""
    if a.identity == b.identity:
        return ""
    differences = "; ".join(_differences(a, b))
    if differences:
        return f"another model under the same name: {differences}"
    return (
        "another model under the same name: other contents (SHA-256 "
        f"{a.identity[:IDENTITY_SHOWN]} and {b.identity[:IDENTITY_SHOWN]})"
    )


def _differences(a: Model, b: Model) -> Iterator[str]:
    first, second = msgspec.structs.asdict(a), msgspec.structs.asdict(b)
    for name in TOLD:
        if first[name] != second[name]:
            yield f"{UNITS.get(name, name)} {_value(first[name])} and {_value(second[name])}"


def _value(value: object) -> str:
    if value in ("", None):
        return "unknown"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
