"""`bench soak`: does it keep its speed? Throughput in windows, without a pause between calls.

The last window is compared with the first; equal durations only are comparable, since a GPU
slows down after a minute or so and may recover later.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cyclopts import Parameter

from bench.devices.device_options import DeviceOptions
from bench.machine import quiet
from bench.results.records import Case, Plan, Soak
from mobilenet.common.errors import ConfigError, UnsupportedError
from mobilenet.common.options import Handed, OutputFile
from mobilenet.common.progress import SILENT
from mobilenet.common.temporary import owned_folder

if TYPE_CHECKING:
    from bench.session.prepare import PreparedCase
    from bench.workers.place import Place

WINDOWS = 24
MAX_SECONDS = 24 * 3600
GRACE_S = 60  # to load, and for the call that crosses the end


@Parameter(name="*")
@dataclass(frozen=True)
class SoakOptions:
    """What, where, how long."""

    runtime: str | None = None
    """coreml, coreml-native, coreai, portable, torch, torch-mps.
    Default: what runs the format here."""
    unit: str | None = None
    """Compute unit, such as CPU_AND_NE. Default: the runtime's last, which is ALL for coreml."""
    seconds: float = 120
    """How long, in all."""
    threads: int | None = None
    """Threads of portable and torch. Default: the number of physical cores."""
    wait: quiet.Wait = None
    """Wait for a quiet machine, at most so long (300); then measure, with a warning."""
    output: OutputFile | None = None
    """New .jsonl file. Default: results/soak and the time."""

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= MAX_SECONDS:
            raise ConfigError(f"seconds is {self.seconds}", f"1 to {MAX_SECONDS}")


def soak(
    package: Path,
    /,
    *,
    options: SoakOptions | None = None,
    device: DeviceOptions | None = None,
    progress: Handed = SILENT,
) -> Path:
    """Load one package and run it without a pause; its throughput over time.

    Parameters
    ----------
    package
        Model package; inputs are made from its description.
    """
    from bench.results import jsonl, session_lines
    from bench.session.runner import head

    options = options or SoakOptions()
    path = options.output or jsonl.default_path("soak-")
    jsonl.check_new(path)
    timeout_s = options.seconds + GRACE_S
    plan = Plan(rounds=1, warmup_s=0, warmup_calls=0, samples=0, timeout_s=timeout_s, seed=0)
    wait_s = quiet.longest_s(options.wait)
    place = (device or DeviceOptions()).place(progress, wait_s)
    notes = quiet.wait(wait_s, progress)
    machine = place.environment()
    with owned_folder() as folder:
        prepared = _prepare(package, options, plan, folder, place)
        progress.say(f"{prepared.case.case}: {options.seconds:g} s without a pause.")
        result = _run(prepared, options.seconds, place)
    with jsonl.create(path, [head(plan, machine, notes), prepared.case, result]):
        pass
    progress.say(session_lines.soak(result))
    return path


def _prepare(
    package: Path, options: SoakOptions, plan: Plan, folder: Path, place: "Place"
) -> "PreparedCase":
    from bench.runtimes.entries import default_runtimes
    from bench.session.cases import candidates
    from bench.session.prepare import Preparer
    from bench.workers.place import HERE

    usual = default_runtimes() if place is HERE else place.default_runtimes
    runtimes = (options.runtime,) if options.runtime else usual
    units = [options.unit] if options.unit else ()
    candidate = candidates([package], runtimes, units=units, threads=options.threads, place=place)[
        -1
    ]
    made = Preparer(plan, folder).prepare(candidate)
    if isinstance(made, Case):
        raise UnsupportedError(
            f"{made.case} does not run here: {made.skipped}", "--runtime and --unit choose others"
        )
    return made


def _run(prepared: "PreparedCase", seconds: float, place: "Place") -> Soak:
    from bench.session.launching import utc

    started, before = utc(), place.thermal()
    outcome = prepared.launch(
        msgspec.structs.replace(
            prepared.job, task="soak", seconds=seconds, window_s=seconds / WINDOWS
        )
    )
    result = outcome.answer.result if outcome.answer else None
    return Soak(
        case=prepared.case.case,
        started=started,
        status=outcome.status,
        reason=outcome.reason,
        windows=outcome.windows,
        power_source=place.environment().power_source,
        thermal_before=result.thermal_before if result and result.thermal_before else before,
        thermal_after=result.thermal_after if result and result.thermal_after else place.thermal(),
    )
