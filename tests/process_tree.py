"""Processes told by a mark in their environment, which outlives the parent; bounded waits."""

import time
from collections.abc import Callable

import psutil

MARK = "MOBILENET_TEST_MARK"
PATIENCE_S = 60.0  # on a loaded machine


def marked(mark: str) -> list[psutil.Process]:
    """The living processes with this mark. Zombies have no environment any more."""
    return [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(MARK) == mark
    ]


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Until it is true; fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
