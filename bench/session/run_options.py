"""What a session is to measure, and how thoroughly."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter, Token

from bench.machine.quiet import Wait
from bench.results.bounds import MAX_ROUNDS, MAX_SEED
from bench.results.records import Plan
from bench.session.schedule import PLANS
from mobilenet.common.errors import ConfigError
from mobilenet.common.options import SEVERAL, OutputFile
from mobilenet.common.progress import SILENT, Progress

if TYPE_CHECKING:
    from bench.session.cases import Candidate
    from bench.session.planning import DifferenceToFind
    from bench.workers.place import Place

MIN_DETECT, MAX_DETECT = 2, 100  # percent; a comparison's margin is 1
DETECT_ROUNDS = 120  # unless --rounds allows others


def _percent(_type: object, tokens: Sequence[Token]) -> float:
    """A number with or without the sign."""
    text = tokens[0].value
    try:
        return float(text.rstrip("% "))
    except ValueError as error:
        raise ConfigError(f"detect is {text}", "a percentage, such as 5%") from error


@Parameter(name="*")
@dataclass(frozen=True)
class PlanOptions:
    """How thoroughly, in what order, and where to."""

    quick: bool = False
    """Six rounds, the least that yields an interval, with shorter warm-up and fewer samples."""
    thorough: bool = False
    """Thirty rounds of longer launches, where the default is fifteen."""
    rounds: int | None = None
    """Rounds, instead of the preset's. Fewer than six give no interval."""
    detect: Annotated[float | None, Parameter(converter=_percent, metavar="PERCENT")] = None
    """As many rounds as find, say, 5%, by a pilot of eight; at most --rounds, or 120."""
    seed: int = 0
    """Seed of the order within rounds; recorded."""
    wait: Wait = None
    """Wait for a quiet machine, at most so long (300); then measure, with a warning."""
    output: OutputFile | None = None
    """New .jsonl file. Default: results/ and the time."""

    def plan(self) -> Plan:
        """Raises `ConfigError` for options that contradict each other."""
        if self.quick and self.thorough:
            raise ConfigError("quick and thorough together", "choose one")
        plan = PLANS["quick" if self.quick else "thorough" if self.thorough else "default"]
        if self.rounds is not None and not 1 <= self.rounds <= MAX_ROUNDS:
            raise ConfigError(f"rounds is {self.rounds}", f"1 to {MAX_ROUNDS}")
        if abs(self.seed) > MAX_SEED:
            raise ConfigError(f"seed is {self.seed}", f"at most {MAX_SEED}")
        return msgspec.structs.replace(plan, rounds=self.rounds or plan.rounds, seed=self.seed)

    def to_find(self) -> "DifferenceToFind | None":
        """What the session is to find. Raises `ConfigError` for what none can."""
        from bench.session.planning import DifferenceToFind

        if self.detect is None:
            return None
        if not MIN_DETECT <= self.detect <= MAX_DETECT:
            raise ConfigError(
                f"detect is {self.detect:g}%", f"{MIN_DETECT} to {MAX_DETECT} percent"
            )
        return DifferenceToFind(1 + self.detect / 100, self.rounds or DETECT_ROUNDS)

    def path(self) -> Path:
        """Where to. Raises as `jsonl.check_new`."""
        from bench.results import jsonl

        path = self.output or jsonl.default_path()
        jsonl.check_new(path)
        return path


@Parameter(name="*")
@dataclass(frozen=True)
class RuntimeOptions:
    """On what."""

    runtime: Annotated[tuple[str, ...] | None, SEVERAL] = None
    """coreml, coreai, portable, coreml-native (in Swift), torch, torch-mps; several.
    Default: the first three."""
    unit: Annotated[tuple[str, ...] | None, SEVERAL] = None
    """Compute units, such as CPU_AND_NE. Default: all that the runtimes have."""
    threads: int | None = None
    """Threads of portable and torch. Default: the number of physical cores."""
    batch: Annotated[tuple[int, ...] | None, SEVERAL] = None
    """Images per call; several are allowed. Default: 1; more only where a runtime has batches."""
    pace: Annotated[tuple[int, ...] | None, SEVERAL] = None
    """Calls a second, as a camera gives frames: 30; with 0 30 calls in a row beside them.
    Default: 0, one call after the other."""

    def candidates(
        self,
        packages: Sequence[Path],
        progress: Progress = SILENT,
        place: "Place | None" = None,
    ) -> list["Candidate"]:
        """Every package on every runtime and unit asked for; of this machine by default."""
        from bench.session.cases import candidates
        from bench.workers.place import HERE

        place = place or HERE
        return candidates(
            packages,
            self.runtime or place.default_runtimes,
            units=self.unit or (),
            threads=self.threads,
            batches=self.batch or (1,),
            paces=self.pace or (0,),
            progress=progress,
            place=place,
        )
