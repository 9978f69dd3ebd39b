"""Photographs that compression learns from: read once, and a share of them held back to judge by.

They need no labels: the uncompressed network says what is right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError
from mobilenet.common.images import PictureError, open_picture, pictures_in
from mobilenet.common.progress import SILENT, Progress, tracked
from mobilenet.common.size import Size
from mobilenet.preprocess import Geometry, Normalization, center_crop

Pixels = NDArray[np.uint8]  # (pictures, height, width, 3), RGB

HELD_BACK = 5  # every fifth photograph
LEAST_PHOTOGRAPHS = 40
MAX_PHOTOGRAPHS = 1024  # what is learned settles within some hundred
MAX_BYTES = 1 << 29  # of the pixels of all photographs
LEAST_SHARE = 4  # of the input's side: a photograph that is smaller shows blur when enlarged
FLAT = 1.0  # standard deviation in levels of 255; that of a picture in one colour, as JPEG has it
COLOURLESS = 1.0  # mean distance of red and blue from green, in levels


@dataclass(frozen=True, eq=False)
class Calibration:
    """Photographs of one folder as a network is given them, with what its crop leaves out.

    `learned_from` and `held_back` are (pictures, height + 2 margin, width + 2 margin, 3); no
    picture is in both, and which is where follows from the pixels and the seed alone. Of more
    photographs than are read, the order of their names says which these are.
    """

    learned_from: Pixels
    held_back: Pixels
    size: Size
    normalization: Normalization
    skipped: tuple[str, ...] = ()
    """Names of files that are not used, each with the reason."""
    unread: int = 0
    """Files beyond as many as are read."""

    @property
    def margin(self) -> int:
        """Pixels on each side around what the network sees."""
        return (int(self.learned_from.shape[1]) - self.size.height) // 2

    @cached_property
    def digest(self) -> str:
        """Of everything that is learned from these photographs."""
        parts = (self.learned_from.tobytes(), self.held_back.tobytes())
        return sha256(b"".join(parts) + repr((self.size, self.normalization)).encode()).hexdigest()

    def views(
        self, pixels: Pixels, down: int = 0, right: int = 0, mirrored: bool = False
    ) -> Pixels:
        """What the network sees of `pixels`, moved by so many pixels: up to the margin."""
        top, left = self.margin + down, self.margin + right
        seen = pixels[:, top : top + self.size.height, left : left + self.size.width]
        return seen[:, :, ::-1] if mirrored else seen

    def inputs(self, seen: Pixels) -> NDArray[np.float32]:
        """The network's input (pictures, 3, height, width) of what it sees."""
        return self.normalization.of_pixels(seen)


def read_calibration(
    folder: Path, network: Checkpoint, *, seed: int = 0, progress: Progress = SILENT
) -> Calibration:
    """The photographs below `folder`, as `network` is given them.

    At most `MAX_PHOTOGRAPHS` and `MAX_BYTES` of pixels are read, spread evenly over all names.
    Broken, empty, tiny and repeated ones are skipped, and grey ones among coloured ones. Raises
    `ConfigError` where too few are left.
    """
    size, there = network.config.size, pictures_in(folder)
    paths = _bounded(there, network.geometry, size)
    photographs, skipped = [], []
    for path in tracked(paths, lambda _: 1.0, "Reading photographs", progress):
        try:
            photographs.append(_read(path, path.relative_to(folder).as_posix(), network))
        except _UnfitError as error:
            skipped.append(f"{path.relative_to(folder).as_posix()}: {error}")
    fit, unfit = _told_apart(photographs)
    skipped += unfit
    if len(fit) < LEAST_PHOTOGRAPHS:
        told = f"; skipped {'; '.join(skipped[:3])}" if skipped else ""
        raise ConfigError(
            f"{folder} holds {len(fit)} photographs to calibrate with, {LEAST_PHOTOGRAPHS} are "
            f"needed{told}",
            "some hundred of what the app will see, without labels",
        )
    order = sorted(fit, key=lambda each: sha256(b"%d " % seed + each.pixels.tobytes()).digest())
    held_back = [each.pixels for each in order[HELD_BACK - 1 :: HELD_BACK]]
    learned_from = [
        each.pixels for at, each in enumerate(order) if at % HELD_BACK != HELD_BACK - 1
    ]
    return Calibration(
        np.stack(learned_from), np.stack(held_back), size, network.normalization, tuple(skipped),
        len(there) - len(paths),
    )  # fmt: skip


class _Photograph(NamedTuple):
    name: str
    pixels: Pixels  # (height, width, 3)

    @property
    def is_grey(self) -> bool:
        red, green, blue = np.moveaxis(self.pixels.astype(np.int16), -1, 0)
        return float((abs(red - green) + abs(blue - green)).mean()) < COLOURLESS


class _UnfitError(Exception):
    """Why a picture is skipped."""


def _bounded(paths: Sequence[Path], geometry: Geometry, size: Size) -> list[Path]:
    """As many as are read, spread evenly over all."""
    margin = margin_of(geometry, size)
    each = 3 * (size.height + 2 * margin) * (size.width + 2 * margin)
    count = min(len(paths), MAX_PHOTOGRAPHS, max(MAX_BYTES // each, 1))
    return [paths[number * len(paths) // count] for number in range(count)]


def margin_of(geometry: Geometry, size: Size) -> int:
    """What is kept on each side of the crop: all that there is of the shorter side, but even."""
    if geometry.whole:
        return 0
    covered = geometry.covered(size)
    return min(covered.height - size.height, covered.width - size.width) // 4 * 2


def _read(path: Path, name: str, network: Checkpoint) -> _Photograph:
    size, geometry = network.config.size, network.geometry
    try:
        picture = open_picture(path)
    except (PictureError, FileNotFoundError) as error:
        raise _UnfitError(getattr(error, "reason", "it is gone")) from None
    if min(picture.size) * LEAST_SHARE < min(size):
        raise _UnfitError(f"its {picture.width} x {picture.height} pixels are too few")
    if geometry.whole:
        image = geometry.of_upright(picture, size)
    else:
        margin = margin_of(geometry, size)
        wider = Size(size.height + 2 * margin, size.width + 2 * margin)
        image = center_crop(geometry.resize(picture, size), wider)
    pixels = np.asarray(image)
    if pixels.std(axis=(0, 1)).max() < FLAT:
        raise _UnfitError("it is of one colour")
    return _Photograph(name, pixels)


def _told_apart(photographs: Sequence[_Photograph]) -> tuple[list[_Photograph], list[str]]:
    """Those that are fit, and of the others the name and the reason.

    Where most are grey, the network is one for grey pictures.
    """
    grey = {each.name for each in photographs if each.is_grey}
    if 2 * len(grey) > len(photographs):
        grey = set()
    skipped = [f"{name}: it is grey, most are in colour" for name in sorted(grey)]
    names: dict[bytes, str] = {}
    fit = []
    for each in photographs:
        if each.name in grey:
            continue
        same = names.setdefault(sha256(each.pixels.tobytes()).digest(), each.name)
        if same == each.name:
            fit.append(each)
        else:
            skipped.append(f"{each.name}: it is the same picture as {same}")
    return fit, skipped
