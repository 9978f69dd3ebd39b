"""Core AI itself, through Apple's own library, in a process of its own.

On Linux it is an interpreter, some sixty times slower than others: what it computes counts, not
its speed. On macOS 27 the same calls reach the system's Core AI and its units: that has not been
run. Pictures go to the twin that takes their bytes.
"""

import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from export.coreai import compute_units, idle_processes, library, pictures
from export.mil.description import ImageInput, ModelDescription
from export.runtimes.base import Feature, LoadedModel
from export.runtimes.inputs import check
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.files import write_atomically


class CompiledAsset(msgspec.Struct, frozen=True):
    """What is loaded: a function of an asset, and what else of its graph is to be given."""

    asset: str
    function: str
    description: ModelDescription
    more: dict[str, int]


class CoreAIRuntime:
    """`Runtime` on Apple's library; an asset computes as it declares.

    `extra_outputs` are intermediate values to be given beside the model's outputs, `function` one
    of several in the asset.
    """

    name = "coreai"

    def __init__(self, extra_outputs: Sequence[str] = (), function: str | None = None) -> None:
        self.extra_outputs = tuple(extra_outputs)
        self.function = function

    def unavailable(self) -> str | None:
        """As `Runtime`: without the library."""
        return library.missing()

    def units(self) -> tuple[str, ...]:
        """The interpreter's, or those that a Mac prefers when it is told to."""
        return compute_units.available()

    def compile(self, package: Path, folder: Path) -> Path:
        """Write down what is loaded: Apple's library compiles when it loads.

        Raises `PackageError` for a damaged asset.
        """
        from export.mil.read.model import read

        program = read(package)
        function = program.function(self.function)
        takes_pictures = any(isinstance(i, ImageInput) for i in function.description.inputs)
        name = pictures.twin_name(function.name) if takes_pictures else function.name
        more = [each for each in self.extra_outputs if each not in function.outputs]
        numbers = program.function(name).numbers
        if unknown := [each for each in more if each not in numbers]:
            raise UnsupportedError(
                f"Core AI's graph of {name!r} has no value {unknown[0]!r}",
                "ask for the outputs, or for a layer's value",
            )
        compiled = folder / f"{package.stem}.coreai.json"
        asset = CompiledAsset(
            str(package.resolve()), name, function.description,
            {each: numbers[each] for each in more},
        )  # fmt: skip
        write_atomically(compiled, msgspec.json.encode(asset))
        return compiled

    def load(self, compiled: Path, unit: str) -> LoadedModel:
        """In a process that ends with the session."""
        if unit not in self.units():
            raise UnsupportedError(
                f"the coreai runtime has no unit {unit!r} here",
                f"it has {', '.join(self.units())}",
            )
        asset = msgspec.json.decode(compiled.read_bytes(), type=CompiledAsset)
        return CoreAISession(asset, unit)


class CoreAISession:
    """`LoadedModel` on a function of an asset."""

    def __init__(self, asset: CompiledAsset, unit: str) -> None:
        self.description = asset.description
        self._process = idle_processes.take()
        weakref.finalize(self, idle_processes.give_back, self._process)
        self._process.load(Path(asset.asset), asset.function, asset.more, unit)

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """All outputs by name, extra ones included."""
        return dict(self._process.call(arrays(self.description, inputs)))


def arrays(
    description: ModelDescription, inputs: Mapping[str, Feature]
) -> "dict[str, np.ndarray[Any, np.dtype[Any]]]":
    """The inputs as a function of arrays takes them: pictures in bytes. Raises as `check`."""
    check(description, inputs)
    return {
        item.name: pictures.to_bytes(inputs[item.name])
        if isinstance(item, ImageInput)
        else np.asarray(inputs[item.name], item.dtype)
        for item in description.inputs
    }
