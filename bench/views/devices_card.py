"""What can be measured, and why not the rest."""

from bench.devices.measurable import Measurable
from mobilenet.common import terminal

HEADERS = ("device", "what it is", "identifier", "can be measured")


def facts(listed: Measurable) -> dict[str, object]:
    """The same for programs."""
    return {
        "runtimes": [runtime._asdict() for runtime in listed.runtimes],
        "phones": [phone._asdict() for phone in listed.phones],
        "phones_obstacle": listed.phones_obstacle,
    }


def show(listed: Measurable, *, json: bool) -> None:
    """This machine's runtimes, then the phones."""
    if json:
        terminal.print_json(facts(listed))
        return
    here = [
        ("this machine", runtime.name, "", ", ".join(runtime.units) or f"no: {runtime.obstacle}")
        for runtime in listed.runtimes
    ]
    phones = [
        (
            phone.name,
            phone.kind,
            phone.identifier,
            f"no: {phone.obstacle}" if phone.obstacle else "yes",
        )
        for phone in listed.phones
    ]
    terminal.table(HEADERS, [*here, *phones], words=HEADERS)
    if listed.phones_obstacle:
        terminal.line(f"No phones: {listed.phones_obstacle}.")
    elif not listed.phones:
        terminal.line("No phones: Xcode has seen none. Connect one by cable, and tap Trust on it.")
