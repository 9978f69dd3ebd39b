"""An output that is declared as an image, made from the numbers that a network gives."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.mil.description import PictureFormat
from export.package.model_files import REMAKE
from mobilenet.common.errors import PackageError

if TYPE_CHECKING:
    from PIL.Image import Image


def picture(name: str, values: NDArray[Any], format: PictureFormat) -> "Image":
    """The picture of `values`, (..., C, height, width) of 0 to 255, as a PIL image.

    Rounded to the nearest pixel and cut at 0 and 255; what is no number is 0. Apple does not say
    how Core ML rounds. Halves stay what they are, in mode F. Raises `PackageError` where the
    values of the output `name` are too many or too few.
    """
    from PIL import Image

    channels = 3 if format.color in ("RGB", "BGR") else 1
    if values.size != channels * format.height * format.width:
        raise PackageError(
            f"output {name!r} has shape {values.shape}, its picture is {format.width} x "
            f"{format.height} pixels of {channels}",
            REMAKE,
        )
    planes = values.reshape(channels, format.height, format.width)
    if format.color == "GRAYSCALE_FLOAT16":
        return Image.fromarray(planes[0].astype(np.float16).astype(np.float32))
    pixels = np.nan_to_num(np.rint(planes), nan=0).clip(0, 255).astype(np.uint8)
    if channels == 1:
        return Image.fromarray(pixels[0])
    ordered = pixels[::-1] if format.color == "BGR" else pixels
    return Image.fromarray(np.ascontiguousarray(ordered.transpose(1, 2, 0)))
