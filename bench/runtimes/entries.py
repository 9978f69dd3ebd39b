"""The runtimes that can be measured, by name. Nothing is imported until one is asked for."""

import importlib
from typing import NamedTuple, cast

from export.runtimes.base import Runtime


class Entry(NamedTuple):
    """Where a runtime is found, and every compute unit it may have on some machine."""

    factory: str  # "module:Class"
    units: tuple[str, ...]
    has_threads: bool = False  # whether the factory takes `threads`
    imports: tuple[str, ...] = ()  # what a launch imports before loading is timed


RUNTIMES = {
    "coreml": Entry(
        "export.runtimes.coreml:CoreMLRuntime", ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")
    ),
    "portable": Entry(
        "export.runtimes.portable:PortableRuntime",
        ("CPU",),
        has_threads=True,
        imports=("onnxruntime",),
    ),
    "torch": Entry(
        "bench.runtimes.torch_runtime:TorchRuntime",
        ("CPU",),
        has_threads=True,
        imports=("mobilenet.torch_module", "safetensors.torch"),
    ),
    "torch-mps": Entry(
        "bench.runtimes.torch_runtime:MpsRuntime",
        ("GPU",),
        imports=("mobilenet.torch_module", "safetensors.torch"),
    ),
}


def create(entry: Entry, settings: dict[str, int]) -> Runtime:
    """The runtime itself; `settings` are keyword arguments of its class."""
    module, _, name = entry.factory.partition(":")
    return cast(Runtime, getattr(importlib.import_module(module), name)(**settings))
