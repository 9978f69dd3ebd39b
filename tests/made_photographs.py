"""Crops of one photograph, as many as calibration needs: in a folder, or as it reads them."""

from pathlib import Path

import numpy as np
from PIL import Image

from conftest import PHOTO
from export.compression.calibration import LEAST_PHOTOGRAPHS, Calibration
from mobilenet.checkpoint import Checkpoint


def crops(count: int) -> list[Image.Image]:
    """Of one photograph, 200 x 150 pixels, no two alike."""
    with Image.open(PHOTO) as photograph:
        corners = [(9 * (number % 8), 7 * (number // 8)) for number in range(count)]
        return [photograph.crop((x, y, x + 200, y + 150)) for x, y in corners]


def folder_of(place: Path, count: int = LEAST_PHOTOGRAPHS) -> Path:
    """A folder with so many photographs, 000.png and on."""
    place.mkdir()
    for number, crop in enumerate(crops(count)):
        crop.save(place / f"{number:03}.png")
    return place


def calibration_of(network: Checkpoint, count: int = LEAST_PHOTOGRAPHS) -> Calibration:
    """What such a folder would be for `network`, without a file."""
    size = network.config.size
    pixels = np.stack([np.asarray(network.geometry.of_upright(x, size)) for x in crops(count)])
    held_back = count // 5
    return Calibration(pixels[held_back:], pixels[:held_back], size, network.normalization)
