"""What is put to the test, whatever it answers: a model on a runtime that takes a picture."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bench.accuracy.thread_sessions import ThreadSessions
from bench.results.records import Model
from export.coreai import compute_units
from export.mil.description import ImageInput, ModelDescription
from export.package.metadata import listed_labels
from export.runtimes.base import Feature, LoadedModel, Runtime
from export.runtimes.inputs import picture_size
from mobilenet.common.decoding import decode_json
from mobilenet.common.errors import PackageError, UnsupportedError
from mobilenet.common.size import Size
from mobilenet.preprocess import Geometry

if TYPE_CHECKING:
    from PIL.Image import Image

PREVIEW = "com.apple.coreml.model.preview.params"


class _Preview(msgspec.Struct, frozen=True):
    labels: tuple[str, ...] = ()


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
    """A network that answers pictures of `size`."""

    model: Model
    runtime: str
    unit: str
    size: Size
    precision: str = field(default="", kw_only=True)
    # from a photograph to the input; None where a package does not say
    geometry: Geometry | None = field(default=None, kw_only=True)
    # whether several threads may ask at the same time
    threads_at_once: bool = field(default=True, kw_only=True)
    # of one picture, where Core AI is interpreted; else 0
    interpreted_s: float = field(default=0.0, kw_only=True)

    @property
    def name(self) -> str:
        """Unique in a run: model, runtime, unit and precision."""
        parts = [self.model.name, self.runtime, self.unit]
        return " | ".join([*parts, self.precision] if self.precision else parts)


def color_size(name: str, description: ModelDescription) -> Size:
    """Of the colour picture that a model takes.

    Raises `UnsupportedError` for one that takes something else.
    """
    size, first = picture_size(description), description.inputs[0]
    if isinstance(first, ImageInput) and first.channels == 1:
        raise UnsupportedError(f"{name} takes a grey picture", "it must take one colour picture")
    return size


def class_names(name: str, description: ModelDescription, count: int | None) -> tuple[str, ...]:
    """What a model calls its classes: its labels, those that ours list, or Xcode's preview.

    Raises `UnsupportedError` where they are not `count`, or nothing says how many there are.
    """
    labels = description.labels or listed_labels(description.metadata)
    labels = labels or _preview_labels(description)
    if count is not None and not labels:
        labels = tuple(f"class {number}" for number in range(count))
    if not labels:
        raise UnsupportedError(f"{name} does not name its classes", "export it with labels")
    if count not in (None, len(labels)):
        raise UnsupportedError(
            f"{name} names {len(labels)} classes and answers with {count}", "export it again"
        )
    return labels


def _preview_labels(description: ModelDescription) -> tuple[str, ...]:
    text = description.metadata.get(PREVIEW)
    if text is None:
        return ()
    what = f"metadata {PREVIEW}"
    return decode_json(text, _Preview, what, "export it again", error=PackageError).labels


def timed_on_grey(
    outputs: Callable[["Image"], Mapping[str, Feature]], size: Size
) -> tuple[Mapping[str, Feature], float]:
    """What a model gives for a grey picture, and after how many seconds: known before the run."""
    from PIL import Image as PillowImage

    begin = time.perf_counter()
    tried = outputs(PillowImage.new("RGB", (size.width, size.height), (128, 128, 128)))
    return tried, time.perf_counter() - begin
