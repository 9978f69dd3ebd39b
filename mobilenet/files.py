"""Writing that is whole or has not happened."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` with `data`, or leave what was there untouched."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or folder to; it takes the name at the end.

    On any failure, Ctrl-C included, the temporary is removed and `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        temporary = room / path.name
        yield temporary
        if (
            path.is_dir() and not path.is_symlink()
        ):  # os.replace cannot put a folder over a full one
            path.rename(room / "previous")
            try:
                temporary.rename(path)
            except BaseException:
                (room / "previous").rename(path)
                raise
        else:
            temporary.replace(path)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def sha256(path: Path) -> str:
    """Hex digest of a file's contents."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
