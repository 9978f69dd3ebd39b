"""A session: prepare, announce the plan, and launch round after round."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.machine import quiet
from bench.machine.environment import check_same_machine
from bench.results import jsonl, sensitivity, session_lines
from bench.results.environment_record import Environment
from bench.results.records import Case, Launch, Pilot, Plan, Record, SessionHead
from bench.session import planning
from bench.session.cases import Candidate, candidate_of
from bench.session.launching import Runner, utc
from bench.session.planning import PILOT_ROUNDS, DifferenceToFind
from bench.session.prepare import PreparedCase, Preparer
from bench.workers.place import HERE, Place
from mobilenet import __version__
from mobilenet.common.errors import PlaceLostError, RecordError, UnsupportedError
from mobilenet.common.progress import SILENT, Progress, tracked
from mobilenet.common.temporary import owned_folder
from mobilenet.common.text import duration

CONTROL_MARK = " (A/A control)"


def start(
    candidates: Sequence[Candidate],
    plan: Plan,
    path: Path,
    progress: Progress = SILENT,
    *,
    wait_s: float = 0,
    to_find: DifferenceToFind | None = None,
    place: Place = HERE,
) -> None:
    """Measure `candidates`, which are of `place`, into a new results file at `path`.

    Waits at most `wait_s` for this machine to become quiet; what prevents it is a note. With
    `to_find` a pilot plans the rounds. Raises `UnsupportedError` when none of them runs there
    (the file then holds the reasons), or when the rounds cannot find what is asked for, and
    `PlaceLostError` when a device is lost.
    """
    jsonl.check_new(path)
    waited = quiet.wait(wait_s, progress)
    machine = place.environment()  # before preparing, which is a load, too
    with owned_folder() as folder:
        preparer = Preparer(plan, folder)
        ready, cases = prepare(candidates, preparer, progress)
        pilot: list[Launch] = []
        if to_find and ready:
            plan, pilot = _pilot(plan, ready, to_find, progress, place)
        pilots = [Pilot(launch=launch) for launch in pilot]
        first = head(plan, machine, [*waited, *preparer.notes])
        with jsonl.create(path, [first, *cases, *pilots]) as file:
            if not ready:
                raise UnsupportedError(
                    f"none of these packages runs: {cases[0].skipped}",
                    f"all reasons are in {path}",
                )
            _go(Runner(plan, ready, file, progress=progress, place=place), path)


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


def resume(
    path: Path,
    progress: Progress = SILENT,
    place_of: Callable[[Environment], Place] = lambda _: HERE,
) -> None:
    """Go on with the session in `path`: same plan and order, only what is not done.

    `place_of` finds the place that it began at. Raises `UserError` when that, its software or a
    package is not what it was.
    """
    with (
        jsonl.resume(path) as (file, records),
        owned_folder() as folder,
    ):
        session = _session(path, records)
        place = place_of(session.environment)
        cases = [record for record in records if isinstance(record, Case)]
        runnable = [case for case in cases if not case.skipped and not case.control_of]
        again = [candidate_of(case, place) for case in runnable]  # before a phone gets its app
        check_same_machine(session.environment, place.environment())
        ready, _ = prepare(again, Preparer(session.plan, folder), progress)
        if gone := [case.case for case in runnable if case.case not in ready]:
            raise UnsupportedError(
                f"{gone[0]} ran when the session began and does not now", "begin a new session"
            )
        done = {(record.case, record.round) for record in records if isinstance(record, Launch)}
        _go(Runner(session.plan, ready, file, done, progress=progress, place=place), path)


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


def _pilot(
    plan: Plan,
    ready: dict[str, PreparedCase],
    to_find: DifferenceToFind,
    progress: Progress,
    place: Place,
) -> tuple[Plan, list[Launch]]:
    """The plan, its rounds fixed by the launches of a pilot."""
    launches: list[Launch] = []
    short = msgspec.structs.replace(plan, rounds=PILOT_ROUNDS)
    runner = Runner(short, ready, launches, progress=progress, title="Pilot", place=place)
    round_s = sum(map(runner.seconds, ready))
    progress.say(
        f"A pilot of {PILOT_ROUNDS} rounds first, about {duration(PILOT_ROUNDS * round_s)}."
    )
    runner.run()
    plan = planning.planned(plan, to_find, next(iter(ready)), launches, round_s)
    progress.say(f"{plan.rounds} rounds {session_lines.rounds(plan)}.")
    return plan, launches


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
    except PlaceLostError as error:
        goes_on = f"then `python -m bench resume {path}` goes on"
        raise PlaceLostError(error.message, f"{error.hint}; {goes_on}") from error


def _session(path: Path, records: Sequence[Record]) -> SessionHead:
    for record in records:
        if isinstance(record, SessionHead):
            if record.isolation == "shared":
                raise UnsupportedError(
                    f"{path} is of an app that measured by itself, in one process",
                    "its Measure screen goes on, or begin a new session here",
                )
            return record
    raise RecordError(f"{path} holds no session", "begin a new one")
