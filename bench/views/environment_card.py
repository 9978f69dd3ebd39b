"""A machine, and what would disturb a measurement on it."""

from collections.abc import Sequence

from bench.results import format
from bench.results.conditions import Interference
from bench.results.environment_record import Environment
from mobilenet.common import terminal

CORE_AI = {
    "system": "Core AI is macOS's own: runtime coreai can be timed",
    "interpreter": "Core AI is an interpreter here: runtime coreai for accuracy, never for speed",
    "": "Core AI's library is not installed: no runtime coreai",
}


def facts(machine: Environment, interference: Sequence[Interference]) -> dict[str, object]:
    """The same for programs."""
    return {"environment": machine, "interference": [item._asdict() for item in interference]}


def show(machine: Environment, interference: Sequence[Interference], *, json: bool) -> None:
    """What it is, then a line for each thing that interferes, with what helps."""
    if json:
        terminal.print_json(facts(machine, interference))
        return
    name = machine.name or machine.model or machine.machine
    memory = format.gibibytes(machine.memory_bytes)
    terminal.line(f"{name}, {machine.processor}, {machine.physical_cores} cores, {memory}")
    terminal.line(", ".join(filter(None, (machine.system, machine.software))))
    terminal.line(CORE_AI[machine.core_ai])
    for item in interference:
        terminal.line(("- ", "yellow"), str(item))
    if not interference:
        terminal.line("Nothing seen that would disturb a measurement.")
