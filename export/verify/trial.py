"""One function of a file, run on pictures beside PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.formats.registry import format_of
from export.mil.program import Function, Precision, Program
from export.mil.read.model import network
from export.prepared import MAIN, Prepared
from export.runtimes.base import Feature
from export.runtimes.inputs import from_picture
from export.runtimes.portable import PortableRuntime
from export.verify import reference
from export.verify.agreement import logits_name, probe_pictures, run, stacked
from export.verify.detected_boxes import BoxReading
from export.verify.pixel_classes import PixelClasses
from mobilenet.checkpoint import Checkpoint

if TYPE_CHECKING:
    from PIL.Image import Image

Outputs = Sequence[Mapping[str, Feature]]


@dataclass(frozen=True, eq=False)
class Trial:
    """One function of a file, and what it is run on."""

    path: Path
    name: str
    program: Callable[[], Program]
    prepared: Prepared
    pictures: Sequence["Image"]

    @classmethod
    def of(
        cls,
        path: Path,
        name: str,
        program: Callable[[], Program],
        prepared: Prepared,
        photographs: Sequence["Image"] = (),
    ) -> "Trial":
        """On two made pictures and the photographs; `program` gives what is read of `path`."""
        size, geometry = prepared.metadata.size, prepared.metadata.geometry
        pictures = [*probe_pictures(size), *(geometry.apply(each, size) for each in photographs)]
        return cls(path, name, program, prepared, pictures)

    def twin(self, folder: Path) -> "Trial":
        """Of a float32 twin, written to `folder`; it is held against the unfolded module."""
        twin = self.prepared.twin()
        path = folder / f"{self.name}{self.path.suffix}"
        format_of(twin.spec).write(twin, path)
        return Trial(path, MAIN, cache(lambda: network(path)), twin, self.pictures)

    @property
    def function(self) -> Function:
        """As it is read."""
        return self.program().function(self.name)

    @cached_property
    def pixels(self) -> PixelClasses | None:
        """How a segmenter's output is read."""
        network = self.prepared.network
        return (
            PixelClasses.of(self.function, network.config.readout)
            if isinstance(network, Checkpoint)
            else None
        )

    @cached_property
    def boxes(self) -> BoxReading | None:
        """How a detector's outputs are read."""
        network = self.prepared.network
        if not isinstance(network, Checkpoint):
            return None
        return BoxReading.of(self.prepared.spec, network.config.readout, network.config.classes)

    @property
    def logits_names(self) -> tuple[str, ...]:
        """Names of the values that are held against PyTorch's logits."""
        return (logits_name(self.function),) if self.boxes is None else self.boxes.logits

    @cached_property
    def reference(self) -> reference.Reference:
        """What PyTorch says to the pictures."""
        return reference.of_network(self.prepared.network, self.pictures)

    def run(self, precision: Precision, extra_outputs: Sequence[str] = ()) -> Outputs:
        """All outputs of every picture, the logits among them.

        As declared by the format's own runtime; what declares float16 is computed in float32 by
        the portable one.
        """
        function, normalization = self.function, self.prepared.metadata.normalization
        names = (*self.logits_names, *extra_outputs)
        if self.pixels is not None:
            names = (*names, self.pixels.large)
        if self.boxes is not None:
            names = (*names, *self.boxes.values)
        as_declared = precision == "declared" or self.prepared.is_exact
        runtime = format_of(self.prepared.spec).runtime if as_declared else PortableRuntime.name
        inputs = [
            from_picture(function.description, picture, normalization) for picture in self.pictures
        ]
        return list(run(self.path, inputs, precision, names, function.name, runtime=runtime))

    def logits(self, outputs: Outputs) -> NDArray[np.float32]:
        """(pictures, classes) of what `run` gave; of a detector as `Reference` has them."""
        return stacked(outputs, *self.logits_names)
