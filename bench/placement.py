"""`bench placement`: where Core ML will run each operation, by its own compute plan.

macOS 14.4 and later. The plan is asked of the compiled model: given an `.mlpackage`, Apple's
library aborts the process (coremltools#2757). Costs are Apple's estimates, not measurements.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyclopts import Parameter

from bench.results.device_shares import device_shares
from bench.results.placed_ops import PlacedOp, Placement
from mobilenet.common.errors import ConfigError, UnsupportedError
from mobilenet.common.options import OutputFile
from mobilenet.common.temporary import owned_folder

DEVICES = {
    "MLCPUComputeDevice": "CPU",
    "MLGPUComputeDevice": "GPU",
    "MLNeuralEngineComputeDevice": "ANE",
}
Share = dict[str, float]


@Parameter(name="*")
@dataclass(frozen=True)
class PlacementOptions:
    """What to ask, and what to insist on."""

    unit: str = "ALL"
    """Compute units that Core ML may choose from: ALL, CPU_AND_NE, CPU_AND_GPU, CPU_ONLY."""
    require: str | None = None
    """Least share of the estimated cost on a device, as ane=0.95; below it the exit code is 1."""
    output: OutputFile | None = None
    """New .jsonl file for the plan, which `python -m reports` reads."""
    json: bool = False
    """Print the plan as JSON."""


def placement(package: Path, options: PlacementOptions) -> tuple[Placement, bool]:
    """The plan, written down where that was asked for, and whether it meets the requirement."""
    from bench.results import jsonl

    required = parse_requirement(options.require) if options.require else {}
    if options.output:
        jsonl.check_new(options.output)
    plan = plan_of(package, options.unit)
    if options.output:
        _save(package, plan, options.output)
    return plan, met(plan, required)


def plan_of(package: Path, unit: str) -> Placement:
    """Compile `package` and ask for its plan. Raises `UnsupportedError` off a Mac."""
    from bench.session.launching import utc
    from export.runtimes.coreml import CoreMLRuntime

    runtime = CoreMLRuntime()
    if reason := runtime.unavailable():
        raise UnsupportedError(reason, "run it on a Mac: only Core ML can tell")
    if unit not in runtime.units():
        raise ConfigError(f"unit is {unit}", f"one of {', '.join(runtime.units())}")
    with owned_folder() as folder:
        plan = runtime.plan(runtime.compile(package, folder), unit)
        ops = tuple(_placed(plan))
    return Placement(case=f"{package.stem} | coreml | {unit}", started=utc(), ops=ops)


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


def _save(package: Path, plan: Placement, path: Path) -> None:
    from bench.machine.environment import environment
    from bench.results import jsonl
    from bench.session.cases import candidates
    from bench.session.runner import head
    from bench.session.schedule import PLANS

    unit = plan.case.rpartition(" | ")[2]
    (candidate,) = candidates([package], ["coreml"], units=[unit])
    with jsonl.create(path, [head(PLANS["quick"], environment()), candidate.case(), plan]):
        pass
