"""COCO's instances: pictures with boxes of known classes, from one JSON file.

Format: cocodataset.org/#format-data, object detection. What is read is `images` (id, file_name,
width, height), `annotations` (id, image_id, category_id, bbox, area, iscrowd) and `categories`
(id, name). An area that is missing is the box's. Outlines are not read.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from bench.accuracy.matching import Objects
from bench.accuracy.photographs import evenly, file_size, several
from bench.results.records import Photographs
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import ConfigError
from mobilenet.common.files import open_regular

MAX_JSON_BYTES = 1 << 29  # the training set of 2017 has 450 MB, most of it outlines
SLACK = 1.0  # pixels that a box may reach beyond its picture: annotations are rounded
HINT = "--data takes COCO's instances: images, annotations and categories"

Side = Annotated[int, Meta(ge=1, le=1 << 16)]
Id = Annotated[int, Meta(ge=0, lt=1 << 62)]
Pixels = Annotated[float, Meta(ge=-1e9, le=1e9)]


class _Image(msgspec.Struct, frozen=True):
    id: Id
    file_name: str
    width: Side
    height: Side


class _Annotation(msgspec.Struct, frozen=True):
    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[Pixels, Pixels, Pixels, Pixels]
    area: Annotated[float, Meta(ge=0, le=1e10)] | None = None
    iscrowd: Annotated[int, Meta(ge=0, le=1)] = 0


class _Category(msgspec.Struct, frozen=True):
    id: Id
    name: str


class _Instances(msgspec.Struct, frozen=True):
    images: tuple[_Image, ...]
    annotations: tuple[_Annotation, ...]
    categories: tuple[_Category, ...]


@dataclass(frozen=True)
class BoxedPicture:
    """A file, and its size as the annotations have it."""

    path: Path
    name: str
    width: int
    height: int


@dataclass(frozen=True)
class BoxedSet:
    """Pictures in the order of their ids, and the objects in them."""

    folder: Path
    name: str
    pictures: tuple[BoxedPicture, ...]
    classes: tuple[str, ...]
    objects: Objects  # pictures and classes by their places in the above
    notes: tuple[str, ...] = ()

    def summary(self) -> Photographs:
        """What records say of the set; the digest is of names, sizes in bytes and objects."""
        digest = hashlib.sha256(repr((self.classes, self.pictures_named())).encode())
        for column in self.objects:
            digest.update(column.tobytes())
        return Photographs(
            name=self.name, digest=digest.hexdigest(), images=len(self.pictures),
            classes=len(np.unique(self.objects.classes)),
        )  # fmt: skip

    def pictures_named(self) -> list[tuple[str, int]]:
        """Name and size in bytes of each file."""
        return [(picture.name, file_size(picture.path)) for picture in self.pictures]

    def limited(self, count: int | None) -> "BoxedSet":
        """At most `count` pictures, spread evenly over all."""
        chosen = evenly(len(self.pictures), count)
        if len(chosen) == len(self.pictures):
            return self
        place = np.full(len(self.pictures), -1)
        place[chosen] = np.arange(len(chosen))
        objects = self.objects._replace(pictures=place[self.objects.pictures])
        note = f"{len(chosen)} of {len(self.pictures)} pictures, evenly spread"
        return replace(
            self, pictures=tuple(self.pictures[i] for i in chosen),
            objects=objects.take(objects.pictures >= 0), notes=(*self.notes, note),
        )  # fmt: skip


def read(path: Path, folder: Path | None = None) -> BoxedSet:
    """The set that `path` describes, its pictures in `folder`, or else beside it.

    Raises `ConfigError` for annotations that contradict themselves and pictures that are missing.
    """
    instances = _decoded(path)
    folder = folder or path.parent
    images = sorted(instances.images, key=lambda image: image.id)
    for what, rows in (
        ("picture", [image.id for image in images]),
        ("file name", [image.file_name for image in images]),
        ("annotation", [annotation.id for annotation in instances.annotations]),
        ("category", [category.id for category in instances.categories]),
        ("category name", [category.name for category in instances.categories]),
    ):
        _check_distinct(path, what, rows)
    if not images or not instances.annotations:
        raise ConfigError(f"{path} has no {'annotations' if images else 'images'}", HINT)
    _check_annotations(path, instances)
    pictures = tuple(
        BoxedPicture(_inside(path, folder, image), image.file_name, image.width, image.height)
        for image in images
    )
    if missing := [picture.name for picture in pictures if not picture.path.is_file()]:
        raise ConfigError(
            f"{folder} lacks {len(missing)} of {len(pictures)} pictures: {several(missing)}",
            "--images names the folder of the pictures",
        )
    classes = tuple(category.name for category in instances.categories)
    return BoxedSet(folder, path.stem, pictures, classes, _objects(instances, images))


def _decoded(path: Path) -> _Instances:
    try:
        with open_regular(path, MAX_JSON_BYTES) as file:
            text = file.read()
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist", HINT) from None
    with decoding(str(path), HINT, ConfigError):
        return msgspec.json.decode(text, type=_Instances)


def _check_distinct(path: Path, what: str, values: Sequence[int | str]) -> None:
    value, times = next(iter(Counter(values).most_common(1)), ("", 0))
    if times > 1:
        raise ConfigError(f"{path}: {what} {value!r} occurs {times} times", "each must occur once")


def _objects(instances: _Instances, images: Iterable[_Image]) -> Objects:
    picture = {image.id: i for i, image in enumerate(images)}
    cls = {category.id: i for i, category in enumerate(instances.categories)}
    rows = instances.annotations
    boxes = np.array([row.bbox for row in rows], np.float64)
    areas = [row.bbox[2] * row.bbox[3] if row.area is None else row.area for row in rows]
    return Objects(
        boxes, np.array(areas, np.float64), np.array([row.iscrowd for row in rows], np.bool_),
        np.array([picture[row.image_id] for row in rows], np.int64),
        np.array([cls[row.category_id] for row in rows], np.int64),
    )  # fmt: skip


def _inside(path: Path, folder: Path, image: _Image) -> Path:
    name = PurePosixPath(image.file_name)
    if name.is_absolute() or ".." in name.parts or "\0" in image.file_name or not name.name:
        raise ConfigError(
            f"{path}: file of picture {image.id}, {image.file_name!r}, lies outside",
            "file names are relative to the folder of the pictures",
        )
    return folder / name


def _check_annotations(path: Path, instances: _Instances) -> None:
    """Raise `ConfigError` for an annotation of nothing that is in the file."""
    images = {image.id: image for image in instances.images}
    categories = {category.id for category in instances.categories}
    for row in instances.annotations:
        what, image = f"{path}: annotation {row.id}", images.get(row.image_id)
        if row.category_id not in categories:
            raise ConfigError(f"{what} is of unknown category {row.category_id}", HINT)
        if image is None:
            raise ConfigError(f"{what} is of unknown picture {row.image_id}", HINT)
        left, top, width, height = row.bbox
        if width < 0 or height < 0:
            raise ConfigError(
                f"{what} is {width:g} x {height:g} pixels", "boxes are left, top, width, height"
            )
        right, bottom = left + width, top + height
        if min(left, top) < -SLACK or right > image.width + SLACK or bottom > image.height + SLACK:
            raise ConfigError(
                f"{what} reaches from {left:g}, {top:g} to {right:g}, {bottom:g}, outside of its "
                f"picture of {image.width} x {image.height}",
                "boxes are left, top, width, height in pixels",
            )
