"""Apple's native module below `coreai.runtime`, as macOS 27 has it, answered by the portable one.

All of `coreai.runtime`'s own Python runs, and believes that it is on a Mac. Members follow the
stub that the library brings (`coreai/runtime/__init__.pyi`); what is not used is an empty class.
"""

import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import msgspec
import numpy as np
from PIL import Image

from bench.machine.environment import environment
from bench.runtimes import system_coreai
from bench.runtimes.system_coreai import SystemCoreAIRuntime
from bench.workers import made_inputs
from export.coreai import compute_units
from export.mil.description import ImageInput
from export.runtimes.portable import PortableRuntime
from mobilenet.common.errors import PackageError

NATIVE = ("coreai.runtime._coreai_runtime", "coreai.runtime._coreai_runtime_os")
UNUSED = (
    "AIModelAssetMetadata", "AIModelAssetSummary", "CompileIdentifiers", "ImageDescriptor",
    "InferenceFunctionDescriptor", "IntermediateLogger", "LogEvent", "NDArrayDescriptor",
    "Profiler", "_AIModelAsset",
)  # fmt: skip


class ComputeUnitKind:
    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def gpu(cls) -> "ComputeUnitKind":
        return cls("gpu")

    @classmethod
    def neural_engine(cls) -> "ComputeUnitKind":
        return cls("neural engine")


class Options:
    """`_SpecializationOptions`."""

    def __init__(self, preferred_compute_unit_kind: ComputeUnitKind) -> None:
        self.name = f"prefers {preferred_compute_unit_kind.name}"

    @classmethod
    def cpu_only(cls) -> "Options":
        return cls(ComputeUnitKind("nothing but the CPU"))

    @classmethod
    def _default(cls) -> "Options":
        return cls(ComputeUnitKind("nothing"))


class Tensor:
    """`_NDArray`."""

    def __init__(self, data: np.ndarray[Any, Any], _backing: str = "bytes") -> None:
        self.values = np.array(data)

    def to_dlpack(self) -> np.ndarray[Any, Any]:
        return self.values


class Function:
    """`_InferenceFunction`: the twin that takes pixels as (H, W, 4), blue first."""

    def __init__(self, session: Any, takes_pixels: bool) -> None:
        self.session, self.takes_pixels = session, takes_pixels

    async def __call__(
        self, inputs: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        assert not state
        feeds = {name: self._feed(tensor.values) for name, tensor in inputs.items()}
        return {name: Tensor(value) for name, value in self.session.predict(feeds).items()}

    def _feed(self, values: np.ndarray[Any, Any]) -> Any:
        if not self.takes_pixels:
            return values
        assert (values.dtype, values.shape[2:]) == (np.uint8, (4,))
        return Image.fromarray(np.ascontiguousarray(values[..., 2::-1]))


class Model:
    """`_AIModel`."""

    units: ClassVar[list[str]] = []  # that models were specialized for, in order

    def __init__(self, path: Path) -> None:
        if not (path / "main.mlirb").is_file():
            raise RuntimeError("The model\ncould not be found")
        runtime = PortableRuntime(threads=1)
        with tempfile.TemporaryDirectory() as folder:
            self.session = runtime.load(runtime.compile(path, Path(folder)), "CPU")
        (item,) = self.session.description.inputs
        self.takes_pixels = isinstance(item, ImageInput)
        self.function_names = ["main", "pixels"] if self.takes_pixels else ["main"]

    @staticmethod
    async def load_with_specialization(path: Path, options: Options) -> "Model":
        Model.units.append(options.name)
        return Model(path)

    def load_function(self, function_name: str, **_: object) -> Function:
        assert (function_name == "pixels") == self.takes_pixels
        return Function(self.session, self.takes_pixels)


def install(macos: str = "27.0") -> None:
    """Make this process's `coreai.runtime` believe that it is on a Mac.

    In a process that has not loaded Apple's real library, and never will: that does not bear it.
    """
    fake = {name: type(name, (), {}) for name in UNUSED}
    fake |= {
        "_AIModel": Model, "_InferenceFunction": Function, "_NDArray": Tensor,
        "ComputeUnitKind": ComputeUnitKind, "_SpecializationOptions": Options,
    }  # fmt: skip
    pretence = SimpleNamespace(platform="darwin")
    compute_units.sys = system_coreai.sys = pretence  # type: ignore[attr-defined]
    platform.system = lambda: "Darwin"
    platform.mac_ver = lambda *_: (macos, ("", "", ""), "arm64")
    for name in [name for name in sys.modules if name.startswith("coreai.runtime")]:
        del sys.modules[name]
    for name in NATIVE:
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(fake)
    importlib.import_module("coreai.runtime")


class FakeSystemCoreAIRuntime(SystemCoreAIRuntime):
    """For workers: the real runtime, over the fake module."""

    def unavailable(self) -> str | None:
        install()
        return super().unavailable()


class Choice(NamedTuple):
    """What is made of a version of macOS and a variable of the environment."""

    core_ai: str  # as a session records it
    unavailable: str | None
    units: tuple[str, ...]


def choice(macos: str, variable: str) -> Choice:
    os.environ[variable] = "1"
    install(macos)
    del os.environ[variable]
    runtime = SystemCoreAIRuntime()
    return Choice(environment().core_ai, runtime.unavailable(), runtime.units())


class Observed(NamedTuple):
    """What the runtime does with an asset in a process of its own, for every unit."""

    asked_for: list[str]
    outputs: dict[str, dict[str, Any]]
    refusals: list[str]


def observed(asset: Path, folder: Path) -> Observed:
    install()
    runtime = SystemCoreAIRuntime()
    compiled, outputs = runtime.compile(asset, folder), {}
    for unit in runtime.units():
        session = runtime.load(compiled, unit)
        outputs[unit] = session.predict(made_inputs.make(session.description))
    stored, refusals = msgspec.json.decode(compiled.read_bytes()), []
    for change in ({"asset": str(folder / "gone.aimodel")}, {"function": "other"}):
        compiled.write_bytes(msgspec.json.encode(stored | change))
        try:
            runtime.load(compiled, "ALL")
        except PackageError as error:
            refusals.append(error.message)
    return Observed(Model.units, outputs, refusals)
