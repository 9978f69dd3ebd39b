"""A session: prepare, announce the plan, and launch round after round."""

import datetime
import os
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import msgspec

from bench.machine import quiet, thermal
from bench.machine.environment import check_same_machine, environment
from bench.results import jsonl, sensitivity, session_lines
from bench.results.bounds import MAX_SECONDS
from bench.results.environment_record import Environment
from bench.results.records import Case, Launch, Pilot, Plan, Record, SessionHead
from bench.session import planning, schedule
from bench.session.cases import Candidate, candidate_of
from bench.session.planning import PILOT_ROUNDS, DifferenceToFind
from bench.session.prepare import PreparedCase, Preparer
from bench.session.schedule import Slot
from bench.workers.gate import Measurement
from bench.workers.process import Outcome
from mobilenet import __version__
from mobilenet.common.errors import RecordError, UnsupportedError
from mobilenet.common.progress import SILENT, Progress, tracked
from mobilenet.common.temporary import owned_folder
from mobilenet.common.text import duration

CONTROL_MARK = " (A/A control)"
GIVE_UP_AFTER = 3  # failures of one case in a row: a hang costs its whole time limit each time

SLACK = 4  # times the estimate before a launch of a slow model counts as hung


def start(
    candidates: Sequence[Candidate],
    plan: Plan,
    path: Path,
    progress: Progress = SILENT,
    *,
    wait_s: float = 0,
    to_find: DifferenceToFind | None = None,
) -> None:
    """Measure `candidates` into a new results file at `path`.

    Waits at most `wait_s` for the machine to become quiet; what prevents it is a note. With
    `to_find` a pilot plans the rounds. Raises `UnsupportedError` when none of them runs here
    (the file then holds the reasons), or when the rounds cannot find what is asked for.
    """
    jsonl.check_new(path)
    waited = quiet.wait(wait_s, progress)
    machine = environment()  # before preparing, which is a load, too
    with owned_folder() as folder:
        preparer = Preparer(plan, folder)
        ready, cases = prepare(candidates, preparer, progress)
        pilot: list[Launch] = []
        if to_find and ready:
            plan, pilot = _pilot(plan, ready, to_find, progress)
        pilots = [Pilot(launch=launch) for launch in pilot]
        first = head(plan, machine, [*waited, *preparer.notes])
        with jsonl.create(path, [first, *cases, *pilots]) as file:
            if not ready:
                raise UnsupportedError(
                    f"none of these packages runs on this machine: {cases[0].skipped}",
                    f"all reasons are in {path}",
                )
            _go(Runner(plan, ready, file, progress=progress), path)


def head(plan: Plan, machine: Environment, notes: Sequence[str] = ()) -> SessionHead:
    """The first line of a results file; `machine` as it was when the work began."""
    return SessionHead(
        session=secrets.token_hex(8),
        tool=__version__,
        started=utc(),
        plan=plan,
        environment=machine,
        notes=tuple(notes),
    )


def resume(path: Path, progress: Progress = SILENT) -> None:
    """Go on with the session in `path`: same plan, same order, only what is not done.

    Raises `UserError` when the machine, its software or a package is not what it was.
    """
    with (
        jsonl.resume(path) as (file, records),
        owned_folder() as folder,
    ):
        session = _session(path, records)
        check_same_machine(session.environment, environment())
        cases = [record for record in records if isinstance(record, Case)]
        runnable = [case for case in cases if not case.skipped and not case.control_of]
        again = [candidate_of(case) for case in runnable]
        ready, _ = prepare(again, Preparer(session.plan, folder), progress)
        if gone := [case.case for case in runnable if case.case not in ready]:
            raise UnsupportedError(
                f"{gone[0]} ran when the session began and does not now", "begin a new session"
            )
        done = {(record.case, record.round) for record in records if isinstance(record, Launch)}
        _go(Runner(session.plan, ready, file, done, progress=progress), path)


def prepare(
    candidates: Sequence[Candidate], preparer: Preparer, progress: Progress = SILENT
) -> tuple[dict[str, PreparedCase], list[Case]]:
    """What can be launched by name, and the records of all cases; the A/A control among them."""
    ready: dict[str, PreparedCase] = {}
    cases = []
    for candidate in tracked(candidates, lambda _: 1.0, "Preparing", progress):
        made = preparer.prepare(candidate)
        cases.append(made.case if isinstance(made, PreparedCase) else made)
        if isinstance(made, PreparedCase):
            ready[made.case.case] = made
    if ready:
        first = next(iter(ready.values()))
        name = first.case.case
        twin = msgspec.structs.replace(first.case, case=name + CONTROL_MARK, control_of=name)
        cases.append(twin)
        ready[twin.case] = replace(first, case=twin)
    return ready, cases


class Journal(Protocol):
    """Where launches go."""

    def append(self, launch: Launch, /) -> None:
        """One more."""


@dataclass
class Runner:
    """Launches slot after slot and writes each down; knows which were done before."""

    plan: Plan
    prepared: dict[str, PreparedCase]
    journal: Journal
    done: set[tuple[str, int]] = field(default_factory=set)
    progress: Progress = SILENT
    title: str = "Measuring"
    _failures: Counter[str] = field(default_factory=Counter)

    def left(self) -> list[Slot]:
        """What is still to be launched."""
        every = schedule.slots(self.plan, list(self.prepared))
        return [slot for slot in every if (slot.case, slot.round) not in self.done]

    def run(self) -> None:
        """Launch everything that is left."""
        for slot in tracked(
            self.left(), lambda slot: self.seconds(slot.case), self.title, self.progress
        ):
            self.journal.append(self.launch(slot))

    def launch(self, slot: Slot) -> Launch:
        """One launch, whatever becomes of it."""
        started, load, before = utc(), os.getloadavg()[0], thermal.state()
        outcome = self._attempt(slot.case)
        self._failures[slot.case] = 0 if outcome.answer else self._failures[slot.case] + 1
        return Launch(
            case=slot.case,
            round=slot.round,
            position=slot.position,
            started=started,
            status=outcome.status,
            reason=outcome.reason,
            pace_hz=self.prepared[slot.case].job.pace_hz,
            load_average=round(load, 2),
            **{
                "thermal_before": before,
                "thermal_after": thermal.state(),
                **(_measured(outcome.answer) if outcome.answer else {}),
            },
        )

    def seconds(self, case: str) -> float:
        """About how long a launch will take."""
        ready = self.prepared[case]
        return schedule.launch_seconds(self.plan, ready.outside_s, ready.call_s)

    def _attempt(self, case: str) -> Outcome[Measurement]:
        if self._failures[case] >= GIVE_UP_AFTER:
            return Outcome("failed", f"not tried: {GIVE_UP_AFTER} launches in a row had failed")
        job = msgspec.structs.replace(
            self.prepared[case].job,
            warmup_s=self.plan.warmup_s,
            warmup_calls=self.plan.warmup_calls,
            samples=self.plan.samples,
            timeout_s=min(max(self.plan.timeout_s, SLACK * self.seconds(case)), MAX_SECONDS),
        )
        return self.prepared[case].launch(job)


def _pilot(
    plan: Plan, ready: dict[str, PreparedCase], to_find: DifferenceToFind, progress: Progress
) -> tuple[Plan, list[Launch]]:
    """The plan, its rounds fixed by the launches of a pilot."""
    launches: list[Launch] = []
    short = msgspec.structs.replace(plan, rounds=PILOT_ROUNDS)
    runner = Runner(short, ready, launches, progress=progress, title="Pilot")
    round_s = sum(map(runner.seconds, ready))
    progress.say(
        f"A pilot of {PILOT_ROUNDS} rounds first, about {duration(PILOT_ROUNDS * round_s)}."
    )
    runner.run()
    plan = planning.planned(plan, to_find, next(iter(ready)), launches, round_s)
    progress.say(f"{plan.rounds} rounds {session_lines.rounds(plan)}.")
    return plan, launches


def _measured(measurement: Measurement) -> dict[str, Any]:
    """What a `Launch` holds of it, under the same names."""
    fields = msgspec.structs.asdict(measurement.result)
    del fields["top1"]  # it is in the output
    told = {name: value for name, value in fields.items() if value is not None}
    return {**told, "output": measurement.output}


def _go(runner: Runner, path: Path) -> None:
    left = runner.left()
    seconds = sum(runner.seconds(slot.case) for slot in left)
    runner.progress.say(
        f"{len(runner.prepared)} cases, {runner.plan.rounds} rounds in an order shuffled by seed "
        f"{runner.plan.seed}, {runner.plan.samples} samples a launch: {len(left)} launches, "
        f"about {duration(seconds)}. Results go to {path}."
    )
    runner.progress.say(sensitivity.of_plan(runner.plan.rounds, len(runner.prepared) - 1) + ".")
    try:
        runner.run()
    except KeyboardInterrupt:
        runner.progress.say(f"What was measured is kept; `python -m bench resume {path}` goes on.")
        raise


def _session(path: Path, records: Sequence[Record]) -> SessionHead:
    for record in records:
        if isinstance(record, SessionHead):
            return record
    raise RecordError(f"{path} holds no session", "begin a new one")


def utc() -> str:
    """Now, as ISO 8601 with milliseconds."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
