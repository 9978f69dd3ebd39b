"""The runtimes that are written in Python, by name. Nothing is imported until one is made."""

import importlib
from collections.abc import Mapping
from typing import NamedTuple, cast

from export.runtimes.base import Runtime


class RuntimeClass(NamedTuple):
    """Where the class of a runtime is found."""

    module: str
    name: str
    to_compile: tuple[str, ...] = ()  # what is imported before compiling is timed
    to_load: tuple[str, ...] = ()  # and before loading


_READER = "export.mil.read.model"
_TORCH = ("mobilenet.torch_module", "safetensors.torch")
_TORCH_RUNTIME = "bench.runtimes.torch_runtime"

CLASSES = {
    "coreml": RuntimeClass("export.runtimes.coreml", "CoreMLRuntime", (_READER,)),
    "coreai": RuntimeClass(
        "bench.runtimes.system_coreai",
        "SystemCoreAIRuntime",
        to_compile=(_READER,),
        to_load=("coreai.runtime",),
    ),
    "portable": RuntimeClass(
        "export.runtimes.portable",
        "PortableRuntime",
        to_compile=(_READER, "export.mil.onnx"),
        to_load=("onnxruntime",),
    ),
    "torch": RuntimeClass(_TORCH_RUNTIME, "TorchRuntime", (_READER, *_TORCH), _TORCH),
    "torch-mps": RuntimeClass(_TORCH_RUNTIME, "MpsRuntime", (_READER, *_TORCH), _TORCH),
}


def create(chosen: RuntimeClass, settings: Mapping[str, int]) -> Runtime:
    """The runtime itself; `settings` are keyword arguments of its class."""
    module = importlib.import_module(chosen.module)
    return cast(Runtime, getattr(module, chosen.name)(**settings))
