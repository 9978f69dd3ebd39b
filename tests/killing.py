"""Commands that are killed at random moments, and what became of their work: counted.

A scenario is one piece of work that several runs may be needed for. Each run but the last of a
piece is killed with SIGKILL; then what the kill has broken and which processes outlive it is
counted, and after the last run what is lost, doubled or left over.
"""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple, Protocol

import psutil

MARK = "MOBILENET_KILLED_BY"  # in the environment of what was started, and of its descendants
PATIENCE_S = 5.0  # for descendants to end
MOST_IN_A_ROW = 6


class Command(NamedTuple):
    """A row of the table, and what is run for it."""

    title: str
    arguments: list[str]  # of Python


class Scenario(Protocol):
    """A piece of work in a folder of its own."""

    folder: Path

    def command(self) -> Command:
        """What is to be run next, as things are."""

    def broken(self) -> int:
        """How much, that was whole before, is not; asked after each kill."""

    def result(self) -> "Result":
        """What is lost and doubled; asked when the work is done."""

    def renew(self) -> None:
        """Begin the next piece."""


class Result(NamedTuple):
    """Of work that is done."""

    lost: int
    doubled: int = 0


@dataclass
class Row:
    """What was counted of one command."""

    kills: int = 0
    lost: int = 0
    doubled: int = 0
    orphans: int = 0
    leftovers: int = 0
    failures: int = 0  # of the runs that nobody killed


@dataclass
class Attack:
    """Kills a scenario's commands, and remembers how long they took when they were let be."""

    scenario: Scenario
    chance: random.Random
    rows: dict[str, Row]
    patience_s: float = PATIENCE_S
    seconds: dict[str, float] = field(default_factory=dict)
    expected: set[Path] = field(default_factory=set)

    def run(self, kills: int) -> None:
        """At least one piece of work undisturbed, then `kills` kills."""
        self.finish()
        self.expected = self.names()
        left = kills
        while left:
            self.scenario.renew()
            for _ in range(min(left, self.chance.randint(1, MOST_IN_A_ROW))):
                left -= self.kill()
            self.finish()

    def kill(self) -> bool:
        """One run that is killed at a random moment; False when it ended before."""
        command = self.scenario.command()
        row = self.rows.setdefault(command.title, Row())
        process = self.start(command)
        moment = self.chance.uniform(0, self.seconds.get(command.title) or self.typical())
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        was_killed = process.poll() is None
        process.kill()
        process.wait()
        row.kills += was_killed
        row.orphans += self.orphans()
        row.lost += self.scenario.broken()
        return was_killed

    def finish(self) -> None:
        """One run to the end, and what is to be said of the work."""
        command = self.scenario.command()
        row = self.rows.setdefault(command.title, Row())
        begin = time.monotonic()
        row.failures += self.start(command).wait() != 0
        self.seconds[command.title] = time.monotonic() - begin
        result = self.scenario.result()
        row.lost += result.lost
        row.doubled += result.doubled
        if self.expected:
            row.leftovers += len(self.names() - self.expected)
            row.lost += len(self.expected - self.names())

    def typical(self) -> float:
        """Seconds of a command that has not yet been let be."""
        return max(self.seconds.values())

    def start(self, command: Command) -> "subprocess.Popen[bytes]":
        """Start it with its own temporary folder and cache, inside the scenario's folder."""
        places = {"TMPDIR": "tmp", "MOBILENET_CACHE": "cache"}
        paths = {name: self.scenario.folder / place for name, place in places.items()}
        paths["TMPDIR"].mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, *command.arguments], cwd=self.scenario.folder, env={
                **os.environ, **{name: str(path) for name, path in paths.items()},
                "PYTHONPATH": os.pathsep.join(sys.path), MARK: str(self.scenario.folder),
            }, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def names(self) -> set[Path]:
        """Everything in the scenario's folder."""
        return set(self.scenario.folder.rglob("*"))

    def orphans(self) -> int:
        """How many descendants outlive the patience; they are ended."""
        deadline = time.monotonic() + self.patience_s
        while (living := list(self.descendants())) and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in living:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return len(living)

    def descendants(self) -> Iterator[psutil.Process]:
        """Processes that carry the mark."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == str(self.scenario.folder):
                    yield process


def report(rows: dict[str, Row]) -> bool:
    """Print the table; whether all that must be 0 is."""
    titles = [field.name for field in fields(Row)]
    print(f"{'command':<16}", *(f"{title:>9}" for title in titles))
    for title, row in rows.items():
        print(f"{title:<16}", *(f"{getattr(row, name):>9}" for name in titles))
    sums = {name: sum(getattr(row, name) for row in rows.values()) for name in titles}
    print(f"{'all':<16}", *(f"{number:>9}" for number in sums.values()))
    return not any(number for name, number in sums.items() if name != "kills")


def emptied(*paths: Path) -> None:
    """Remove files and folders, if they are there."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
