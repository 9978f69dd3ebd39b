"""Where two models part: every layer's output of one against the other's, on the same picture.

Either side is a package, an .mlmodel or a file of weights (run by PyTorch, unfolded). Layers are
matched by name where names agree, else by order, kind and shape.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from export.mil.description import ImageInput
from export.mil.program import Function
from export.mil.read.model import read
from export.runtimes.inputs import crop, geometry_of, picture_size
from export.runtimes.portable import Precision
from export.verify.intermediates import LayerOutput, of_checkpoint, of_package
from export.verify.layer_matching import match
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.size import Size

if TYPE_CHECKING:
    from PIL.Image import Image

    from mobilenet.checkpoint import Checkpoint

Array = NDArray[Any]

TOLERANCE = 5e-2  # within a float16 package, layers reach 3e-2 on noise
MAX_PROBE = 1024  # pixels of a side; larger pictures are made by resizing
PACKAGES = (".mlpackage", ".mlmodel", ".aimodel")
# Data is moved, not computed, by these: one side may well do without them.
MOVES = ("cast", "identity", "reshape", "squeeze", "expand_dims", "flatten2d", "transpose")


class LayerDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of layers. Distances are None where a value is infinite or no number."""

    name: str
    reference_name: str
    type: str
    relative_l2: float | None  # of the outputs, relative to the length of the reference's
    max_absolute: float | None
    weights: float | None  # relative L2 of the kernels; None where there are none

    def within(self, tolerance: float) -> bool:
        """Whether it is a number, and at most `tolerance`."""
        return self.relative_l2 is not None and self.relative_l2 <= tolerance


class Difference(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="layer_errors"):
    """All pairs in program order, and the layers of either side that have no partner.

    As JSON it is the record that `bench.results.layer_errors` draws.
    """

    package: str
    reference: str
    tolerance: float
    precision: Precision
    layers: tuple[LayerDifference, ...]
    parting: str | None  # the first layer that is off by more than the tolerance
    unmatched: tuple[str, ...]
    unmatched_reference: tuple[str, ...]


def diff(
    first: Path,
    reference: Path,
    image: Path | None = None,
    *,
    tolerance: float = TOLERANCE,
    precision: Precision = "declared",
) -> Difference:
    """Run both on one picture (a made one without `image`) and compare layer by layer.

    `precision` is how packages compute: "declared" rounds float16 layers, "float32" does not.
    Raises `UserError` for files that cannot be read, run here, or compared.
    """
    sides = [_open(first), _open(reference)]
    size = _common_size(sides)
    picture = _picture(image, size, sides)
    ours, theirs = (side.layers(picture, precision) for side in _made_alike(sides, size))
    pairs = list(match(ours, theirs))
    if not pairs:
        raise UnsupportedError(
            f"{first} and {reference} have no layer in common", "are they the same network?"
        )
    layers = tuple(_compare(a, b) for a, b in pairs)
    matched = {id(layer) for pair in pairs for layer in pair}
    return Difference(
        package=first.name, reference=reference.name, tolerance=tolerance, precision=precision,
        layers=layers,
        parting=next((one.name for one in layers if not one.within(tolerance)), None),
        unmatched=tuple(layer.name for layer in ours if id(layer) not in matched),
        unmatched_reference=tuple(layer.name for layer in theirs if id(layer) not in matched),
    )  # fmt: skip


def _compare(ours: LayerOutput, theirs: LayerOutput) -> LayerDifference:
    a, b = np.ravel(ours.value), np.ravel(theirs.value)
    weights = None
    if ours.kernel is not None and theirs.kernel is not None:
        kernels = np.ravel(ours.kernel), np.ravel(theirs.kernel)
        weights = _relative(*kernels) if kernels[0].size == kernels[1].size else None
    return LayerDifference(
        name=ours.name, reference_name=theirs.name, type=ours.type,
        relative_l2=_relative(a, b), max_absolute=_finite(_distances(a, b).max(initial=0)),
        weights=weights,
    )  # fmt: skip


def _distances(a: Array, b: Array) -> Array:
    with np.errstate(invalid="ignore"):  # infinity less infinity: reported as None
        return np.abs(a.astype(np.float64) - b.astype(np.float64))


def _relative(a: Array, b: Array) -> float | None:
    distance = float(np.linalg.norm(_distances(a, b)))
    length = float(np.linalg.norm(b.astype(np.float64)))
    if distance == 0:
        return 0.0
    return _finite(distance / length) if length else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True, eq=False)
class _Side:
    """One of the two: a package (its function) or weights."""

    path: Path
    function: Function | None = None
    checkpoint: "Checkpoint | None" = None
    image_input: bool = False  # of the package that weights are compared with

    def layers(self, picture: "Image", precision: Precision) -> list[LayerOutput]:
        """What each layer gives, without those that only move data."""
        if self.function is not None:
            (found,) = of_package(self.path, self.function, [picture], precision)
        else:
            assert self.checkpoint is not None, "one of the two is given"
            found = of_checkpoint(self.checkpoint, picture, image_input=self.image_input)
        return [layer for layer in found if layer.type not in MOVES]


def _open(path: Path) -> _Side:
    if path.suffix in PACKAGES:
        return _Side(path, function=read(path).function())
    from mobilenet.sources import recognise

    return _Side(path, checkpoint=recognise.read(path))


def _common_size(sides: Sequence[_Side]) -> Size:
    """Of the picture both take; weights take any."""
    sizes = [picture_size(side.function.description) for side in sides if side.function]
    if len(set(sizes)) > 1:
        raise UnsupportedError(
            f"{sides[0].path} takes {sizes[0]} pixels, {sides[1].path} {sizes[1]}",
            "export both at one resolution",
        )
    for side in sides:
        if side.checkpoint is not None and not sizes:
            return side.checkpoint.config.size
    return sizes[0]


def _picture(image: Path | None, size: Size, sides: Sequence[_Side]) -> "Image":
    if image is None:
        from export.verify.agreement import probe_pictures

        small = Size(*(min(side, MAX_PROBE) for side in size))
        return probe_pictures(small)[1].resize((size.width, size.height))
    from mobilenet.common.images import open_picture

    known = [side.checkpoint.geometry for side in sides if side.checkpoint is not None]
    known += [g for s in sides if s.function and (g := geometry_of(s.function.description))]
    return crop(open_picture(image), size, known[0] if known else None)


def _made_alike(sides: Sequence[_Side], size: Size) -> Iterator[_Side]:
    """Weights at the package's resolution, with the classes that it has of them.

    Without the background that it leaves out, and two of one sigmoid.
    """
    faces = [side.function.description for side in sides if side.function is not None]
    labels = {len(face.labels) for face in faces if face.labels}
    image_input = any(isinstance(face.inputs[0], ImageInput) for face in faces)
    for side in sides:
        checkpoint = side.checkpoint
        if checkpoint is None:
            yield side
            continue
        checkpoint = checkpoint.at(size)
        if checkpoint.config.classes - 1 in labels and checkpoint.config.readout.classes:
            checkpoint = checkpoint.without_background()
        elif checkpoint.config.readout.is_binary and 2 in labels:
            checkpoint = checkpoint.as_two_classes()
        yield replace(side, checkpoint=checkpoint, image_input=image_input)
