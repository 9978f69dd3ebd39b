"""`bench placement`: where Core ML will run each operation, by its own compute plan.

macOS 14.4 and iOS 17.4. The plan is asked of the compiled model: given an `.mlpackage`, Apple's
library aborts the process (coremltools#2757). Costs are Apple's estimates, not measurements.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from cyclopts import Parameter

from bench.devices.device_options import DeviceOptions
from bench.results.device_shares import device_shares
from bench.results.placed_ops import PlacedOp, Placement
from mobilenet.common.errors import ConfigError, UnsupportedError
from mobilenet.common.options import OutputFile
from mobilenet.common.progress import SILENT, Progress
from mobilenet.common.temporary import owned_folder

if TYPE_CHECKING:
    from bench.runtimes.entries import Worker
    from bench.workers.place import Place
    from bench.workers.process import Outcome

DEVICES = {
    "MLCPUComputeDevice": "CPU",
    "MLGPUComputeDevice": "GPU",
    "MLNeuralEngineComputeDevice": "ANE",
}
T = TypeVar("T")
Share = dict[str, float]
IN_PYTHON = "coreml"
TIMEOUT_S = 600


@Parameter(name="*")
@dataclass(frozen=True)
class PlacementOptions:
    """What to ask, and what to insist on."""

    runtime: str | None = None
    """coreml, or coreml-native: what asks Core ML, in Python or in Swift. Default: the first, but
    on a phone."""
    unit: str = "ALL"
    """Compute units that Core ML may choose from: ALL, CPU_AND_NE, CPU_AND_GPU, CPU_ONLY."""
    require: str | None = None
    """Least share of the estimated cost on a device, as ane=0.95; below it the exit code is 1."""
    output: OutputFile | None = None
    """New .jsonl file for the plan, which `python -m reports` reads."""
    json: bool = False
    """Print the plan as JSON."""


def placement(
    package: Path,
    options: PlacementOptions,
    device: DeviceOptions | None = None,
    progress: Progress = SILENT,
) -> tuple[Placement, bool]:
    """The plan, written down where that was asked for, and whether it meets the requirement."""
    from bench.results import jsonl

    required = parse_requirement(options.require) if options.require else {}
    if options.output:
        jsonl.check_new(options.output)
    place = (device or DeviceOptions()).place(progress)
    runtime = options.runtime or place.default_runtimes[0]
    plan = plan_of(package, options.unit, runtime, place)
    if options.output:
        _save(package, plan, options.output, place)
    return plan, met(plan, required)


def plan_of(
    package: Path, unit: str, runtime: str = IN_PYTHON, place: "Place | None" = None
) -> Placement:
    """Compile `package` and ask for its plan. Raises `UnsupportedError` where nothing tells."""
    from bench.runtimes.entries import PYTHON_WORKER
    from bench.session.cases import check_names
    from bench.session.launching import utc
    from bench.workers.place import HERE

    workers = {
        name: entry.worker
        for name, entry in (place or HERE).runtimes.items()
        if name == IN_PYTHON or entry.worker != PYTHON_WORKER
    }
    check_names("runtime", [runtime], workers)
    with owned_folder() as folder:
        if runtime == IN_PYTHON:
            ops = _ops_by_python(package, unit, folder)
        else:
            ops = _ops_by_worker(workers[runtime], runtime, package, unit, folder)
    return Placement(case=f"{package.stem} | {runtime} | {unit}", started=utc(), ops=ops)


def _ops_by_python(package: Path, unit: str, folder: Path) -> tuple[PlacedOp, ...]:
    from export.runtimes.coreml import CoreMLRuntime

    runtime = CoreMLRuntime()
    if reason := runtime.unavailable():
        raise UnsupportedError(reason, "run it on a Mac: only Core ML can tell")
    _check_unit(unit, runtime.units())
    return tuple(_placed(runtime.plan(runtime.compile(package, folder), unit)))


def _ops_by_worker(
    worker: "Worker", runtime: str, package: Path, unit: str, folder: Path
) -> tuple[PlacedOp, ...]:
    from bench.session.cases import units_here
    from bench.workers.process import run_worker
    from bench.workers.protocol import Compiled, ComputePlan, Job

    def answer(outcome: "Outcome[T]") -> T:
        if outcome.answer is None:
            raise UnsupportedError(outcome.reason, "Core ML tells it from macOS 14.4, iOS 17.4 on")
        return outcome.answer

    _check_unit(unit, answer(units_here(runtime, worker)).units)
    job = Job(
        task="compile", runtime=runtime, package=str(package.resolve()), folder=str(folder),
        unit=unit, timeout_s=TIMEOUT_S, memory_limit_bytes=0,
    )  # fmt: skip
    compiled = answer(run_worker(worker, job, Compiled)).compiled
    job = msgspec.structs.replace(job, task="plan", compiled=compiled)
    return answer(run_worker(worker, job, ComputePlan)).ops


def _check_unit(unit: str, units: Sequence[str]) -> None:
    if unit not in units:
        raise ConfigError(f"unit is {unit}", f"one of {', '.join(units)}")


def parse_requirement(text: str) -> Share:
    """`ane=0.95` as {"ANE": 0.95}. Raises `ConfigError`."""
    device, _, value = text.partition("=")
    try:
        share = float(value)
    except ValueError:
        share = -1
    if device.upper() not in DEVICES.values() or not 0 <= share <= 1:
        raise ConfigError(f"require is {text!r}", "a device and a share: ane=0.95, gpu=0.5, cpu=1")
    return {device.upper(): share}


def met(plan: Placement, required: Share) -> bool:
    """Whether every device has the share it must have. An empty plan meets nothing."""
    shares = device_shares(plan.ops)
    return all(shares.get(device, 0.0) >= share for device, share in required.items())


def _placed(plan: Any) -> Iterator[PlacedOp]:
    """Operations of an `MLComputePlan`; constants, which have no device and no cost, left out."""
    program = plan.model_structure.program
    if program is None:
        raise UnsupportedError(
            "the model is not an ML Program: what it consists of has no estimated costs",
            "export it without --format neuralnetwork; of a pipeline, ask for its parts",
        )
    for name, function in program.functions.items():
        for op in function.block.operations:
            if op.operator_name.rpartition(".")[2] == "const":
                continue
            usage = plan.get_compute_device_usage_for_mlprogram_operation(op)
            cost = plan.get_estimated_cost_for_mlprogram_operation(op)
            yield PlacedOp(
                function=name,
                name=op.outputs[0].name if op.outputs else "",
                type=op.operator_name,
                preferred=_device(usage.preferred_compute_device) if usage else "",
                supported=tuple(map(_device, usage.supported_compute_devices)) if usage else (),
                cost=cost.weight if cost else None,
            )


def _device(device: object) -> str:
    return DEVICES.get(type(device).__name__, type(device).__name__)


def _save(package: Path, plan: Placement, output: Path, place: "Place") -> None:
    from bench.results import jsonl
    from bench.session.cases import candidates
    from bench.session.runner import head
    from bench.session.schedule import PLANS

    _, runtime, unit = plan.case.rsplit(" | ", 2)
    (candidate,) = candidates([package], [runtime], units=[unit], place=place)
    first = head(PLANS["quick"], place.environment())
    with jsonl.create(output, [first, candidate.case(), plan]):
        pass
