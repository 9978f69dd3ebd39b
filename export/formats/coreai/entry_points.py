"""The functions of an asset: what stands before a network, from a picture, bytes or an array."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.coreai import construction, library, pictures
from export.spec import ExportSpec
from mobilenet.common.size import Size
from mobilenet.networks.rows import COLORS
from mobilenet.preprocess import Normalization

if TYPE_CHECKING:
    from coreai.authoring import Value

HalfOrFloat = type[np.float16 | np.float32]


def sizes(*values: int) -> NDArray[np.uint32]:
    """Lengths, strides or axes, as Core AI takes them."""
    return np.array(values, np.uint32)


@dataclass(frozen=True)
class EntryPoints:
    """What stands before a network, in the precision of the file."""

    network: "Callable[[Value], Value]"  # of normalized values (1, 3, *size) of `dtype`
    size: Size
    dtype: HalfOrFloat
    normalization: Normalization

    def add(self, name: str, spec: ExportSpec, output_shape: tuple[int, ...]) -> None:
        """Add the function `name` to the program; with its twin where it takes a picture."""
        import coreai.authoring as ca

        output = "probabilities" if spec.outputs == "classifier" else str(spec.outputs)
        kind = np.int32 if spec.outputs == "labels" else np.float32
        outputs = {output: ca.TensorSpec(output_shape, kind)}
        if spec.input == "tensor":
            array = ca.TensorSpec((1, COLORS, *self.size), np.float32)
            construction.add_function(name, {"input": array}, outputs, self.of_array)
            return
        image = ca.ImageSpec(library.picture_format(pictures.PIXEL_FORMAT), *self.size)
        pixels = ca.TensorSpec((*self.size, pictures.CHANNELS), np.uint8)
        construction.add_function(name, {"image": image}, outputs, self.of_image)
        twin = pictures.twin_name(name)
        construction.add_function(twin, {"image": pixels}, outputs, self.of_pixels)

    def of_image(self, image: "Value") -> "Value":
        """Of a picture, as an app has it."""
        import coreai.authoring as ca

        return self.of_pixels(ca.image_to_tensor(image))

    def of_pixels(self, pixels: "Value") -> "Value":
        """Of the bytes of a picture, (H, W, 4): blue, green, red, alpha.

        Scaled in float32, as Core ML scales: 1 / 127.5 is no float16.
        """
        import coreai.authoring as ca

        corners = ((0, 0, 0), (*self.size, COLORS), (1, 1, 1))  # first, end, step
        x = ca.slice_(pixels, *(np.array(corner, np.int32) for corner in corners))
        x = ca.reshape(ca.transpose(x, sizes(2, 0, 1)), sizes(1, COLORS, *self.size))
        if self.normalization.order == "RGB":
            x = ca.reverse(x, np.array([1], np.int32))
        scale, bias = (
            np.array(values, np.float32).reshape(1, COLORS, 1, 1)
            for values in (self.normalization.scale, self.normalization.bias)
        )
        alike = np.all(scale == scale.flat[0])
        x = ca.broadcasting_mul(
            ca.cast(x, np.float32),
            scale.flat[0] if alike else library.named_constant("image.scale", scale),
        )
        x = ca.broadcasting_add(x, library.named_constant("image.bias", bias))
        return self.of_array(x)

    def of_array(self, array: "Value") -> "Value":
        """Of normalized colours (1, 3, H, W) in float32."""
        import coreai.authoring as ca

        return self.network(ca.cast(array, self.dtype) if self.dtype is np.float16 else array)
