"""macOS's own Core AI, in the process of the launch: what can be timed of it.

Never run: tested up to Apple's boundary over a stand-in. Elsewhere the library interprets, in a
process of its own (`export.runtimes.coreai`), and that is not timed. A picture goes to the twin
that takes its bytes, the function that Linux verifies; its copy is part of the time.
"""

import asyncio
import sys
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from export.coreai import compute_units, library
from export.runtimes.base import Feature, LoadedModel
from export.runtimes.coreai import CompiledAsset, CoreAIRuntime, arrays
from mobilenet.common.errors import PackageError, UnsupportedError

T = TypeVar("T")
INTERPRETED = "some sixty times slower than ONNX Runtime: its time says nothing"


class SystemCoreAIRuntime(CoreAIRuntime):
    """`Runtime` on macOS 27, for a preferred compute unit."""

    def unavailable(self) -> str | None:
        """Where the library would interpret the model itself."""
        if library.missing() or compute_units.uses_system():
            return library.missing()
        if sys.platform == "darwin":
            return (
                f"the library would interpret it, {INTERPRETED}; macOS's own Core AI takes macOS "
                f"27, and {compute_units.SYSTEM}=1"
            )
        return f"Core AI is an interpreter on {sys.platform}, {INTERPRETED}"

    def load(self, compiled: Path, unit: str) -> LoadedModel:
        """Specialized for `unit`. Raises `PackageError` for what Core AI does not load."""
        if not compute_units.uses_system():
            raise UnsupportedError(
                str(self.unavailable()), "measure the Core ML package of the same network here"
            )
        asset = msgspec.json.decode(compiled.read_bytes(), type=CompiledAsset)
        return SystemCoreAISession(asset, unit)


class SystemCoreAISession:
    """`LoadedModel` on a function of an asset."""

    def __init__(self, asset: CompiledAsset, unit: str) -> None:
        from coreai.runtime import AIModel

        self.description, self._asset = asset.description, asset.asset
        self._loop = asyncio.new_event_loop()
        options = compute_units.options(unit)
        self._model = self._done(AIModel.load(Path(asset.asset), options))
        if asset.function not in self._model.function_names:
            raise self._error(f"it has no function {asset.function}")
        self._function = self._model.load_function(asset.function)

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """All outputs by name."""
        from coreai.runtime import NDArray

        feeds = arrays(self.description, inputs)
        results = self._done(self._function({name: NDArray(feeds[name]) for name in feeds}))
        return {name: value.numpy() for name, value in results.items()}

    def _done(self, step: Awaitable[T]) -> T:
        try:
            return self._loop.run_until_complete(step)
        except Exception as error:  # the library's errors have no common kind
            raise self._error(" ".join(str(error).split()) or type(error).__name__) from error

    def _error(self, reason: str) -> PackageError:
        return PackageError(
            f"{self._asset}: Core AI cannot use it: {reason}",
            "is it whole, and made for this version of Core AI?",
        )
