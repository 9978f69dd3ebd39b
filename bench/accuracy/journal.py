"""Raw answers, one line a picture, while they are made: what a stopped run goes on from.

The first line says what is compared; every other line is one picture, in the order of the set.
Lines are handed to the system as they come, so neither Ctrl-C nor SIGKILL loses them, and a power
cut those of the last second only; one that was cut in the middle is removed when the run goes on.
Reading streams: memory does not grow with the number of pictures.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from bench.results import line_file
from bench.results.line_file import LineFile
from mobilenet.common import durable
from mobilenet.common.errors import RecordError

T = TypeVar("T")
FLUSH_S = 1  # an answer takes less time than bringing it to the disk does
ANEW = "delete the file to begin anew, or name another"


class Log(NamedTuple):
    """An open file of answers, and how many pictures it has."""

    file: LineFile
    done: int


@contextmanager
def opened(path: Path, head: msgspec.Struct) -> Iterator[Log]:
    """A new file for `head`, or the one that an earlier run of the same comparison left.

    Raises `RecordError` when `path` holds another comparison, or another run is writing to it.
    """
    durable.make_folder(path.parent)
    with path.open("a+b", buffering=0) as file:
        line_file.lock(file, path)
        if line_file.cut_last_line(file):
            _check(path, head)
            done = sum(1 for _ in line_file.lines(path)) - 1
        else:
            line_file.write(file, [head])
            done = 0
        try:
            yield Log(LineFile(path, file, "the same command", FLUSH_S), done)
        finally:
            durable.flush(file.fileno())


def read(path: Path, kind: type[T], fits: Callable[[int, T], bool]) -> Iterator[T]:
    """The lines, one a picture, in order; `fits` is asked with the place of each, from 0.

    Raises `RecordError` for a line that is none, or does not fit.
    """
    decoder = msgspec.json.Decoder(kind)
    for number, line in line_file.lines(path):
        if number > 1:
            answer = _decoded(decoder, line, path, number)
            if not fits(number - 2, answer):
                raise RecordError(f"{path}, line {number} is not of this comparison", ANEW)
            yield answer


def _check(path: Path, head: msgspec.Struct) -> None:
    _, line = next(line_file.lines(path), (1, b""))
    if _decoded(msgspec.json.Decoder(type(head)), line, path, 1) != head:
        raise RecordError(
            f"{path} holds another comparison: packages, recipes, photographs or software differ",
            "name another --output, or delete it to begin anew",
        )


def _decoded(decoder: "msgspec.json.Decoder[T]", line: bytes, path: Path, number: int) -> T:
    try:
        with line_file.decoding():
            return decoder.decode(line)
    except msgspec.DecodeError as error:
        raise RecordError(f"{path}, line {number}: {error}", ANEW) from error
