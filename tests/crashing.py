"""A way to a picture that takes its process down; decoding processes import it by name."""

import os

from PIL.Image import Image


def on_red(image: Image, size: int) -> Image:
    """End the process at a picture whose first pixel is red."""
    if image.getpixel((0, 0)) == (255, 0, 0):
        os._exit(7)
    return image.resize((size, size))
