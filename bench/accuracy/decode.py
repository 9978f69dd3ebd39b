"""Files to pictures of the networks' size, in processes of their own.

Processes, because a photograph may come from anywhere: one that takes the decoder down with it is
reported like any other that cannot be opened, and decoding goes on whatever the runtime does with
the interpreter's lock. Pixels come back as bytes.
"""

import multiprocessing
import os
import signal
import struct
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from PIL import Image

from bench.accuracy.recipes import Recipe
from mobilenet.preprocess import upright_rgb

MAX_FILE_BYTES = 1 << 28
CRASHED = "the decoder crashed on it"
# What Pillow raises for files that are damaged, foreign, or absurdly large.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class Wanted(NamedTuple):
    """One form in which a photograph is needed."""

    recipe: Recipe
    size: int


Pictures = list[bytes]  # (size, size, 3) RGB each, one for every `Wanted`
Decoded = Pictures | str  # or why there are none


def decode(path: Path, wanted: Sequence[Wanted]) -> Decoded:
    """All forms of one photograph, which is opened once."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return f"it has {path.stat().st_size} bytes"
        with Image.open(path) as image:
            upright = upright_rgb(image)
            return [recipe.apply(upright, size).tobytes() for recipe, size in wanted]
    except BROKEN as error:
        return " ".join(str(error).replace(repr(str(path)), "").split()) or type(error).__name__


def decode_all(paths: Sequence[Path], wanted: Sequence[Wanted]) -> list[Decoded]:
    """`decode` of several photographs, in order."""
    return [decode(path, wanted) for path in paths]


class Decoder:
    """A pool of decoding processes, to be used in a `with` statement."""

    def __init__(self, wanted: Sequence[Wanted], processes: int) -> None:
        self._wanted, self._processes = tuple(wanted), processes
        self._lock = threading.Lock()
        self._pool = _pool(processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, paths: Sequence[Path]) -> "Future[list[Decoded]]":
        """Begin to decode some photographs."""
        with self._lock:
            try:
                return self._pool.submit(decode_all, paths, self._wanted)
            except BrokenProcessPool:
                self._pool = _pool(self._processes)
                return self._pool.submit(decode_all, paths, self._wanted)

    def result(self, paths: Sequence[Path], future: "Future[list[Decoded]]") -> list[Decoded]:
        """What `submit` began. After a crash each is tried alone, to find which it was."""
        try:
            return future.result()
        except BrokenProcessPool:
            return [self._alone(path) for path in paths]

    def _alone(self, path: Path) -> Decoded:
        with _pool(1) as pool:
            try:
                return pool.submit(decode, path, self._wanted).result()
            except BrokenProcessPool:
                return CRASHED


def _pool(processes: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # forking is unsafe beside a runtime's threads
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_initialize)


def _initialize() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    warnings.simplefilter("ignore")  # odd metadata of other people's photographs
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
