"""A folder of photographs with their classes, in the layouts that ImageNet comes in.

DIR/n02123045/a.jpg         folders by class: WordNet id, label or number
DIR/n02123045_12.JPEG       names that begin with a WordNet id
DIR/a.jpg, DIR/val.txt      a name and a class a line, as `label_list` reads them; also Kaggle's
                            LOC_val_solution.csv; found by itself, or given
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.accuracy.label_list import SUFFIXES, WORDNET, read_list, truth_of
from bench.results.records import Photographs
from mobilenet.common.errors import ConfigError

LISTS = ("val.txt", "val.csv", "labels.txt", "labels.csv", "LOC_val_solution.csv")


@dataclass(frozen=True)
class Photograph:
    """One file and the class it shows, as the folder or the list has it."""

    path: Path
    name: str  # relative to the folder, with /
    truth: str


@dataclass(frozen=True)
class Dataset:
    """The photographs that have a class, in the order of their names."""

    folder: Path
    photographs: tuple[Photograph, ...]
    notes: tuple[str, ...] = ()  # what was left out, and why

    def classes(self) -> list[str]:
        """All classes of the photographs, sorted."""
        return sorted({photograph.truth for photograph in self.photographs})

    def summary(self) -> Photographs:
        """What records say of the set; the digest is of names, classes and sizes in bytes."""
        digest = hashlib.sha256()
        for item in self.photographs:
            digest.update(f"{item.name}\n{item.truth}\n{file_size(item.path)}\n".encode())
        return Photographs(
            name=self.folder.resolve().name,
            digest=digest.hexdigest(),
            images=len(self.photographs),
            classes=len(self.classes()),
        )

    def limited(self, count: int | None) -> "Dataset":
        """At most `count` photographs, spread evenly over all: every class keeps its share."""
        total = len(self.photographs)
        chosen = tuple(self.photographs[i] for i in evenly(total, count))
        if len(chosen) == total:
            return self
        note = f"{count} of {total} photographs, evenly spread"
        return Dataset(self.folder, chosen, (*self.notes, note))


def evenly(total: int, count: int | None) -> list[int]:
    """At most `count` of `total` places, spread evenly; all without a count."""
    if count is None or count >= total:
        return list(range(total))
    if count < 1:
        raise ConfigError(f"limit is {count}", "1 or more photographs")
    return [i * total // count for i in range(count)]


def find(folder: Path, labels: Path | None = None) -> Dataset:
    """The photographs below `folder`.

    Raises `ConfigError` for a folder without photographs, or whose classes cannot be told.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is not a folder",
            "--data takes a folder of photographs or masks, or COCO's JSON",
        )
    files, others, unnamed = _files(folder)
    if not files:
        raise ConfigError(
            f"{folder} holds no photographs", f"files that end in {', '.join(sorted(SUFFIXES))}"
        )
    labels = labels or next((folder / name for name in LISTS if (folder / name).is_file()), None)
    if labels is not None:
        photographs, notes = _by_list(folder, files, labels)
        others = [name for name in others if folder / name != labels]
    else:
        photographs, notes = [Photograph(folder / f, f, _class_of(f)) for f in files], []
    if others:
        notes.append(f"left out: {several(others)}, no photograph by name")
    if unnamed:
        notes.append(f"left out: {unnamed} whose names are not UTF-8")
    return Dataset(folder, tuple(photographs), tuple(notes))


class _Files(NamedTuple):
    photographs: list[str]  # names relative to the folder
    others: list[str]
    unnamed: int  # whose names no record can hold


def _files(folder: Path) -> _Files:
    """All files below `folder` but hidden ones, by name."""
    photographs: list[str] = []
    others: list[str] = []
    unnamed = 0
    for below, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if _is_new(Path(below, name))]
        for name in names:
            relative = Path(below, name).relative_to(folder).as_posix()
            if name.startswith("."):
                continue
            if not _is_utf8(relative):
                unnamed += 1
            else:
                is_photograph = Path(name).suffix.lower() in SUFFIXES
                (photographs if is_photograph else others).append(relative)
    return _Files(sorted(photographs), sorted(others), unnamed)


def _is_new(folder: Path) -> bool:
    """Neither hidden nor, by a link, a folder that it lies in: that would have no end."""
    return not folder.name.startswith(".") and not (
        folder.is_symlink() and any(folder.samefile(parent) for parent in folder.parents)
    )


def _is_utf8(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def file_size(path: Path) -> int:
    """Of a file in bytes; of a link that leads nowhere, -1."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _class_of(name: str) -> str:
    folder, inside, _ = name.partition("/")
    if inside:
        return truth_of(folder)
    if match := WORDNET.match(name):
        return match[0]
    raise ConfigError(
        f"the class of {name} cannot be told",
        "put photographs in folders by class, begin their names with a WordNet id, or give "
        "--labels FILE with a name and a class a line",
    )


def _by_list(folder: Path, files: list[str], path: Path) -> tuple[list[Photograph], list[str]]:
    """Photographs named in the list; an entry is only looked up among `files`."""
    truths = read_list(path)
    listed, unlisted = [], []
    for file in files:
        keys = (file, Path(file).name, Path(file).stem)
        if truth := next((truths.pop(key) for key in keys if key in truths), None):
            listed.append(Photograph(folder / file, file, truth))
        else:
            unlisted.append(file)
    if not listed:
        raise ConfigError(
            f"{path} names none of the photographs in {folder}",
            "is it the list of these photographs?",
        )
    notes = []
    if unlisted:
        notes.append(f"left out: {several(unlisted)}, not named in {path.name}")
    if truths:
        notes.append(f"not found: {several(list(truths))}, named in {path.name}")
    return listed, notes


def several(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
