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
from bench.runtimes.entries import RUNTIMES, create
from bench.session.cases import Candidate, settings
from bench.workers.process import Outcome, now_ns, run_worker
from bench.workers.protocol import Job
from mobilenet.common.errors import UserError

REFERENCE_RUNTIME = "portable"
PROBE_CALLS = 3
MEMORY_SHARE = 0.5  # of the machine's, that a launch may take unless the plan says otherwise


@dataclass(frozen=True)
class Prepared:
    """A case that runs: its record and a job that lacks only plan and time."""

    case: Case
    job: Job
    outside_s: float  # of one launch, estimated
    call_s: float


class Preparer:
    """Compiles into `folder` and remembers, so that units share what is compiled."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self._compiled: dict[tuple[Path, str], tuple[Path, int] | str] = {}
        self._tried: set[str] = set()
        self.notes: list[str] = []  # for the session: where a package's reference comes from

    def prepare(self, candidate: Candidate) -> Prepared | Case:
        """What can be launched, or the record of a case that cannot, with the reason."""
        case = candidate.case()
        compiled = self.compiled(candidate)
        if isinstance(compiled, str):
            return msgspec.structs.replace(case, skipped=compiled)
        path, compile_ns = compiled
        case = msgspec.structs.replace(case, compile_ns=compile_ns)
        self._make_reference(candidate)
        begin = time.monotonic()
        outcome = self._probe(candidate, path)
        took_s = time.monotonic() - begin
        answer = outcome.answer
        if answer is None:
            reason = f"{outcome.status}: {outcome.reason}"
            return msgspec.structs.replace(case, skipped=reason)
        case = msgspec.structs.replace(case, first_load_ns=answer.load_ns)
        call_s = min(answer.warmup_ns) / 1e9
        outside_s = max(took_s - PROBE_CALLS * call_s, 0.0)
        return Prepared(case, self._job(candidate, path), outside_s, call_s)

    def compiled(self, candidate: Candidate) -> tuple[Path, int] | str:
        """The compiled form and how long it took in ns, or why there is none."""
        key = (candidate.package, candidate.runtime)
        if key not in self._compiled:
            self._compiled[key] = self._compile(candidate)
        found = self._compiled[key]
        if isinstance(found, str):
            return found
        if candidate.unit not in create(candidate.entry, candidate.settings).units():
            return f"this machine has no {candidate.unit}"
        return found

    def _compile(self, candidate: Candidate) -> tuple[Path, int] | str:
        runtime = create(candidate.entry, candidate.settings)
        if reason := runtime.unavailable():
            return reason
        folder = self.folder / candidate.model.identity[:16] / candidate.runtime
        folder.mkdir(parents=True, exist_ok=True)
        begin = time.perf_counter_ns()
        try:
            path = runtime.compile(candidate.package, folder)
        except UserError as error:
            return error.message
        except OSError as error:  # the package is gone, or the disk is full: the others may do
            return f"{error.strerror}: {error.filename or candidate.package}"
        return path, time.perf_counter_ns() - begin

    def _make_reference(self, candidate: Candidate) -> None:
        """Run the reference runtime on the package, unless that was done or tried before."""
        if candidate.model.identity in self._tried:
            return
        self._tried.add(candidate.model.identity)
        entry = RUNTIMES[REFERENCE_RUNTIME]
        other = replace(
            candidate,
            runtime=REFERENCE_RUNTIME,
            entry=entry,
            unit=entry.units[0],
            settings=settings(REFERENCE_RUNTIME, None),
            batch=1,
        )
        compiled = self.compiled(other)
        outcome = None if isinstance(compiled, str) else self._probe(other, compiled[0])
        if outcome is None or outcome.answer is None:
            reason = outcome.reason if outcome else compiled
            self.notes.append(
                f"{candidate.model.name}: outputs are held against its own first launch, since "
                f"the {REFERENCE_RUNTIME} runtime cannot run it ({reason})"
            )

    def _probe(self, candidate: Candidate, compiled: Path) -> Outcome:
        """A launch of a few calls; it leaves its outputs as the reference if there is none."""
        job = self._job(candidate, compiled)
        save = "" if job.reference else str(self._reference(candidate))
        return run_worker(
            msgspec.structs.replace(
                job, warmup_calls=PROBE_CALLS, save_outputs=save, spawned_ns=now_ns()
            )
        )

    def _job(self, candidate: Candidate, compiled: Path) -> Job:
        reference = self._reference(candidate)
        return Job(
            factory=candidate.entry.factory,
            settings=candidate.settings,
            imports=candidate.entry.imports,
            compiled=str(compiled),
            unit=candidate.unit,
            batch=candidate.batch,
            timeout_s=self.plan.timeout_s,
            spawned_ns=0,
            reference=str(reference) if reference.is_file() else "",
            memory_limit_bytes=self.plan.memory_limit_bytes or _memory_limit_bytes(),
        )

    def _reference(self, candidate: Candidate) -> Path:
        return self.folder / f"{candidate.model.identity[:16]}.npy"


def _memory_limit_bytes() -> int:
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * MEMORY_SHARE)
