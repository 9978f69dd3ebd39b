"""The user's cache of published files: each is fetched once, whole, and checked ever after.

A file is checked against its known sha256. Where the publisher gives none, the digest of the
first download is kept beside the file and checked at every use. `MOBILENET_CACHE` moves the
cache.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilenet.common import files
from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.common.progress import SILENT, Progress
from mobilenet.common.temporary import sweep
from mobilenet.common.text import duration

WAIT_SECONDS = 2000  # longer than one download may take

Fill = Callable[[Path], object]  # writes or examines the file of that path


def cache_folder() -> Path:
    """Where downloads are kept: `MOBILENET_CACHE`, or the platform's cache folder."""
    from platformdirs import user_cache_path

    folder = os.environ.get("MOBILENET_CACHE")
    return Path(folder).expanduser() if folder else user_cache_path("mobilenet-coreml")


def cached(name: str, sha256: str = "") -> Path | None:
    """The path of a cached file or folder, or None when it is not there.

    Raises `CheckpointError` when it is no longer what was downloaded.
    """
    path = cache_folder() / name
    sweep(path.parent)
    if not path.exists():
        return None
    expected = sha256 or recorded_digest(name)
    check(path, expected, f"it was changed or damaged: delete {path}, then it is made anew")
    return path


def recorded_digest(name: str) -> str:
    """The sha256 of a file as it was downloaded; empty for one that never was."""
    record = _record(cache_folder() / name)
    return record.read_text("ascii", "replace").strip() if record.is_file() else ""


def keep(
    name: str, fill: Fill, accept: Fill, sha256: str = "", progress: Progress = SILENT
) -> Path:
    """The cached file or folder `name`, made by `fill` unless it is there.

    Of several processes one fills it, and the others wait. `accept` raises for a file that must
    not be kept; a failure of any kind keeps nothing.
    """
    if kept := cached(name, sha256):
        return kept
    path = cache_folder() / name
    with _locked(path, progress):
        return cached(name, sha256) or _filled(path, fill, accept, sha256)


def _filled(path: Path, fill: Fill, accept: Fill, sha256: str) -> Path:
    with files.replacing(path, any_folder=True) as temporary:
        fill(temporary)
        check(temporary, sha256, "what was sent is not what was published")
        accept(temporary)
        files.write_atomically(_record(path), _digest(temporary).encode())
    return path


def check(path: Path, sha256: str, hint: str) -> None:
    """Raise `CheckpointError` unless the file or folder has this digest (empty: none is known)."""
    if sha256 and (digest := _digest(path)) != sha256:
        raise CheckpointError(
            f"{path.name} has sha256 {digest[:16]}..., not {sha256[:16]}...", hint
        )


@contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """Let one process at a time fetch `path`; a dead one holds nothing.

    Raises `UnreachableError` when another one does not come to an end.
    """
    from filelock import FileLock, Timeout

    file = path.with_name(f"{path.name}.lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        progress.say(f"waiting for another process that fetches {path.name}")
        try:
            lock.acquire(timeout=WAIT_SECONDS)
        except Timeout:
            raise UnreachableError(
                f"another process has been fetching {path.name} for {duration(WAIT_SECONDS)}",
                f"end it, or try again later; it holds {file}",
            ) from None
    try:
        yield
    finally:
        file.unlink(missing_ok=True)  # who waits for it sees that it is gone, and makes another
        lock.release()


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _digest(path: Path) -> str:
    """sha256 of a file, or of a folder's names and digests."""
    if path.is_file():
        return files.sha256(path)
    lines = (f"{file.name} {_digest(file)}\n" for file in sorted(path.iterdir()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
