"""What is put to the test, whatever it answers: a model on a runtime that takes a picture."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.accuracy.thread_sessions import ThreadSessions
from bench.results.records import Model
from export.coreai import compute_units
from export.mil.description import ImageInput, ModelDescription
from export.runtimes.base import LoadedModel, Runtime
from export.runtimes.inputs import picture_size
from mobilenet.common.errors import UnsupportedError


class CompiledPackage(NamedTuple):
    """A package that can be loaded, and on what."""

    model: Model
    runtime: Runtime
    path: Path
    unit: str
    precision: str = ""
    logits_name: str = ""  # what its logits are called where the runtime gives them as well

    def load(self) -> LoadedModel:
        """A session; of Core AI, one for each thread."""
        if self.runtime.name == "coreai":
            return ThreadSessions(lambda: self.runtime.load(self.path, self.unit))
        return self.runtime.load(self.path, self.unit)

    @property
    def threads_at_once(self) -> bool:
        """Whether several threads may ask at the same time."""
        return self.runtime.name != "coreml"

    def interpreted_s(self, took_s: float) -> float:
        """`took_s` where Core AI is interpreted; else 0."""
        is_interpreted = self.runtime.name == "coreai" and not compute_units.uses_system()
        return took_s if is_interpreted else 0.0


@dataclass(frozen=True)
class Subject:
    """A network that answers square pictures of `size` pixels."""

    model: Model
    runtime: str
    unit: str
    size: int
    precision: str = field(default="", kw_only=True)
    # whether several threads may ask at the same time
    threads_at_once: bool = field(default=True, kw_only=True)
    # of one picture, where Core AI is interpreted; else 0
    interpreted_s: float = field(default=0.0, kw_only=True)

    @property
    def name(self) -> str:
        """Unique in a run: model, runtime, unit and precision."""
        parts = [self.model.name, self.runtime, self.unit]
        return " | ".join([*parts, self.precision] if self.precision else parts)


def square_side(name: str, description: ModelDescription) -> int:
    """Pixels of the side of the square colour picture that a model takes.

    Raises `UnsupportedError` for one that takes something else.
    """
    width, height = picture_size(description)
    first = description.inputs[0]
    if width != height or (isinstance(first, ImageInput) and first.color == "GRAYSCALE"):
        raise UnsupportedError(
            f"{name} takes {width} x {height} pixels", "it must take one square colour picture"
        )
    return width
