"""The results file of a session: begun, and gone on with after an interruption.

A session begins with its head (the session and all cases), which appears in one piece or not at
all. Every launch is appended and brought to the disk as soon as it ends, so neither Ctrl-C nor
SIGKILL nor a power cut loses it; a line that was cut in the middle is removed when the session is
resumed.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from bench.results import line_file
from bench.results.line_file import LineFile
from bench.results.records import Record
from bench.results.upgrade import decode
from mobilenet.common import durable, files
from mobilenet.common.errors import RecordError
from mobilenet.common.temporary import owned_folder, sweep

DEFAULT_FOLDER = Path("results")


def default_path(prefix: str = "") -> Path:
    """Where results go unless something else is said."""
    return DEFAULT_FOLDER / time.strftime(f"{prefix}%Y-%m-%d-%H%M%S.jsonl")


@contextmanager
def create(path: Path, head: Iterable[Record]) -> Iterator[LineFile]:
    """A new results file that begins with `head`. Never replaces one."""
    check_new(path)
    path = path.resolve()  # a link to a file that is to be made
    durable.make_folder(path.parent)
    with ExitStack() as closing:
        with owned_folder(path.parent) as folder:
            temporary = folder / path.name
            file = closing.enter_context(temporary.open("xb", buffering=0))
            line_file.lock(file, path)
            line_file.write(file, head)
            durable.flush(file.fileno())
            try:
                path.hardlink_to(temporary)  # unlike a rename, it fails where a file stands
            except FileExistsError:
                check_new(path)
            durable.flush_path(path.parent)
        yield _line_file(path, file)


def check_new(path: Path) -> None:
    """Raises `RecordError` when there is a file at `path` already, `ConfigError` for a folder."""
    files.check_regular_file(path)
    if path.exists():
        raise RecordError(
            f"{path} exists",
            f"`python -m bench resume {path}` goes on with it; --output names another",
        )


@contextmanager
def resume(path: Path) -> Iterator[tuple[LineFile, list[Record]]]:
    """An existing results file, to go on with, and what it holds; a cut last line is removed.

    Raises `RecordError` for a file that is missing, foreign, or written by another session; it
    is left as it is.
    """
    if not path.is_file():
        raise RecordError(f"{path} does not exist", "give a .jsonl file of an earlier session")
    sweep(path.resolve().parent)
    with path.open("r+b", buffering=0) as file:
        line_file.lock(file, path)
        records = list(_whole_lines(path))
        line_file.cut_last_line(file)
        yield _line_file(path, file), records


def _line_file(path: Path, file: BinaryIO) -> LineFile:
    return LineFile(path, file, f"`python -m bench resume {path}`")


def _whole_lines(path: Path) -> Iterator[Record]:
    line_file.check_size(path)
    for number, line in line_file.lines(path):
        if line.endswith(b"\n"):
            yield _decode(path, number, line)


def _decode(path: Path, number: int, line: bytes) -> Record:
    try:
        record = decode(line)
    except msgspec.DecodeError as error:
        raise RecordError(
            f"{path}, line {number}: {error}",
            "is it a results file of this version? it is left as it is",
        ) from error
    return record
