"""Photographs from files: within bounds, upright, in sRGB; and what is said of all others."""

import os
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mobilenet.common import memory_limit
from mobilenet.common.errors import ConfigError, UserError
from mobilenet.common.files import open_regular
from mobilenet.common.text import one_line

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic"])
# What photographs come in. Pillow knows others, of which one starts another program (EPS).
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000")
MAX_FILE_BYTES = 1 << 28
MAX_PIXELS = (
    1 << 30
) // 12  # Pillow's own MAX_IMAGE_PIXELS: 89 million, a quarter of a GiB of RGB
MAX_ASPECT = 100  # of the longer side to the shorter: resized by the shorter, the longer grows too
MAX_DECODING_BYTES = 768 << 20  # above what the process had before
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright


class PictureError(ConfigError):
    """A file that is no picture, or broken, or too large to be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} is not a picture that can be read: {reason}", "JPEG, PNG, ... will do"
        )
        self.reason = reason


def open_picture(path: Path) -> "Image":
    """The picture in a file: upright, in sRGB, 8-bit RGB.

    Raises `PictureError` for what is none, is broken or too large, and `FileNotFoundError`.
    """
    return _opened(path, upright_rgb)


def open_indices(path: Path) -> "Image":
    """A picture whose pixels are numbers: as stored, of mode P or L. Raises as `open_picture`."""
    return _opened(path, _indices)


def _opened(path: Path, convert: Callable[["Image"], "Image"]) -> "Image":
    try:
        with (
            open_regular(path, MAX_FILE_BYTES) as file,
            warnings.catch_warnings(),
            memory_limit.growth(MAX_DECODING_BYTES),
        ):
            warnings.simplefilter("ignore")  # odd metadata of other people's photographs
            picture = convert(_loaded(file))
    except FileNotFoundError:
        raise
    except Exception as error:  # codecs say "broken" in all ways there are
        raise PictureError(path, _reason(error, path)) from error
    picture.info.clear()  # followed by now: a second time, a profile would change the pixels again
    return picture


def _indices(image: "Image") -> "Image":
    if image.mode not in ("P", "L"):
        raise ValueError(f"its pixels are {image.mode}, not numbers of classes: mode P or L")
    return image


def _loaded(file: BinaryIO) -> "Image":
    from PIL import Image

    Image.init()
    image = Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])
    shorter, longer = sorted(image.size)
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"{image.width} x {image.height} pixels are more than {MAX_PIXELS}")
    if longer > MAX_ASPECT * shorter:
        raise ValueError(
            f"{image.width} x {image.height} pixels: one side is more than {MAX_ASPECT} times the "
            "other"
        )
    image.load()
    return image


def _reason(error: Exception, path: Path) -> str:
    from PIL import UnidentifiedImageError

    match error:
        case UnidentifiedImageError():
            return f"it is none of {', '.join(FORMATS)}, or cut"
        case UserError():
            return error.message.replace(str(path), "it")
        case OSError(strerror=str(reason)):  # without the path, which is told anyway
            return reason
        case _:
            return one_line(str(error)) or f"it is damaged ({type(error).__name__})"


def upright_rgb(image: "Image") -> "Image":
    """Turned as EXIF says, in sRGB, transparent parts on white, 8-bit RGB."""
    from PIL import Image as PillowImage
    from PIL import ImageOps

    if image.getexif().get(ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = srgb(image if image.mode == "RGBA" else image.convert("RGBA"))
        white = PillowImage.new("RGBA", image.size, "white")
        image = PillowImage.alpha_composite(white, image)
    if image.mode.startswith("I"):  # 16 bits a channel: convert("RGB") would clip, not scale
        image = image.point(lambda value: value / 256).convert("L")
    image = srgb(image.convert("RGB") if image.mode == "P" else image)
    return image if image.mode == "RGB" else image.convert("RGB")


def srgb(image: "Image") -> "Image":
    """Colours of the embedded ICC profile as sRGB, which is what networks were trained on.

    As it is where there is no profile, where that is sRGB by name (a round trip would move
    pixels by one), and where it is damaged or of another kind than the pixels.
    """
    from PIL import ImageCms

    embedded = image.info.get("icc_profile")
    if not embedded:
        return image
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(embedded))
        if "srgb" in ImageCms.getProfileDescription(profile).lower():
            return image
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.ImageCmsTransform(profile, target, image.mode, mode).apply(image)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image


def pictures_in(folder: Path) -> list[Path]:
    """The pictures below `folder`, by name. Raises `ConfigError` where there are none."""
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
    return pictures
