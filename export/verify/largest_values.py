"""How large a model's values become on given photographs, in float32."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.mil.chosen_sizes import chosen_sizes
from export.mil.description import TensorInput
from export.mil.read.model import network
from export.mil.shapes import at
from export.runtimes.inputs import crop, geometry_of, picture_size, unknown_pixels
from export.verify.intermediates import of_package
from mobilenet.common.images import open_picture
from mobilenet.common.options import OWN_SIZE, SizeOptions


def largest_values(
    path: Path, photographs: Sequence[Path], sizes: SizeOptions = OWN_SIZE
) -> dict[str, float]:
    """The largest absolute value of each layer's output over all photographs, by its name.

    Of the default function of the model at `path`, or of the only network of a pipeline. Raises
    `PackageError` for what is damaged, `UnsupportedError` for a model that cannot be run here, or
    takes something else than a picture.
    """
    flexible = network(path).function()
    function = at(flexible, chosen_sizes(flexible.description, sizes.size, sizes.batch))
    description = function.description
    size, geometry = picture_size(description), geometry_of(description)
    (item,) = description.inputs
    if isinstance(item, TensorInput) and geometry is None:
        raise unknown_pixels(item)
    pictures = [crop(open_picture(photograph), size, geometry) for photograph in photographs]
    largest: dict[str, float] = {}
    for layers in of_package(path, function, pictures, "float32"):
        for layer in layers:
            value = float(np.abs(layer.value).max(initial=0))
            largest[layer.name] = max(largest.get(layer.name, 0.0), value)
    return largest
