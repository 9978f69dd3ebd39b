"""A file of JSON lines while it grows: whole lines only, one writer.

A line is handed to the system as soon as it is there, so neither Ctrl-C nor SIGKILL loses it;
and it is on the disk, out of reach of a power cut, before the next one or soon after.
What is read is bounded: by the line, and by the file where all of it is kept.
"""

import fcntl
import math
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from mobilenet.common import durable
from mobilenet.common.errors import RecordError

MAX_LINE_BYTES = 16 << 20  # 50,000 photographs that could not be opened have 5 MB
MAX_FILE_BYTES = 256 << 20  # ten thousand launches of a thousand samples have 100 MB
HINT = "results are the .jsonl files that `python -m bench` writes"
BLOCK_BYTES = 1 << 16  # read at once while the last line end is looked for


class LineFile:
    """An open, locked, unbuffered file; `go_on` is the hint on what to do after a full disk.

    A line is on the disk when `append` returns; with `flush_s`, as many seconds may pass between
    two times that all lines are brought there, and a power cut takes the lines of these.
    """

    def __init__(self, path: Path, file: BinaryIO, go_on: str, flush_s: float = 0) -> None:
        self.path, self._file, self._go_on = path, file, go_on
        self._flush_s, self._flushed = flush_s, -math.inf

    def append(self, record: msgspec.Struct) -> None:
        """Write one line, whole or not at all. Raises `RecordError` on a full disk."""
        end = os.fstat(self._file.fileno()).st_size
        try:
            write(self._file, [record])
            if time.monotonic() >= self._flushed + self._flush_s:
                durable.flush(self._file.fileno())
                self._flushed = time.monotonic()
        except OSError as error:
            self._file.truncate(end)
            self._file.seek(end)  # else the next line would follow a gap of zeros
            raise RecordError(
                f"{self.path} cannot be written: {error.strerror}",
                f"what was written before is kept; make room, then {self._go_on}",
            ) from error


def write(file: BinaryIO, records: Iterable[msgspec.Struct]) -> None:
    """Write a line for each record. Raises `OSError`, perhaps in the middle of a line."""
    rest = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
    while rest:  # an unbuffered write may stop in the middle: a disk that is just full
        rest = rest[file.write(rest) :]


def check_size(path: Path) -> int:
    """The bytes of a file of records. Raises `RecordError` for what is none, or too large."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise RecordError(f"{path} is no regular file", HINT)
    if status.st_size > MAX_FILE_BYTES:
        raise RecordError(f"{path} has {status.st_size:,} bytes, too many for results", HINT)
    return status.st_size


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with its number, from 1. Raises `RecordError` for one that nothing writes."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) == MAX_LINE_BYTES:
                raise RecordError(f"{path}, line {number} has over {MAX_LINE_BYTES:,} bytes", HINT)
            yield number, line


@contextmanager
def decoding() -> Iterator[None]:
    """Raise whatever msgspec says of a line that cannot be decoded as `msgspec.DecodeError`."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError("it is not UTF-8") from error
    except RecursionError as error:
        raise msgspec.DecodeError("it is nested too deeply") from error


def lock(file: BinaryIO, path: Path) -> None:
    """Become the only writer. Raises `RecordError` where there is one already."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # falls with the process, however it ends
    except BlockingIOError as error:
        raise RecordError(
            f"another run is writing to {path}", "wait for it, or name another --output"
        ) from error


def cut_last_line(file: BinaryIO) -> int:
    """Remove what follows the last line end, and go there; returns the bytes that are left."""
    end = position = file.seek(0, os.SEEK_END)
    while position > 0:
        step = min(BLOCK_BYTES, position)
        file.seek(position - step)
        line_end = file.read(step).rfind(b"\n")
        if line_end >= 0:
            position += line_end + 1 - step
            break
        position -= step
    if position != end:
        os.ftruncate(file.fileno(), position)
    file.seek(0, os.SEEK_END)
    return position
