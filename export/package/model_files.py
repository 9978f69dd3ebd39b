"""The reading side of a model on disk: where its parts are, and that they stay inside.

A package is a folder `NAME.mlpackage` with `Manifest.json` and `Data/`; an `.mlmodel` is one
file; a Core AI asset is a folder `NAME.aimodel`. All are data from others: nothing here follows a
path out of them.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from export.package import asset_files
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError
from mobilenet.common.files import MANIFEST, MAX_MANIFEST_BYTES, recover

MAX_FILES = 10_000
ASSET = ".aimodel"
KINDS = "give a .mlpackage or .aimodel folder, or a .mlmodel file"
MODEL_PATH = "@model_path"  # how a program names the folder of its specification
MAX_BYTES = 1 << 34  # of all files of a package, which are read for its identity
AGAIN = "copy it again"  # what came to harm on its way
REMAKE = "make the package again"  # what was written wrongly
POINTER = b"version https://git-lfs"  # how its pointers begin
MAX_POINTER = 1024  # bytes (git-lfs/docs/spec.md)
POINTED_SIZE = re.compile(rb"^size (\d{1,15})$", re.MULTILINE)
FOREIGN = ".DS_Store"  # Finder leaves these in every folder it opens


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model."""

    path: Path  # as given: the package's folder, or the .mlmodel
    kind: Literal["mlpackage", "mlmodel", "aimodel"]
    specification: Path  # the protobuf file, or Core AI's program

    @property
    def weights(self) -> Path | None:
        """Folder of the weight files; None when the specification holds everything."""
        folder = self.specification.parent / "weights"
        return folder if folder.is_dir() else None

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for _, file in self._files())

    def identity(self) -> str:
        """SHA-256 over names and contents, in hex: equal wherever the same package lies.

        Raises `PackageError` for what cannot be read, or is larger than any model.
        """
        with decoding(str(self.path), AGAIN, PackageError):
            self._check_size()
            digest = hashlib.sha256()
            for name, file in self._files():
                with file.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").digest()
                digest.update(hashlib.sha256(os.fsencode(name)).digest() + content)
            return digest.hexdigest()

    def copy(self, target: Path) -> Path:
        """All files again at `target`, which gets the model's suffix; returns the copy.

        Raises `PackageError` for what cannot be read, or is larger than any model.
        """
        copied = target.with_name(f"{target.name}{self.path.suffix}")
        with decoding(str(self.path), AGAIN, PackageError):
            self._check_size()
            for name, file in self._files():
                place = copied if self.kind == "mlmodel" else copied / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
        return copied

    def referenced(self, name: str) -> Path:
        """The file that a program calls `name`, such as `@model_path/weights/weight.bin`.

        Whether it is there shows when it is read.
        """
        prefix, _, rest = name.partition("/")
        if prefix != MODEL_PATH:
            raise PackageError(
                f"{self.path} keeps weights in {name!r}, outside of itself",
                f"a whole package names its files {MODEL_PATH}/...",
            )
        root = self.path if self.kind == "mlpackage" else self.specification.parent
        return _place(root, self.specification.parent, rest, "weight file")

    def _check_size(self) -> None:
        if self.size_bytes > MAX_BYTES:
            raise PackageError(
                f"{self.path} has {self.size_bytes:,} bytes", f"at most {MAX_BYTES:,} are read"
            )

    def _files(self) -> Iterator[tuple[str, Path]]:
        """Relative name and path of every file, in the order of the names."""
        if self.kind == "mlmodel":
            yield "model.mlmodel", self.specification  # its own name says nothing about it
            return
        found: list[tuple[str, Path]] = []
        for folder, folders, names in os.walk(self.path):
            for name in (*folders, *names):
                path = Path(folder, name)
                if path.is_symlink():
                    _refuse_escape(self.path, path)
                if path.is_file() and name != FOREIGN:
                    found.append((path.relative_to(self.path).as_posix(), path))
            if len(found) > MAX_FILES:
                raise PackageError(
                    f"{self.path} holds more than {MAX_FILES} files",
                    "a package holds three; is this the folder above it?",
                )
        yield from sorted(found)


def find(path: Path) -> ModelFiles:
    """The files of the model at `path`: a package, an `.mlmodel` or an asset of Core AI.

    Raises `PackageError` when there is none, when it points outside of itself, and for an asset
    whose hash is not that of its program.
    """
    recover(path)
    with decoding(str(path), AGAIN, PackageError):
        return _single(path) if path.is_file() else _package(path)


def refuse_pointer(path: Path) -> None:
    """Raise `PackageError` for what Git LFS leaves in place of a large file."""
    with path.open("rb") as file:
        head = file.read(MAX_POINTER)
    if head.startswith(POINTER):
        size = POINTED_SIZE.search(head)
        of = f" of {int(size[1]):,} bytes" if size else ""
        raise PackageError(
            f"{path} is a Git LFS pointer, not the file itself{of}", "fetch it: git lfs pull"
        )


def _package(path: Path) -> ModelFiles:
    if path.exists() and not path.is_dir():
        raise PackageError(f"{path} is a device, a pipe or a socket", KINDS)
    if not path.is_dir():
        raise PackageError(f"{path} does not exist", KINDS)
    if path.suffix == ASSET or (path / asset_files.PROGRAM).is_file():
        return _asset(path)
    if (path / "coremldata.bin").exists():
        raise PackageError(
            f"{path} is a compiled model", "give the .mlpackage it was compiled from"
        )
    manifest = path / MANIFEST
    if not manifest.is_file():
        raise PackageError(
            f"{path} is not a model package: it has no Manifest.json",
            "give the folder that ends in .mlpackage itself",
        )
    item = _root_item(_inside(path, path, MANIFEST, "manifest"))
    return ModelFiles(path, "mlpackage", _inside(path, path / "Data", item, "model"))


def _single(path: Path) -> ModelFiles:
    if path.suffix != ".mlmodel":
        raise PackageError(
            f"{path} is neither a model package nor an .mlmodel file",
            "unpack it first" if path.suffix == ".zip" else KINDS,
        )
    return ModelFiles(path, "mlmodel", path)


def _asset(path: Path) -> ModelFiles:
    program, *_ = (_inside(path, path, name, "file") for name in asset_files.FILES)
    files = ModelFiles(path, "aimodel", program)
    list(files._files())  # none is a link out of it
    asset_files.check(path)
    return files


def _root_item(manifest: Path) -> str:
    """Path of the model below `Data`, as the manifest has it."""
    size = manifest.stat().st_size
    if size > MAX_MANIFEST_BYTES:
        raise PackageError(
            f"{manifest} has {size} bytes", f"at most {MAX_MANIFEST_BYTES} are read"
        )
    with decoding(str(manifest), AGAIN, PackageError):
        content: Any = json.loads(manifest.read_bytes())
    try:
        item = content["itemInfoEntries"][content["rootModelIdentifier"]]["path"]
    except (KeyError, TypeError, IndexError) as error:
        raise PackageError(
            f"{manifest} names no root model ({error})", "copy the package again"
        ) from error
    if not isinstance(item, str):
        raise PackageError(f"{manifest} gives {item!r} as a path", "copy the package again")
    return item


def _inside(root: Path, base: Path, name: str, what: str) -> Path:
    """The file `base/name`, which is there and lies within `root`, also through links."""
    path = _place(root, base, name, what)
    if not path.is_file():
        raise PackageError(
            f"{root} is incomplete: its {what} {name!r} is missing", "copy the package again"
        )
    return path


def _place(root: Path, base: Path, name: str, what: str) -> Path:
    """Where the file `base/name` is to be, which is within `root`, also through links."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or "\\" in name or not name.isprintable():
        raise PackageError(
            f"{root} points outside of itself: its {what} is {name!r}", "do not trust this package"
        )
    path = base / relative
    _refuse_escape(root, path)
    return path


def _refuse_escape(root: Path, path: Path) -> None:
    target = path.resolve()
    if not target.is_relative_to(root.resolve()):
        raise PackageError(
            f"{root} points outside of itself: {path.relative_to(root)} is a link to {target}",
            "copy the package with its links followed: cp -RL",
        )
