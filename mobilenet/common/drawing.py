"""What was detected in a picture, drawn: boxes with labels, classes of pixels in colour."""

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

OPACITY = 0.55  # of a colour
GOLDEN = 0.618034  # of the circle of hues: classes next to each other look unlike
LEAST_LETTERS, LEAST_LINE = 10, 2  # pixels
LETTERS, LINE = 1 / 28, 1 / 250  # parts of a large picture's longer side


class LabelledBox(NamedTuple):
    """Left, top, width and height in the picture's pixels."""

    box: tuple[float, float, float, float]
    number: int  # of the class, for the colour
    text: str


def draw_boxes(picture: "Image", boxes: Sequence[LabelledBox]) -> None:
    """Draw on an RGB picture; of the boxes the best is the first.

    Of one that reaches far out of the picture only what is near is drawn, and nothing of one whose
    numbers are none.
    """
    from PIL import ImageDraw, ImageFont

    longer = max(picture.size)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(max(LEAST_LETTERS, longer * LETTERS))
    line = max(LEAST_LINE, round(longer * LINE))
    for box, number, text in reversed(boxes):  # the best lies uppermost
        colour, edges = colour_of(number), _edges(box, longer)
        if edges is None:
            continue
        left, top, _, _ = edges
        draw.rectangle(edges, outline=colour, width=line)
        _, _, across, down = draw.textbbox((0, 0), text, font)
        above = top - down if top >= down else max(top, 0)
        corner = (max(min(left, picture.width - across), 0), above)  # it is to be read
        draw.rectangle(draw.textbbox(corner, text, font), fill=colour)
        draw.text(corner, text, fill="black", font=font)


def _edges(
    box: tuple[float, float, float, float], longer: int
) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom, at most the picture's `longer` side out of it."""
    left, top, width, height = box
    edges = np.array([left, top, left + width, top + height])
    if not np.isfinite(edges).all() or min(width, height) < 0:
        return None
    left, top, right, bottom = np.clip(edges, -longer, 2 * longer).tolist()
    return left, top, right, bottom


def with_classes(picture: "Image", classes: NDArray[np.uint8], ignored: int) -> "Image":
    """An RGB picture under a map of classes of its proportions.

    Class 0, the background of Pascal and COCO, and `ignored` stay as they are.
    """
    from PIL import Image as PillowImage
    from PIL.Image import Resampling

    palette = np.array([colour_of(number) for number in range(256)], np.uint8)
    resized = PillowImage.fromarray(classes).resize(picture.size, Resampling.NEAREST)
    numbers = np.asarray(resized)
    shown = ((numbers != 0) & (numbers != ignored))[..., None]
    pixels = np.asarray(picture)
    mixed = pixels * (1 - OPACITY) + palette[numbers] * OPACITY
    return PillowImage.fromarray(np.where(shown, mixed, pixels).astype(np.uint8))


def colour_of(number: int) -> tuple[int, int, int]:
    """The same for the same class, bright enough for black letters."""
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1, 0.75, 1)
    return round(255 * red), round(255 * green), round(255 * blue)
