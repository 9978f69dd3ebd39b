"""Small pictures for the report page: as they are, with boxes drawn, with masks overlaid."""

import base64
import colorsys
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.images import PictureError, open_picture

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 192  # pixels of the longer side of what is drawn on: some 8 kB
OPACITY = 0.55  # of a mask
GOLDEN = 0.618034  # of the circle of hues: classes next to each other look unlike


class LabelledBox(NamedTuple):
    """Left, top, width and height in the picture's pixels."""

    box: tuple[float, float, float, float]
    number: int  # of the class, for the colour
    text: str


def small(path: Path, side: int) -> "Image | None":
    """A picture with its longer side of at most `side`; None when it is gone by now."""
    try:
        picture = open_picture(path)
    except (PictureError, FileNotFoundError):
        return None
    picture.thumbnail((side, side))
    return picture


def data_uri(picture: "Image | None") -> str:
    """A JPEG for HTML; empty without a picture."""
    if picture is None:
        return ""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=70)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def with_boxes(path: Path, width: int, boxes: Sequence[LabelledBox]) -> str:
    """The picture, whose boxes are for so many pixels of `width`, as a data URI."""
    from PIL import ImageDraw

    picture = small(path, SIDE)
    if picture is None:
        return ""
    draw, scale = ImageDraw.Draw(picture), picture.width / width
    for (left, top, wide, high), number, text in reversed(boxes):  # the best lies uppermost
        corner = (left * scale, top * scale)
        opposite = ((left + wide) * scale, (top + high) * scale)
        colour = colour_of(number)
        draw.rectangle((*corner, *opposite), outline=colour, width=2)
        draw.rectangle(draw.textbbox(corner, text), fill=colour)
        draw.text(corner, text, fill="black")
    return data_uri(picture)


def with_classes(path: Path, classes: NDArray[np.uint8], ignored: int) -> str:
    """The picture under a map of classes of its proportions, as a data URI.

    Class 0, the background of Pascal and COCO, and `ignored` stay as they are.
    """
    from PIL import Image as PillowImage
    from PIL.Image import Resampling

    picture = small(path, SIDE)
    if picture is None:
        return ""
    palette = np.array([colour_of(number) for number in range(256)], np.uint8)
    resize = PillowImage.fromarray(classes).resize(picture.size, Resampling.NEAREST)
    numbers = np.asarray(resize)
    shown = ((numbers != 0) & (numbers != ignored))[..., None]
    pixels = np.asarray(picture)
    mixed = pixels * (1 - OPACITY) + palette[numbers] * OPACITY
    return data_uri(PillowImage.fromarray(np.where(shown, mixed, pixels).astype(np.uint8)))


def colour_of(number: int) -> tuple[int, int, int]:
    """The same for the same class, bright enough for black letters."""
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1, 0.75, 1)
    return round(255 * red), round(255 * green), round(255 * blue)
