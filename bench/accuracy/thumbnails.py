"""Small pictures for the report page: as they are, with boxes drawn, with masks overlaid."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mobilenet.common import drawing
from mobilenet.common.drawing import LabelledBox
from mobilenet.common.images import PictureError, open_picture

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 192  # pixels of the longer side of what is drawn on: some 8 kB


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
    picture = small(path, SIDE)
    if picture is None:
        return ""
    scale = picture.width / width
    drawing.draw_boxes(picture, [_scaled(box, scale) for box in boxes])
    return data_uri(picture)


def with_classes(path: Path, classes: NDArray[np.uint8], ignored: int) -> str:
    """The picture under a map of classes of its proportions, as a data URI."""
    picture = small(path, SIDE)
    return data_uri(picture and drawing.with_classes(picture, classes, ignored))


def _scaled(labelled: LabelledBox, scale: float) -> LabelledBox:
    left, top, width, height = labelled.box
    return labelled._replace(box=(left * scale, top * scale, width * scale, height * scale))
