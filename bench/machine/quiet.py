"""`--wait`: until nothing of what `bench env` names would pass by itself, or the time is over.

A machine that stays busy is measured nevertheless, and its session says so: a run that stops there
would fail for want of quiet, whatever the model does; what its numbers are worth is for the
reader's warnings to tell.
"""

import time
from collections.abc import Callable
from typing import Annotated

from cyclopts import Parameter

from bench.machine import interference
from bench.results.conditions import Interference
from mobilenet.common.errors import ConfigError
from mobilenet.common.progress import Progress
from mobilenet.common.text import duration

DEFAULT_S, MAX_S = 300.0, 86_400.0
POLL_S = 5.0

Wait = Annotated[
    tuple[float, ...] | None,
    Parameter(consume_multiple=(0, 1), negative=(), metavar="[SECONDS]"),
]


def longest_s(wait: tuple[float, ...] | None) -> float:
    """Seconds of an option that may have a value; 0 without it. Raises `ConfigError`."""
    seconds = 0.0 if wait is None else (*wait, DEFAULT_S)[0]
    if not 0 <= seconds <= MAX_S:
        raise ConfigError(f"wait is {seconds:g}", f"0 to {MAX_S:.0f} seconds")
    return seconds


def wait(
    seconds: float,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[str, ...]:
    """Wait for at most `seconds`; what a session must say of it: nothing where it is quiet."""
    if not seconds:
        return ()
    begin = clock()
    with progress.bar("Waiting for a quiet machine") as bar:
        while busy := passing():
            waited = min(clock() - begin, seconds)
            bar.update(waited, seconds, busy[0].cause)
            if waited == seconds:
                break
            sleep(min(POLL_S, seconds - waited))
    if not busy:
        return ()
    note = f"the machine did not become quiet within {duration(seconds)}: {busy[0].cause}"
    progress.warn(f"{note}; measured nevertheless")
    return (note,)


def passing() -> list[Interference]:
    """What disturbs now, and is over in time."""
    from bench.machine.environment import environment

    return [item for item in interference.of_now(environment()) if item.passes]
