"""The runtimes that are written in Python, by name. Nothing is imported until one is made."""

import importlib
from collections.abc import Mapping
from typing import NamedTuple, cast

from export.runtimes.base import Runtime


class RuntimeClass(NamedTuple):
    """Where the class of a runtime is found."""

    module: str
    name: str
    imports: tuple[str, ...] = ()  # what a launch imports before loading is timed


_TORCH = ("mobilenet.torch_module", "safetensors.torch")

CLASSES = {
    "coreml": RuntimeClass("export.runtimes.coreml", "CoreMLRuntime"),
    "portable": RuntimeClass("export.runtimes.portable", "PortableRuntime", ("onnxruntime",)),
    "torch": RuntimeClass("bench.runtimes.torch_runtime", "TorchRuntime", _TORCH),
    "torch-mps": RuntimeClass("bench.runtimes.torch_runtime", "MpsRuntime", _TORCH),
}


def create(chosen: RuntimeClass, settings: Mapping[str, int]) -> Runtime:
    """The runtime itself; `settings` are keyword arguments of its class."""
    module = importlib.import_module(chosen.module)
    return cast(Runtime, getattr(module, chosen.name)(**settings))
