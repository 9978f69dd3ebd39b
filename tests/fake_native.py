"""Apple's native library, as coremltools sees it, answered by the portable runtime.

Installed as the module `coremltools.libcoremlpython`, which only macOS wheels have, so that all
of coremltools' own Python runs: checks, conversions, compilation's file moves. Every method that
coremltools calls is here, and no other (`test_coreml.py` compares with its source); what the
project does not use raises. Behaviour follows coremlpython/CoreMLPython.mm of coremltools 9.0.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from export.coremltools_import import coremltools
from export.runtimes.coreml import UNITS, CoreMLRuntime
from export.runtimes.portable import PIPELINE, PortableRuntime

SOURCE = "source.txt"  # in a compiled model: the package it came from
OFF_ENGINE = ("mul", "add", "cast", "softmax", "classify")  # what the fake leaves on the CPU


def _unused(name: str) -> Callable[..., Any]:
    def method(*_: object) -> None:
        raise NotImplementedError(f"the project does not call {name}")

    return method


class CPUDevice:
    pass


class GPUDevice:
    pass


class NeuralEngineDevice:
    def get_total_core_count(self) -> int:
        return 16


class Plan:
    """`_MLComputePlanProxy`: preprocessing and softmax on the CPU, all else on the engine."""

    def __init__(self, structure: Any, devices: dict[str, Any]) -> None:
        self.model_structure, self.devices = structure, devices

    def get_compute_device_usage_for_mlprogram_operation(self, op: Any) -> Any:
        from coremltools.models.compute_plan import MLComputePlanDeviceUsage

        kind = op.operator_name.rpartition(".")[2]
        if kind == "const" or not self.devices:
            return None
        cpu, engine = self.devices["CPU"], self.devices.get("ANE")
        if engine is None or kind in OFF_ENGINE:
            return MLComputePlanDeviceUsage(cpu, [cpu])
        return MLComputePlanDeviceUsage(engine, [engine, cpu])

    def get_estimated_cost_for_mlprogram_operation(self, op: Any) -> Any:
        from coremltools.models.compute_plan import MLComputePlanCost

        kind = op.operator_name.rpartition(".")[2]
        return None if kind == "const" else MLComputePlanCost(0.03 if kind == "conv" else 0.005)

    get_compute_device_usage_for_neuralnetwork_layer = _unused("neuralnetwork layers")


class Model:
    """`_MLModelProxy`: a loaded model; its static methods are the rest of the framework."""

    units: ClassVar[list[str]] = []  # that models were loaded for, in order
    machine = ("CPU", "GPU", "ANE")

    def __init__(
        self, path: str, compute_units: str, function_name: str, hints: dict[str, str], asset: None
    ) -> None:
        if compute_units not in UNITS:
            raise RuntimeError(f"Invalid compute units: {compute_units}")
        if not path.endswith(".mlmodelc"):
            path = self.compileModel(path)
        begin = time.perf_counter_ns()
        try:
            files = [file for file in Path(path).iterdir() if file.name != SOURCE]
            kinds = [PIPELINE, ".onnx"]  # the models of a pipeline lie beside its list
            compiled = min(
                (file for file in files if file.suffix in kinds),
                key=lambda file: (kinds.index(file.suffix), file),
            )
        except (OSError, ValueError) as error:
            raise RuntimeError(f"Error opening file stream: {path}/coremldata.bin") from error
        if function_name:
            source, folder = Path(path, SOURCE).read_text(), Path(path, function_name)
            folder.mkdir(exist_ok=True)
            runtime = PortableRuntime(threads=1, function=function_name)
            compiled = runtime.compile(Path(source), folder)
        self.session = PortableRuntime(threads=1).load(compiled, "CPU")
        self.path, self.predict_ns = path, None
        self.load_ns = time.perf_counter_ns() - begin
        self.units.append(compute_units)

    def predict(self, inputs: dict[str, Any], state: None) -> dict[str, Any]:
        if state is not None:
            raise RuntimeError("the model has no state")
        begin = time.perf_counter_ns()
        outputs = self.session.predict(inputs)
        self.predict_ns = time.perf_counter_ns() - begin
        return outputs

    def batchPredict(self, many: list[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: N802  # Apple's
        begin = time.perf_counter_ns()
        outputs = [self.session.predict(inputs) for inputs in many]
        self.predict_ns = time.perf_counter_ns() - begin
        return outputs

    def get_compiled_model_path(self) -> str:
        return self.path

    def get_load_duration_in_nano_seconds(self) -> int:
        return self.load_ns

    def get_last_predict_duration_in_nano_seconds(self) -> int | None:
        return self.predict_ns

    newState = _unused("newState")  # noqa: N815  # Apple's

    @staticmethod
    def compileModel(path: str) -> str:  # noqa: N802  # Apple's
        folder = Path(tempfile.mkdtemp(suffix=".mlmodelc"))
        try:
            PortableRuntime(threads=1).compile(Path(path), folder)
        except Exception as error:
            shutil.rmtree(folder)
            raise RuntimeError(f"Error compiling model: {error}") from error
        (folder / SOURCE).write_text(str(Path(path).resolve()))
        return str(folder)

    @staticmethod
    def maximum_supported_specification_version() -> int:
        return 10

    @classmethod
    def get_all_compute_devices(cls) -> list[Any]:
        return list(cls.devices().values())

    @classmethod
    def get_available_compute_devices(cls) -> list[Any]:
        return cls.get_all_compute_devices()

    @classmethod
    def devices(cls) -> dict[str, Any]:
        from coremltools.models import compute_device as module

        made = {
            "CPU": lambda: module.MLCPUComputeDevice(CPUDevice()),
            "GPU": lambda: module.MLGPUComputeDevice(GPUDevice()),
            "ANE": lambda: module.MLNeuralEngineComputeDevice(NeuralEngineDevice()),
        }
        return {name: made[name]() for name in cls.machine}

    @classmethod
    def get_compute_plan(cls, path: str, compute_units: str) -> Any:
        from coremltools.models.compute_plan import MLComputePlan

        if not path.endswith(".mlmodelc"):
            os.abort()  # coremltools#2757
        devices = cls.devices()
        if compute_units in ("CPU_ONLY", "CPU_AND_GPU"):
            devices.pop("ANE", None)
        return MLComputePlan(Plan(structure_of(path), devices))

    @classmethod
    def get_model_structure(cls, path: str) -> Any:
        return structure_of(path)

    auto_set_specification_version = _unused("auto_set_specification_version")
    create_model_asset_from_path = _unused("create_model_asset_from_path")
    create_model_asset_from_memory = _unused("create_model_asset_from_memory")


def structure_of(compiled: str) -> Any:
    """The program as coremltools' dataclasses, with the constants that Apple's plan lists too."""
    from coremltools.models import compute_plan as module

    from export.mil.read.model import read

    program = read(Path((Path(compiled) / SOURCE).read_text()))
    functions = {}
    for name, function in program.functions.items():
        named = [("const", constant) for constant in function.constants]
        named += [(f"ios16.{op.type}", op.outputs[0].name) for op in function.ops]
        operations = [
            module.MLModelStructureProgramOperation(
                inputs={},
                operator_name=kind,
                outputs=[module.MLModelStructureProgramNamedValueType(output, None)],
                blocks=[],
                __proxy__=None,
            )
            for kind, output in named
        ]
        block = module.MLModelStructureProgramBlock([], operations, list(function.outputs))
        functions[name] = module.MLModelStructureProgramFunction([], block)
    return module.MLModelStructure(
        neuralnetwork=None, program=module.MLModelStructureProgram(functions), pipeline=None
    )


PROXIES = {
    "_MLModelProxy": Model,
    "_MLComputePlanProxy": Plan,
    "_MLCPUComputeDeviceProxy": CPUDevice,
    "_MLGPUComputeDeviceProxy": GPUDevice,
    "_MLNeuralEngineComputeDeviceProxy": NeuralEngineDevice,
}


def install(patch: pytest.MonkeyPatch | None = None) -> None:
    """Make this process's coremltools believe it is on a Mac; `patch` undoes it, if given."""
    coremltools(torch=False)
    library = ModuleType("coremltools.libcoremlpython")
    vars(library).update(PROXIES, __spec__=ModuleSpec(library.__name__, None))
    patch = patch or pytest.MonkeyPatch()  # a worker is never undone
    patch.setitem(sys.modules, library.__name__, library)
    mac = {"_is_macos": lambda: True, "_macos_version": lambda: (15, 4)}
    pretence = {**PROXIES, **mac}
    for name, module in list(sys.modules.items()):
        if name.startswith("coremltools."):
            for attribute in pretence.keys() & vars(module).keys():
                patch.setattr(module, attribute, pretence[attribute])


class FakeCoreMLRuntime(CoreMLRuntime):
    """For workers: the real runtime, over the fake library."""

    def unavailable(self) -> str | None:
        install()
        return None
