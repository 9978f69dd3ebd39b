"""Before the first launch: compile, try, and find out what will not run.

Every case gets one launch ahead of the rounds. It yields the load time straight after compiling,
a first idea of the speed (for the plan's estimate), and the outputs that all later launches must
agree with. The reference is the portable runtime's, an implementation of its own; where it
cannot run a package, the first runtime that can.
"""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from bench.results.records import Case, Plan
from bench.runtimes.entries import RUNTIMES, Worker, runtimes_for
from bench.session.cases import Candidate, description_of, settings, units_here
from bench.workers import made_inputs
from bench.workers.gate import Measurement, run_checked
from bench.workers.outputs import Vector
from bench.workers.process import Outcome, run_worker
from bench.workers.protocol import Compiled, InputFile, Job
from mobilenet.common.errors import UserError

REFERENCE_RUNTIME = "portable"
PROBE_CALLS = 3
MEMORY_SHARE = 0.5  # of the machine's, that a launch may take unless the plan says otherwise
PREPARE_TIMEOUT_S = 600  # to compile, or only to import what is needed for it


@dataclass(frozen=True)
class PreparedCase:
    """A case that runs: its record and a job that lacks only the plan."""

    case: Case
    worker: Worker
    job: Job
    reference: Vector | None
    outside_s: float  # of one launch, estimated
    call_s: float

    def launch(self, job: Job) -> Outcome[Measurement]:
        """Carry out `job`, a variant of this case's."""
        return run_checked(self.worker, job, self.reference)


class Preparer:
    """Compiles into `folder` and remembers, so that units share what is compiled."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self._compiled: dict[tuple[Path, str], Compiled | str] = {}
        self._inputs: dict[str, tuple[InputFile, ...]] = {}  # by the package's identity
        self._references: dict[str, Vector | None] = {}
        self.notes: list[str] = []  # for the session: its size, and what it is held against

    def prepare(self, candidate: Candidate) -> PreparedCase | Case:
        """What can be launched, or the record of a case that cannot, with the reason."""
        case, format = candidate.case(), candidate.model.format
        if format not in candidate.entry.formats:
            timed_on = ", ".join(runtimes_for(format))
            reason = f"{format} models are timed on {timed_on} alone"
            reason = reason if timed_on else f"{format} models are not timed: they are no networks"
            return msgspec.structs.replace(case, skipped=reason)
        compiled = self.compiled(candidate)
        if isinstance(compiled, str):
            return msgspec.structs.replace(case, skipped=compiled)
        case = msgspec.structs.replace(case, compile_ns=compiled.compile_ns)
        self._make_reference(candidate)
        begin = time.monotonic()
        outcome = self._probe(candidate, compiled)
        took_s = time.monotonic() - begin
        if outcome.answer is None:
            reason = f"{outcome.status}: {outcome.reason}"
            return msgspec.structs.replace(case, skipped=reason)
        result = outcome.answer.result
        call_s = min(result.warmup_ns, default=result.first_call_ns) / 1e9
        if candidate.pace_hz:
            call_s = max(call_s, 1 / candidate.pace_hz)
        return PreparedCase(
            case=msgspec.structs.replace(case, first_load_ns=result.load_ns),
            worker=candidate.entry.worker,
            job=self._job(candidate, compiled),
            reference=self._references[candidate.model.identity],
            outside_s=max(took_s - PROBE_CALLS * call_s, 0.0),
            call_s=call_s,
        )

    def compiled(self, candidate: Candidate) -> Compiled | str:
        """The compiled form, or why there is none."""
        units = units_here(candidate.runtime, candidate.entry.worker)
        if units.answer is None:
            return units.reason
        if candidate.unit not in units.answer.units:
            return f"there is no unit {candidate.unit}, only {', '.join(units.answer.units)}"
        key = (candidate.package, candidate.runtime)
        if key not in self._compiled:
            self._compiled[key] = self._compile(candidate)
        return self._compiled[key]

    def inputs_and_reference(
        self, candidate: Candidate
    ) -> tuple[tuple[InputFile, ...], Vector | None]:
        """What launches elsewhere are fed, and what they must compute. Raises `UserError`."""
        self._make_inputs(candidate)
        self._make_reference(candidate)
        identity = candidate.model.identity
        return self._inputs[identity], self._references[identity]

    def _compile(self, candidate: Candidate) -> Compiled | str:
        try:
            self._make_inputs(candidate)
        except UserError as error:
            return error.message
        except OSError as error:  # the package is gone, or the disk is full: the others may do
            return f"{error.strerror}: {error.filename or candidate.package}"
        folder = self.folder / candidate.model.identity[:16] / candidate.runtime
        folder.mkdir(parents=True, exist_ok=True)
        job = Job(
            task="compile",
            runtime=candidate.runtime,
            settings=candidate.settings,
            package=str(candidate.package.resolve()),
            folder=str(folder),
            timeout_s=PREPARE_TIMEOUT_S,
            memory_limit_bytes=self._memory_limit_bytes(),
        )
        outcome = run_worker(candidate.entry.worker, job, Compiled)
        return outcome.answer or outcome.reason

    def _make_inputs(self, candidate: Candidate) -> None:
        identity = candidate.model.identity
        if identity not in self._inputs:
            folder = self.folder / identity[:16] / "inputs"
            folder.mkdir(parents=True, exist_ok=True)
            description = description_of(candidate.package)
            self._inputs[identity] = made_inputs.write(description, folder)
            for item in description.inputs:
                if item.allowed is not None:
                    self.notes.append(
                        f"{candidate.model.name} is timed at its default size: {item.name} may be "
                        f"{item.words}"
                    )

    def _make_reference(self, candidate: Candidate) -> None:
        """Run the reference runtime on the package, unless that was done or tried before."""
        if candidate.model.identity in self._references:
            return
        self._references[candidate.model.identity] = None
        entry = RUNTIMES[REFERENCE_RUNTIME]
        other = replace(
            candidate,
            runtime=REFERENCE_RUNTIME,
            entry=entry,
            unit=entry.units[0],
            settings=settings(REFERENCE_RUNTIME, None),
            batch=1,
            pace_hz=0,
        )
        compiled = self.compiled(other)
        reason = compiled if isinstance(compiled, str) else self._probe(other, compiled).reason
        if self._references[candidate.model.identity] is None:
            self.notes.append(
                f"{candidate.model.name}: outputs are held against its own first launch, since "
                f"the {REFERENCE_RUNTIME} runtime cannot run it ({reason})"
            )

    def _probe(self, candidate: Candidate, compiled: Compiled) -> Outcome[Measurement]:
        """A launch of a few calls; what it computes is the reference if there is none."""
        job = msgspec.structs.replace(self._job(candidate, compiled), warmup_calls=PROBE_CALLS)
        identity = candidate.model.identity
        outcome = run_checked(candidate.entry.worker, job, self._references[identity])
        if outcome.answer and self._references[identity] is None:
            self._references[identity] = outcome.answer.values
        return outcome

    def _job(self, candidate: Candidate, compiled: Compiled) -> Job:
        return Job(
            task="measure",
            runtime=candidate.runtime,
            settings=candidate.settings,
            compiled=compiled.compiled,
            unit=candidate.unit,
            inputs=self._inputs[candidate.model.identity],
            outputs=str(self.folder / "outputs.raw"),
            batch=candidate.batch,
            pace_hz=candidate.pace_hz,
            timeout_s=self.plan.timeout_s,
            memory_limit_bytes=self._memory_limit_bytes(),
        )

    def _memory_limit_bytes(self) -> int:
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return self.plan.memory_limit_bytes or int(memory_bytes * MEMORY_SHARE)
