"""Claims about operations and parameters: they follow from the networks' rows."""

from collections.abc import Callable, Iterator, Sequence

from bench.results import format
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.rows import Row, cost
from reports.findings import ARITHMETIC, Finding, decide


def times_fewer(times: int, config: BaseConfig) -> Callable[..., Iterator[Finding]]:
    """Full convolutions take that many times the operations, rounded to a whole number."""

    def find(*_: object) -> Iterator[Finding]:
        full = cost(full_convolutions(config.rows())) + config.readout.cost
        separable = config.cost()
        ratio = full.macs / separable.macs
        measured = (
            f"{format.millions(full.macs)} M against {format.millions(separable.macs)} M "
            f"multiply-adds: {ratio:.2f} times"
        )
        holds = round(ratio) == times
        yield Finding(measured, ARITHMETIC, decide(holds=holds, fails=not holds))

    return find


def full_convolutions(rows: Sequence[Row]) -> list[Row]:
    """The twin with one full convolution for each depthwise one and the row that reads it."""
    depthwise = {row.name: row for row in rows if row.kind == "depthwise"}
    twin = []
    for row in rows:
        if (first := depthwise.get(row.reads)) is not None:
            twin.append(first._replace(name=row.name, out_channels=row.out_channels, groups=1))
        elif row.name not in depthwise:
            twin.append(row)
    return twin


def parameters(count: int, config: BaseConfig) -> Callable[..., Iterator[Finding]]:
    """So many, and no other number."""

    def find(*_: object) -> Iterator[Finding]:
        counted = config.cost().parameters
        holds = counted == count
        measured = f"{counted:,}, batch norm folded"
        yield Finding(measured, ARITHMETIC, decide(holds=holds, fails=not holds))

    return find


def share_of_operations(
    most: float, config: BaseConfig, reference: BaseConfig
) -> Callable[..., Iterator[Finding]]:
    """At most that share of the reference's."""

    def find(*_: object) -> Iterator[Finding]:
        ours, theirs = config.cost().macs, reference.cost().macs
        measured = (
            f"{format.millions(ours)} M against {format.millions(theirs)} M multiply-adds: "
            f"{ours / theirs:.2f} of them"
        )
        yield Finding(
            measured, ARITHMETIC, decide(holds=ours <= theirs * most, fails=ours > theirs * most)
        )

    return find
