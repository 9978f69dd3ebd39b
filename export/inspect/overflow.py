"""Which layers leave float16's range on given pictures: the model runs in float32, laid open."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from export.inspect.rules import Finding
from export.mil.description import ImageInput
from export.mil.read.model import read
from export.verify.intermediates import crop, geometry_of, of_package, picture_size
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.images import open_picture

if TYPE_CHECKING:
    from export.inspect.inspect import LayerFacts

FLOAT16_MAX = 65504.0


def largest_values(path: Path, photographs: Sequence[Path]) -> dict[str, float]:
    """The largest absolute value of each layer's output over all photographs, by its name."""
    function = read(path).function()
    face = function.description
    size = picture_size(face)
    if not isinstance(face.inputs[0], ImageInput) and geometry_of(face) is None:
        raise UnsupportedError(
            f"input {face.inputs[0].name!r} is an array: how pixels become one is not known",
            "export the model with an image input",
        )
    pictures = [crop(open_picture(one), size, geometry_of(face)) for one in photographs]
    largest: dict[str, float] = {}
    for layers in of_package(path, function, pictures, "float32"):
        for layer in layers:
            value = float(np.abs(layer.value).max(initial=0))
            largest[layer.name] = max(largest.get(layer.name, 0.0), value)
    return largest


def overflows(layers: Sequence["LayerFacts"]) -> Iterator[Finding]:
    """One finding for all layers that leave the range, NaN among them."""
    over = [(one.name, one.largest) for one in layers
            if one.largest is not None and not one.largest <= FLOAT16_MAX]  # fmt: skip
    if over:
        (first, _), (worst, value) = over[0], max(over, key=lambda pair: pair[1])
        yield Finding(
            "float16-overflow", "error",
            f"{len(over)} layers leave float16's range (65504) on the given pictures, the first "
            f"is {first!r}, the largest value {value:.3g} in {worst!r}: in float16, as on the "
            "Neural Engine, they become infinite",
            "keep these layers in float32, or scale the weights before them down",
        )  # fmt: skip
