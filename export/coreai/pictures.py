"""How an asset takes a picture: as an image, which only Apple's systems can make, or as its bytes.

A function that takes an image has a twin with the same graph, on the same weights, that takes the
image's bytes as an array. The twin runs, and is verified, on Linux too.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

PIXEL_FORMAT = "BGRA32"  # what a camera gives; alpha is left out
CHANNELS = 4
TWIN = "pixels"


def twin_name(function: str) -> str:
    """What the twin of `function` is called: "pixels", or "r160_pixels" of "r160"."""
    return TWIN if function == "main" else f"{function}_{TWIN}"


def to_bytes(picture: "Image") -> NDArray[np.uint8]:
    """An RGB picture as (H, W, 4): blue, green, red, alpha."""
    alpha = np.full((picture.height, picture.width, 1), 255, np.uint8)
    return np.concatenate([np.asarray(picture, np.uint8)[..., ::-1], alpha], axis=2)
