"""A folder of pictures and index masks: PNG of mode P or L whose pixel is the class.

DIR/images/a.jpg    any photograph
DIR/masks/a.png     of the same size and stem; 255 is ignored: borders, what was not labelled
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.label_list import SUFFIXES
from bench.accuracy.photographs import evenly, file_size, several
from bench.results.records import Photographs
from mobilenet.common import memory_limit
from mobilenet.common.children import Child, ChildError, ChildPool
from mobilenet.common.errors import ConfigError
from mobilenet.common.images import (
    MAX_DECODING_BYTES,
    PictureError,
    open_indices,
    open_picture,
)
from mobilenet.common.progress import SILENT, Progress, tracked

IMAGES, MASKS = "images", "masks"
IGNORED = 255
CHECK_LIMIT_S = 60.0  # of one mask and its picture
HINT = "DIR/images and DIR/masks hold files of the same stems, masks as PNG"


@dataclass(frozen=True)
class MaskedPicture:
    """A picture and its mask."""

    path: Path
    name: str  # of the file in `images`
    mask: Path


@dataclass(frozen=True)
class MaskedSet:
    """The pictures that have a mask, by name."""

    folder: Path
    pictures: tuple[MaskedPicture, ...]
    notes: tuple[str, ...] = ()

    def summary(self, classes: int) -> Photographs:
        """What records say of the set; the digest is of names and sizes in bytes."""
        digest = hashlib.sha256()
        for item in self.pictures:
            sizes = f"{file_size(item.path)}\n{file_size(item.mask)}"
            digest.update(f"{item.name}\n{item.mask.name}\n{sizes}\n".encode())
        return Photographs(
            name=self.folder.resolve().name, digest=digest.hexdigest(),
            images=len(self.pictures), classes=classes,
        )  # fmt: skip

    def limited(self, count: int | None) -> "MaskedSet":
        """At most `count` pictures, spread evenly over all."""
        chosen = evenly(len(self.pictures), count)
        if len(chosen) == len(self.pictures):
            return self
        note = f"{len(chosen)} of {len(self.pictures)} pictures, evenly spread"
        pictures = tuple(self.pictures[i] for i in chosen)
        return MaskedSet(self.folder, pictures, (*self.notes, note))


def is_masked(folder: Path) -> bool:
    """Whether `folder` is laid out for segmentation."""
    return (folder / IMAGES).is_dir() and (folder / MASKS).is_dir()


def find(folder: Path) -> MaskedSet:
    """The pictures below `folder` that have a mask.

    Raises `ConfigError` where there is none, or a mask without a picture.
    """
    pictures = _by_stem(folder / IMAGES, SUFFIXES)
    masks = _by_stem(folder / MASKS, frozenset([".png"]))
    if not masks:
        raise ConfigError(f"{folder / MASKS} holds no PNG", HINT)
    if lost := sorted(masks.keys() - pictures.keys()):
        raise ConfigError(f"{several([masks[stem].name for stem in lost])}: no picture", HINT)
    left_out = [pictures[stem].name for stem in sorted(pictures.keys() - masks.keys())]
    return MaskedSet(
        folder,
        tuple(
            MaskedPicture(pictures[stem], pictures[stem].name, masks[stem])
            for stem in sorted(masks)
        ),
        (f"left out: {several(left_out)}, without a mask",) if left_out else (),
    )


def check(
    dataset: MaskedSet, labels: Sequence[str], jobs: int, progress: Progress = SILENT
) -> int:
    """How many classes the masks show; in processes of their own, before the work.

    Raises `ConfigError` for a mask that is none, is of another size than its picture, or holds a
    class beyond the last of `labels`. A broken picture is told of later.
    """
    shown: set[int] = set()
    with ChildPool(jobs) as children:
        asked = [children.submit(partial(_asked, item)) for item in dataset.pictures]
        for item, future in tracked(
            list(zip(dataset.pictures, asked, strict=True)), lambda _: 1, "Checking", progress
        ):
            values = set(future.result()) - {IGNORED}
            if values and max(values) >= len(labels):
                raise ConfigError(
                    f"{item.mask} has class {max(values)}: the network has {len(labels)}, from 0",
                    f"a pixel is the number of a class, or {IGNORED} to be ignored",
                )
            shown |= values
    return len(shown)


def open_mask(path: Path) -> NDArray[np.uint8]:
    """(H, W) class of every pixel. Raises `PictureError`, `FileNotFoundError`."""
    return np.asarray(open_indices(path), np.uint8)


def classes_in(path: Path, mask: Path) -> tuple[int, ...]:
    """All values of a mask. Raises `ConfigError` unless it is as large as its picture."""
    with memory_limit.growth(MAX_DECODING_BYTES):
        pixels = open_mask(mask)
        try:
            width, height = open_picture(path).size
        except (PictureError, FileNotFoundError):
            return ()
        if pixels.shape != (height, width):
            raise ConfigError(
                f"{mask} has {pixels.shape[1]} x {pixels.shape[0]} pixels, its picture "
                f"{width} x {height}",
                "a mask has a pixel for each of its picture",
            )
        return tuple(np.unique(pixels).tolist())


def _asked(item: MaskedPicture, child: Child) -> tuple[int, ...]:
    try:
        return child.call(CHECK_LIMIT_S, classes_in, item.path, item.mask)
    except ChildError as error:
        raise ConfigError(error.message, HINT) from error


def _by_stem(folder: Path, suffixes: frozenset[str]) -> dict[str, Path]:
    """Files by the stem of their names. Raises `ConfigError` for two of one stem."""
    files = [
        path for path in sorted(folder.iterdir())
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
    ]  # fmt: skip
    stems = {path.stem: path for path in files}
    if len(stems) < len(files):
        twice = next(path for path in files if stems[path.stem] != path)
        raise ConfigError(f"{twice} and {stems[twice.stem].name} are of one stem", HINT)
    return stems
