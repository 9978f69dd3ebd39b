"""What can be measured, here and on phones, and why not the rest."""

from typing import NamedTuple

from bench.devices import device_list
from bench.runtimes.entries import RUNTIMES
from bench.session.cases import units_here
from mobilenet.common.errors import UserError


class MeasurableRuntime(NamedTuple):
    """A runtime of this machine: its units, or why it has none."""

    name: str
    units: tuple[str, ...]
    obstacle: str


class MeasurablePhone(NamedTuple):
    """A phone that was seen once; `obstacle` is why it cannot be measured on now."""

    name: str
    identifier: str
    kind: str
    obstacle: str


class Measurable(NamedTuple):
    """All there is; `phones_obstacle` is why no phone can be reached at all."""

    runtimes: tuple[MeasurableRuntime, ...]
    phones: tuple[MeasurablePhone, ...]
    phones_obstacle: str


def measurable() -> Measurable:
    """Asks every runtime's worker, and devicectl."""
    phones: list[MeasurablePhone] = []
    obstacle = ""
    try:
        for device in device_list.devices():
            facts = (device.name, device.identifier, device.kind, device.obstacle())
            phones.append(MeasurablePhone(*facts))
    except UserError as error:
        obstacle = f"{error.message}: {error.hint}"
    return Measurable(tuple(map(_runtime, RUNTIMES)), tuple(phones), obstacle)


def _runtime(name: str) -> MeasurableRuntime:
    outcome = units_here(name, RUNTIMES[name].worker)
    units = outcome.answer.units if outcome.answer else ()
    return MeasurableRuntime(name, units, outcome.reason)
