"""The interface of everything that can run a package, modelled on Core ML's own steps.

Core ML compiles a package once, loads the compiled form for some compute units, and predicts
named outputs from named inputs. Every runtime here does the same three things, so that the
benchmark and the verification do not know which one they hold.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from export.mil.description import ModelDescription

# a PIL image, numpy array or number going in; an image, array, string or dictionary coming out
Feature = Any


class LoadedModel(Protocol):
    """What `Runtime.load` gives: a package that can be called."""

    @property
    def description(self) -> ModelDescription:
        """What it takes and gives."""
        ...

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """All outputs by name, for one set of inputs.

        A picture is a PIL image, as coremltools gives it: of mode L or RGB, or F where its
        pixels are float16.

        Raises `UserError` for an input that is missing, unknown, or of the wrong kind or size.
        """
        ...


class Runtime(Protocol):
    """What can compile and load packages on this machine."""

    @property
    def name(self) -> str:
        """What options and results call it."""
        ...

    def unavailable(self) -> str | None:
        """Why this runtime cannot be used here, or None when it can."""
        ...

    def units(self) -> tuple[str, ...]:
        """Names of the compute units a package can be loaded for."""
        ...

    def compile(self, package: Path, folder: Path) -> Path:
        """Compile `package` into `folder` (once, in the parent); returns what `load` takes."""
        ...

    def load(self, compiled: Path, unit: str) -> LoadedModel:
        """Load what `compile` made, for one of `units()`."""
        ...
