"""What the app measures by itself: `plan.json`, and beside it inputs and reference outputs.

All that is decided is decided here: cases, the order of each round, what outputs must be. The app
(`workers/swift/Sources/Measure/Session.swift`) carries it out in one process, and writes the lines
of a results file.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.app.app_folder import INPUTS, MODELS, PLAN, REFERENCES, name_in_app
from bench.results.records import SCHEMA, Case, Plan
from bench.runtimes.entries import COREML_NATIVE, RUNTIMES
from bench.session.cases import Candidate, candidates, check_names, check_paces
from bench.session.launching import GIVE_UP_AFTER
from bench.session.prepare import PROBE_CALLS, Preparer
from bench.session.runner import CONTROL_MARK
from bench.session.schedule import slots
from bench.workers import outputs
from bench.workers.protocol import InputFile, Job
from export.package import model_files
from mobilenet import __version__
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.progress import SILENT, Progress, tracked
from mobilenet.common.temporary import owned_folder


class PlannedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case before anyone knows whether it runs; paths are of the app's folder."""

    record: Case
    job: Job  # "measure", but for what compiling gives
    reference: str  # file of the outputs that it must have; empty: of its own first launch


class PlanFile(msgspec.Struct, frozen=True, kw_only=True):
    """`plan.json`. Numbers in rounds are places in `cases`; the next one is the A/A control."""

    head: dict[str, object]  # `SessionHead`, without what only the device can tell
    cases: tuple[PlannedCase, ...]
    rounds: tuple[tuple[int, ...], ...]
    control_mark: str = CONTROL_MARK  # what is added to the name of the first case that runs
    probe_calls: int = PROBE_CALLS
    give_up_after: int = GIVE_UP_AFTER


def write(
    folder: Path,
    packages: Sequence[Path],
    plan: Plan,
    *,
    units: Sequence[str] = (),
    paces_hz: Sequence[int] = (0,),
    runtime: str = COREML_NATIVE,
    progress: Progress = SILENT,
) -> None:
    """Write the plan for `packages` on all `units`, or on those there are, into the app's folder.

    The portable runtime computes the references here. Raises `UserError` for what cannot be fed.
    """
    check_paces(paces_hz)
    entry = RUNTIMES[runtime]
    check_names("unit", units, entry.units)
    chosen = candidates(packages, [runtime], units=entry.units[-1:], progress=progress)
    with owned_folder() as scratch:
        preparer = Preparer(plan, scratch)
        cases = tuple(
            PlannedCase(record=_record(variant), job=_job(variant, plan, inputs), reference=file)
            for candidate in tracked(chosen, lambda _: 1.0, "Computing references", progress)
            for inputs, file in [_files(candidate, preparer, folder)]
            for unit in dict.fromkeys(units or entry.units)
            for hertz in dict.fromkeys(paces_hz)
            for variant in [replace(candidate, unit=unit, pace_hz=hertz)]
        )
    head: dict[str, object] = {
        "kind": "session", "schema": SCHEMA, "tool": __version__, "plan": plan,
        "isolation": "shared", "notes": preparer.notes,
    }  # fmt: skip
    text = msgspec.json.encode(PlanFile(head=head, cases=cases, rounds=_rounds(plan, cases)))
    (folder / PLAN).write_bytes(text)


def _files(
    candidate: Candidate, preparer: Preparer, folder: Path
) -> tuple[tuple[InputFile, ...], str]:
    """Put inputs and reference of a package into the app's folder."""
    if candidate.model.format not in candidate.entry.formats:
        raise UnsupportedError(
            f"{candidate.package} is a {candidate.model.format} model, which the app cannot time",
            "leave it out",
        )
    made, reference = preparer.inputs_and_reference(candidate)
    name = candidate.model.identity[:16]
    inputs = []
    (folder / INPUTS / name).mkdir(parents=True)
    for file in made:
        path = f"{INPUTS}/{name}/{Path(file.path).name}"
        (folder / path).write_bytes(Path(file.path).read_bytes())
        inputs.append(msgspec.structs.replace(file, path=path))
    if reference is None:
        return tuple(inputs), ""
    (folder / REFERENCES).mkdir(exist_ok=True)
    outputs.write(folder / REFERENCES / f"{name}.raw", reference)
    return tuple(inputs), f"{REFERENCES}/{name}.raw"


def _record(candidate: Candidate) -> Case:
    return msgspec.structs.replace(candidate.case(), package=_package(candidate))


def _job(candidate: Candidate, plan: Plan, inputs: tuple[InputFile, ...]) -> Job:
    return Job(
        task="measure",
        runtime=candidate.runtime,
        package=_package(candidate),
        unit=candidate.unit,
        inputs=inputs,
        warmup_s=plan.warmup_s,
        warmup_calls=plan.warmup_calls,
        samples=plan.samples,
        pace_hz=candidate.pace_hz,
        timeout_s=plan.timeout_s,
        memory_limit_bytes=0,  # the device's
    )


def _package(candidate: Candidate) -> str:
    return f"{MODELS}/{name_in_app(model_files.find(candidate.package.resolve()))}"


def _rounds(plan: Plan, cases: Sequence[PlannedCase]) -> tuple[tuple[int, ...], ...]:
    names = [case.record.case for case in cases]
    names.append(names[0] + CONTROL_MARK)
    rounds: list[list[int]] = [[] for _ in range(plan.rounds)]
    for slot in slots(plan, names):
        rounds[slot.round].append(names.index(slot.case))
    return tuple(map(tuple, rounds))
