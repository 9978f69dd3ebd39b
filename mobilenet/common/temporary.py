"""Temporary folders that have an owner: removed at its end, however that comes.

The owner holds a lock on a file in its folder for as long as it lives, and the kernel takes the
lock back even from one that was killed: a folder whose lock is free belongs to nobody, whichever
process has the owner's number by now. Whoever next makes a temporary folder at the same place
removes it. Names begin with the machine's: on a shared disk, where locks may not be seen from
elsewhere, each machine looks after its own.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mobilenet.common.interrupts import held_back

MACHINE = hashlib.sha256(os.fsencode(platform.node())).hexdigest()[:6]
PREFIX = f".mobilenet-{MACHINE}-"
LOCK, CONTENT, SET_ASIDE = "lock", "content", "set-aside"


@contextmanager
def owned_folder(parent: Path | None = None) -> Iterator[Path]:
    """Yield a new, empty folder for as long as the block lasts.

    It lies in `parent`, by default in the system's temporary folder; what dead owners left there
    is removed first. Raises `OSError` where none can be made.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    sweep(parent)
    with held_back() as let_interrupts_through:
        room, lock = _made(parent)
        try:
            (room / CONTENT).mkdir()
            let_interrupts_through()
            yield room / CONTENT
        finally:
            with held_back(), suppress(OSError):
                _clear(room)
            os.close(lock)


@contextmanager
def owned_by_command() -> Iterator[None]:
    """Within, all temporary files, of libraries and child processes too, are in one such folder.

    Where none can be made, all is as before: not every command needs one.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            folder = str(stack.enter_context(owned_folder()))
            stack.callback(_set_default, tempfile.tempdir, os.environ.get("TMPDIR"))
            _set_default(folder, folder)
        yield


def set_aside(content: Path, name: str) -> Path:
    """Where `name`, from beside the owned folder `content`, may wait until that is emptied.

    If the owner ends before, it is put back.
    """
    folder = content.with_name(SET_ASIDE)
    folder.mkdir()
    return folder / name


def sweep(parent: Path) -> None:
    """Remove what dead owners left in `parent`, and put back what they had set aside."""
    with suppress(OSError), os.scandir(parent) as entries:
        left = [Path(entry) for entry in entries if entry.name.startswith(PREFIX)]
        for room in left:
            with suppress(OSError):  # it is in use, or of another user
                _sweep(room)


def _made(parent: Path) -> tuple[Path, int]:
    """A new folder and its lock, an open file."""
    while True:
        room = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        with suppress(FileNotFoundError, BlockingIOError):  # swept before it was locked: again
            return room, _locked(room, os.O_CREAT)


def _locked(room: Path, flags: int = 0) -> int:
    """Take a folder's lock. Raises `BlockingIOError` where another has it."""
    lock = os.open(room / LOCK, os.O_RDWR | os.O_NOFOLLOW | flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(lock).st_nlink:
            raise BlockingIOError  # who had it has just removed it
    except OSError as error:
        # A disk without locks: the owner goes on, and whoever sweeps leaves its folder alone.
        if not flags or isinstance(error, BlockingIOError):
            os.close(lock)
            raise
    return lock


def _sweep(room: Path) -> None:
    status = room.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return
    try:
        lock = _locked(room)
    except FileNotFoundError:
        room.rmdir()  # an owner that died before it locked it; if it lives, it makes another
        return
    try:
        _clear(room)
    finally:
        os.close(lock)


def _clear(room: Path) -> None:
    """Put back what was set aside, if what was to replace it is still here; remove the rest."""
    content, aside = room / CONTENT, room / SET_ASIDE
    if aside.is_dir() and content.is_dir() and any(content.iterdir()):
        for path in aside.iterdir():
            if not os.path.lexists(target := room.parent / path.name):
                path.rename(target)
    for folder in (content, aside):
        shutil.rmtree(folder, ignore_errors=True)
    lock = room / LOCK
    if list(room.iterdir()) == [lock]:  # it goes last: without it the rest would stay for ever
        lock.unlink()
        room.rmdir()


def _set_default(folder: str | None, variable: str | None) -> None:
    """Where this process makes temporary files, and where its children do."""
    tempfile.tempdir = folder
    if variable is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = variable
