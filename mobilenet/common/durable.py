"""What has been written stays written when the power fails.

On macOS `fsync` hands data to the drive, which may keep it in a volatile cache; F_FULLFSYNC
empties that cache too, for all that was handed over before (fsync(2) there). It has never run.
"""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

REFUSED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY}
"""What network and other odd file systems answer where there is no such request."""
FULL = getattr(fcntl, "F_FULLFSYNC", None)


def flush(descriptor: int) -> None:
    """Return when all that was written to this open file or folder is on the disk.

    Raises `OSError` when it cannot be written. A file system without fsync is left in peace.
    """
    if FULL is not None:
        try:
            fcntl.fcntl(descriptor, FULL)
            return
        except OSError as error:
            if error.errno not in REFUSED:
                raise
    _hand_over(descriptor)


def flush_path(path: Path) -> None:
    """`flush` for a file, or for the names in a folder: of what was made or renamed there."""
    _open_for(path, flush)


def flush_tree(path: Path) -> None:
    """`flush` for a file, or for a folder and all that is in it."""
    for folder, _, names in os.walk(path):  # nothing where `path` is a file
        for name in (".", *names):
            _open_for(Path(folder, name), _hand_over)
    flush_path(path)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing, to stay."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in new:
        flush_path(place.parent)


def _open_for(path: Path, act: Callable[[int], None]) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder where names may be written and not read
        return
    try:
        act(descriptor)
    finally:
        os.close(descriptor)


def _hand_over(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
