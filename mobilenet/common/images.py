"""Photographs from files, and what is said of those that cannot be read."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mobilenet.common.errors import ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic"])
MAX_PICTURES = 1024  # ranges of activations settle within some hundred pictures


def open_picture(path: Path) -> "Image":
    """The picture in a file, read whole. Raises `ConfigError` for what is none, or broken."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
    except FileNotFoundError:
        raise
    # Pillow says "broken" in many ways: cut files, bad chunks, and bombs that would fill memory
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ConfigError(
            f"{path} is not a picture that can be read: {error}", "JPEG, PNG, ... will do"
        ) from error
    return image


def pictures_in(folder: Path) -> list[Path]:
    """The pictures below `folder`, by name; at most `MAX_PICTURES`, spread evenly over all."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder", "give a folder of photographs")
    pictures = sorted(
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
    )
    if not pictures:
        raise ConfigError(
            f"{folder} holds no pictures", f"files that end in {', '.join(sorted(SUFFIXES))}"
        )
    count = min(len(pictures), MAX_PICTURES)
    return [pictures[number * len(pictures) // count] for number in range(count)]
