"""The records of one case into its summary."""

from collections import Counter
from typing import Literal

import msgspec

from bench.results import processor_time, stats
from bench.results.launch import cpu_ns, median_ns, p90_ns, pace_hz, usable
from bench.results.records import Case, Launch, Model, Status
from bench.results.stats import Estimate

COREML, COREAI = "coreml", "coreai"


class CaseSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One case. Times are ns per call: medians over launches, each with its interval."""

    case: str
    model: Model
    runtime: str
    unit: str
    options: dict[str, str]
    status: Status | Literal["skipped", "not run"]
    reason: str = ""
    pace_hz: float = 0.0  # calls a second; 0 is one after the other
    launches: int = 0
    launches_failed: int = 0
    p50: Estimate | None = None
    p90: Estimate | None = None  # of the launches' own 90th percentiles
    cpu_p50: Estimate | None = None  # CPU time of all threads, where nothing else computes
    native: Estimate | None = None
    first_call: Estimate | None = None
    load: Estimate | None = None
    start: Estimate | None = None
    first_load_ns: int | None = None  # straight after compiling: "cold"
    compile_ns: int | None = None
    peak_memory_bytes: int | None = None
    samples: int = 0
    outliers: int = 0  # samples far from their launch's median; none is left out
    drifting: int = 0  # launches whose first and last thirds differ
    contended: int = 0  # launches that waited for the processor
    involuntary_switches: int | None = None  # of context, in all launches
    control_of: str = ""

    @property
    def is_ranked(self) -> bool:
        """Whether its calls are of one image and in a row, as of the cases it is ranked with."""
        return not self.pace_hz and "batch" not in self.options

    @property
    def unit_label(self) -> str:
        """The compute unit, with the options that set cases apart: "CPU, threads 2".

        Core AI's names of units mean something else than Core ML's, beside which they stand.
        """
        unit = f"{COREAI} {self.unit}" if self.runtime == COREAI else self.unit
        return ", ".join([unit, *(f"{key} {value}" for key, value in self.options.items())])


def summarize(case: Case, launches: list[Launch]) -> CaseSummary:
    """The figures of one case from its launches, whatever their order."""
    good = [launch for launch in launches if usable(launch)]
    bad = [launch for launch in launches if not usable(launch)]
    status, reason = _status(case, good, bad)
    peaks = [launch.peak_memory_bytes for launch in good]
    on_cpu = good if processor_time.is_on_cpu(case) else []
    threads = processor_time.threads(case)
    return CaseSummary(
        case=case.case, model=case.model, runtime=case.runtime, unit=case.unit,
        options=case.options, status=status, reason=reason, pace_hz=pace_hz(case, launches),
        launches=len(launches), launches_failed=len(bad), compile_ns=case.compile_ns,
        control_of=case.control_of, first_load_ns=case.first_load_ns,
        p50=stats.estimate([median_ns(launch) for launch in good]),
        p90=_estimate([p90_ns(launch) for launch in good]),
        cpu_p50=_estimate([cpu_ns(launch) for launch in on_cpu]),
        native=_estimate([stats.median(launch.native_ns) for launch in good if launch.native_ns]),
        first_call=_estimate([launch.first_call_ns for launch in good]),
        load=_estimate([launch.load_ns for launch in good]),
        start=_estimate([launch.start_ns for launch in good]),
        peak_memory_bytes=max(filter(None, peaks), default=None),
        samples=sum(len(launch.samples_ns) for launch in good),
        outliers=sum(stats.outliers(launch.samples_ns) for launch in good),
        drifting=sum(stats.drifts(launch.samples_ns) for launch in good),
        contended=sum(processor_time.is_contended(launch, threads) for launch in on_cpu),
        involuntary_switches=_total([launch.involuntary_switches for launch in good]),
    )  # fmt: skip


def _estimate(values: list[float | None] | list[int | None] | list[float]) -> Estimate | None:
    return stats.estimate([value for value in values if value is not None])


def _total(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _status(
    case: Case, good: list[Launch], bad: list[Launch]
) -> tuple[Status | Literal["skipped", "not run"], str]:
    if case.skipped:
        return "skipped", case.skipped
    if not good and not bad:
        return "not run", "the session ended before its turn"
    if not bad:
        return "ok", ""
    reason, _ = Counter(launch.reason or launch.status for launch in bad).most_common(1)[0]
    if good:
        return "ok", f"{len(bad)} of {len(good) + len(bad)} launches failed: {reason}"
    status = bad[-1].status
    return (status, reason) if status != "ok" else ("failed", "no usable samples were recorded")
