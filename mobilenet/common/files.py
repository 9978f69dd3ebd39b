"""Writing that is whole and on the disk or has not happened, and what may be replaced by it.

A file replaces only a regular file, a package only a package. Symlinks are followed and stay.
Streams, which are device nodes, FIFOs and open files such as `/dev/stdout`, are written through.
Commands ask `check_file` or `check_package` before their work.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mobilenet.common import durable
from mobilenet.common.errors import ConfigError, PackageError
from mobilenet.common.exchange import exchange
from mobilenet.common.temporary import owned_folder, set_aside, sweep

MANIFEST, ASSET_METADATA = "Manifest.json", "metadata.json"
MAX_MANIFEST_BYTES, MAX_METADATA_BYTES = 1 << 20, 1 << 24  # the latter has labels
STANDARD_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
OPEN_FILE = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")


@dataclass(frozen=True)
class Folder:
    """Where to write under a name made there: a folder whatever it is called, new or not."""

    path: Path


def check_file(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise `ConfigError` unless a file can be written to `path` and nothing else is lost.

    `inputs` are what the command reads: none of them may be `path`, or a folder that holds it.
    """
    if not is_stream(path):
        check_regular_file(path, inputs)


def check_regular_file(path: Path, inputs: Iterable[Path] = ()) -> None:
    """As `check_file`, for what cannot be written to a stream."""
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        raise ConfigError(f"output {path} is a folder: it is not replaced", "name a file")
    if mode and not stat.S_ISREG(mode):
        raise ConfigError(f"output {path} is a device or a pipe", "name a regular file")
    for source in inputs:
        if _is_within(path, source):
            raise ConfigError(_both(path, source), "name another output")


def check_package(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise `PackageError` unless nothing or a package is at `path`, or where it leads.

    `inputs` are what the command reads: none of them may lie in it.
    """
    exists = bool(_mode(path))
    if not exists and path.is_symlink():
        raise PackageError(
            f"{path} is a link to {path.readlink()}, which does not exist",
            "choose another --output, or remove the link",
        )
    if exists and not is_package(path):
        raise PackageError(
            f"{path} exists and is not a model package: it is not replaced",
            "choose another --output, or move it away",
        )
    for source in inputs:
        if _is_within(source, path):
            raise PackageError(_both(path, source), "name another output")


def is_package(folder: Path) -> bool:
    """Whether `folder` has what marks a Core ML package or a Core AI asset, whole or not."""
    try:
        if (manifest := _json(folder / MANIFEST, MAX_MANIFEST_BYTES)) is not None:
            entries = manifest["itemInfoEntries"]
            return isinstance(entries, dict) and manifest["rootModelIdentifier"] in entries
        return isinstance(_json(folder / ASSET_METADATA, MAX_METADATA_BYTES)["assetVersion"], str)
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return False


def _json(path: Path, most: int) -> Any:
    """Its content; None where there is none of at most so many bytes."""
    if not path.is_file() or path.stat().st_size > most:
        return None
    return json.loads(path.read_bytes())


def is_stream(path: Path) -> bool:
    """Whether `path` is a device node, a FIFO, or an open file such as `/dev/stdout`."""
    if _descriptor(path) is not None:
        return True
    mode = _mode(path)
    return mode != 0 and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` with `data`, or leave what was there untouched; a stream is written to.

    Raises as `check_file`.
    """
    if is_stream(path):
        _write_through(path, data)
        return
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: Path, *, any_folder: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or folder to; it takes the name at the end.

    On any failure, Ctrl-C included, the temporary is removed and `path` is as it was; when the
    process is killed, the next one that writes there removes it. Raises as `check_regular_file`
    and `check_package`; `any_folder` replaces folders of other kinds too.
    """
    if is_stream(path):
        raise ConfigError(f"output {path} is a device or a pipe", "name a regular file")
    target = Path(os.path.realpath(path))
    durable.make_folder(target.parent)
    with owned_folder(target.parent) as folder:
        temporary = folder / path.name
        yield temporary
        if not temporary.is_dir():
            check_regular_file(target)
        elif not any_folder:
            check_package(target)
        durable.flush_tree(temporary)
        _put(temporary, target)
        durable.flush_path(target.parent)


def recover(path: Path) -> None:
    """Put back what a killed process had set aside, if nothing is at `path`."""
    target = Path(os.path.realpath(path))
    if not target.exists():
        sweep(target.parent)


def _put(new: Path, target: Path) -> None:
    """Rename `new`, in an owned folder, to `target`, whatever is there."""
    if not target.is_dir():
        new.replace(target)
    elif not exchange(new, target):  # os.replace cannot put a folder over a full one
        target.rename(set_aside(new.parent, target.name))
        new.rename(target)


def _write_through(path: Path, data: bytes) -> None:
    number = _descriptor(path)
    # A duplicate shares its place in the file: opened anew, a redirected stdout would be cut.
    descriptor = os.open(path, os.O_WRONLY) if number is None else os.dup(number)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _descriptor(path: Path) -> int | None:
    """The number of the open file that `path` names, such as 1 for `/dev/stdout`."""
    name = os.path.abspath(path)  # noqa: PTH100  # resolve() would follow the link to the file
    match = OPEN_FILE.fullmatch(name)
    return int(match[1]) if match else STANDARD_STREAMS.get(name)


def _check_name(path: Path) -> None:
    """Raise `ConfigError` for a name that is longer than the disk takes."""
    folder = next((place for place in path.absolute().parents if place.is_dir()), Path("/"))
    length, limit = len(os.fsencode(path.name)), os.pathconf(folder, "PC_NAME_MAX")
    if length > limit:
        raise ConfigError(
            f"a file called {path.name} is needed: {length} bytes, {limit} are possible",
            "choose a shorter name",
        )


def _mode(path: Path) -> int:
    """`st_mode` of what `path` leads to; 0 when nothing is there.

    Raises `ConfigError` for a name that nothing can have, `OSError` for links in a circle and for
    a path through a file.
    """
    _check_name(path)
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0


def _is_within(inner: Path, outer: Path) -> bool:
    """Whether `inner` is `outer`, by whatever name, or lies below it; both as links lead."""
    place = Path(os.path.realpath(inner))
    return outer.exists() and any(
        parent.exists() and parent.samefile(outer) for parent in (place, *place.parents)
    )


def _both(output: Path, source: Path) -> str:
    return f"output {output} would replace what is read, {source}"


def open_regular(path: Path, limit: int) -> BinaryIO:
    """Open a file of at most `limit` bytes to read; a FIFO or a device is not waited for.

    Raises `ConfigError` for what is no regular file or larger, and `OSError` as `open`.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # the caller closes it
    # The open file is asked, not the path: what is there may change in between.
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size <= limit:
        return file
    file.close()
    if stat.S_ISREG(status.st_mode):
        raise ConfigError(
            f"{path} has {status.st_size} bytes", f"files of at most {limit} bytes are read"
        )
    raise ConfigError(f"{path} is a device or a pipe", "name a regular file")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def sha256(path: Path) -> str:
    """Hex digest of a file's contents."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
