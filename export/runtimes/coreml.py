"""Core ML itself, through coremltools: macOS only.

A package is compiled once to an `.mlmodelc`; `CompiledMLModel` then loads that, while `MLModel`
would compile anew at every construction. Beside the compiled model lies its description, so that
loading needs no reader.
"""

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from export.mil.description import ModelDescription
from export.mil.program import Program
from export.runtimes.base import Feature
from export.runtimes.inputs import check
from mobilenet.common.errors import PackageError

UNITS = ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")
NEEDED_DEVICE = {"CPU_AND_GPU": "MLGPUComputeDevice", "CPU_AND_NE": "MLNeuralEngineComputeDevice"}


class CoreMLRuntime:
    """`Runtime` on Apple's framework; `function` is one of several in the package."""

    name = "coreml"

    def __init__(self, function: str | None = None) -> None:
        self.function = function

    def unavailable(self) -> str | None:
        """As `Runtime`: anywhere but on a Mac, and without coremltools' native library."""
        if sys.platform != "darwin":
            return f"Core ML runs on macOS, this is {sys.platform}"
        _coremltools()
        if importlib.util.find_spec("coremltools.libcoremlpython") is None:
            return "coremltools was installed without its native library: reinstall its wheel"
        return None

    def units(self) -> tuple[str, ...]:
        """Those whose device this Mac has: without one, Core ML falls back in silence."""
        devices = _devices()
        return tuple(
            unit for unit in UNITS if not devices or NEEDED_DEVICE.get(unit, "") in {"", *devices}
        )

    def compile(self, package: Path, folder: Path) -> Path:
        """An .mlmodelc, its description beside it. Raises `UnsupportedError`, Apple's words."""
        from export.mil.read.model import read_any

        model = read_any(package)
        description = model.description
        if self.function and isinstance(model, Program):
            description = model.function(self.function).description
        compiled = folder / f"{package.stem}.mlmodelc"
        with _apple_errors(f"Core ML cannot compile {package}"):
            _coremltools().utils.compile_model(str(package), str(compiled))
        _description_path(compiled).write_bytes(msgspec.json.encode(description))
        return compiled

    def load(self, compiled: Path, unit: str) -> "CoreMLSession":
        """The compiled model on a case of `MLComputeUnits`. Raises `UnsupportedError`."""
        ct = _coremltools()
        description = msgspec.json.decode(
            _description_path(compiled).read_bytes(), type=ModelDescription
        )
        with _apple_errors(f"Core ML cannot load {compiled} for {unit}"):
            model = ct.models.CompiledMLModel(
                str(compiled), compute_units=ct.ComputeUnit[unit], function_name=self.function
            )
        return CoreMLSession(model, description)

    def plan(self, compiled: Path, unit: str) -> Any:
        """The `MLComputePlan` of what `compile` made: macOS 14.4 and later."""
        ct = _coremltools()
        from coremltools.models.compute_plan import MLComputePlan

        assert compiled.suffix == ".mlmodelc", "anything else aborts the process"
        with _apple_errors(f"Core ML has no compute plan for {compiled.stem}"):
            return MLComputePlan.load_from_path(str(compiled), compute_units=ct.ComputeUnit[unit])


class CoreMLSession:
    """`LoadedModel` on a `CompiledMLModel`."""

    def __init__(self, model: Any, description: ModelDescription) -> None:
        self._model, self.description = model, description

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """As `LoadedModel`, through `CompiledMLModel.predict`. Raises `UnsupportedError`."""
        check(self.description, inputs)
        with _apple_errors("Core ML cannot predict"):
            return dict(self._model.predict(dict(inputs)))  # it converts float16 in place

    def predict_batch(self, many: Sequence[Mapping[str, Feature]]) -> list[dict[str, Feature]]:
        """Outputs for each set of inputs, from one call of `predictionsFromBatch:`."""
        for inputs in many:
            check(self.description, inputs)
        with _apple_errors("Core ML cannot predict"):
            return list(self._model.predict([dict(inputs) for inputs in many]))

    def last_predict_ns(self) -> int | None:
        """Wall time of Apple's own call in the last prediction: without Python's share.

        `MLModel` has a property for it; `CompiledMLModel` of coremltools 9.0 does not.
        """
        duration = self._model._proxy.get_last_predict_duration_in_nano_seconds()
        return None if duration is None else int(duration)


def _description_path(compiled: Path) -> Path:
    return compiled.with_suffix(".json")


def _coremltools() -> Any:
    from export.coremltools_import import coremltools

    return coremltools(torch=False)


def _devices() -> frozenset[str]:
    """Class names of the machine's compute devices; empty before macOS 14, which cannot tell."""
    _coremltools()
    from coremltools.models.compute_device import MLComputeDevice

    try:
        return frozenset(
            type(device).__name__ for device in MLComputeDevice.get_all_compute_devices()
        )
    except RuntimeError:
        return frozenset()


@contextmanager
def _apple_errors(what: str) -> Iterator[None]:
    """The native library raises `RuntimeError` with Apple's text in it."""
    try:
        yield
    except RuntimeError as error:
        text = " ".join(str(error).split())
        raise PackageError(
            f"{what}: {text}", "does its deployment target fit this Mac?"
        ) from error
