"""The results file while it grows: one JSON line per record, whole lines only, one writer.

A session begins with its head (the session and all cases), which appears in one piece or not at
all. Every launch is appended and handed to the system as soon as it ends, so neither Ctrl-C nor
SIGKILL loses it; a line that was cut in the middle is removed when the session is resumed.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from bench.results.records import Record
from mobilenet.common import files
from mobilenet.common.errors import RecordError

DEFAULT_FOLDER = Path("results")
MAX_BYTES = 1 << 30  # of a file to resume; ten thousand launches have some 10 MB


def default_path(prefix: str = "") -> Path:
    """Where results go unless something else is said."""
    return DEFAULT_FOLDER / time.strftime(f"{prefix}%Y-%m-%d-%H%M%S.jsonl")


class Journal:
    """An open, locked results file. Made by `create` and `resume`."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file

    def append(self, record: Record) -> None:
        """Write one line, whole or not at all. Raises `RecordError` on a full disk."""
        end = os.fstat(self._file.fileno()).st_size
        try:
            _write_all(self._file, [record])
        except OSError as error:
            self._file.truncate(end)
            self._file.seek(end)  # else the next line would follow a gap of zeros
            raise RecordError(
                f"{self.path} cannot be written: {error.strerror}",
                f"what was measured is kept; make room, then `python -m bench resume {self.path}`",
            ) from error


@contextmanager
def create(path: Path, head: Iterable[Record]) -> Iterator[Journal]:
    """A new results file that begins with `head`. Never replaces one."""
    check_new(path)
    path = path.resolve()  # a link to a file that is to be made
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("xb", buffering=0) as file:
            _lock(file, path)
            _write_all(file, head)
            try:
                os.link(temporary, path)  # unlike a rename, it fails where a file stands
            except FileExistsError:
                check_new(path)
            temporary.unlink()
            yield Journal(path, file)
    finally:
        temporary.unlink(missing_ok=True)


def check_new(path: Path) -> None:
    """Raises `RecordError` when there is a file at `path` already, `ConfigError` for a folder."""
    files.check_regular_file(path)
    if path.exists():
        raise RecordError(
            f"{path} exists",
            f"`python -m bench resume {path}` goes on with it; --output names another",
        )


@contextmanager
def resume(path: Path) -> Iterator[tuple[Journal, list[Record]]]:
    """An existing results file, to go on with, and what it holds; a cut last line is removed."""
    if not path.is_file():
        raise RecordError(f"{path} does not exist", "give a .jsonl file of an earlier session")
    with path.open("r+b", buffering=0) as file:
        _lock(file, path)
        text = _read(path)
        whole = text.rfind(b"\n") + 1
        records = list(_decode(path, text[:whole]))
        os.ftruncate(file.fileno(), whole)
        file.seek(0, os.SEEK_END)
        yield Journal(path, file), records


def _write_all(file: BinaryIO, records: Iterable[Record]) -> None:
    rest = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
    while rest:  # an unbuffered write may stop in the middle: a disk that is just full
        rest = rest[file.write(rest) :]


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise RecordError(f"{path} has {size} bytes", f"at most {MAX_BYTES} are read")
    return path.read_bytes()


def _decode(path: Path, text: bytes) -> Iterator[Record]:
    decoder = msgspec.json.Decoder(Record)
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            yield decoder.decode(line)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise RecordError(
                f"{path}, line {number}: {error}",
                "is it a results file of this version? it is left as it is",
            ) from error


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # falls with the process, however it ends
    except BlockingIOError as error:
        raise RecordError(
            f"another session is writing to {path}", "wait for it, or name another --output"
        ) from error
