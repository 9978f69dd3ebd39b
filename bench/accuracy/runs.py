"""What a comparison on pictures must offer, so that one command carries all of them out."""

import hashlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from bench.results.records import Record

Line = TypeVar("Line", bound=msgspec.Struct)
Counted_contra = TypeVar("Counted_contra", bound=msgspec.Struct, contravariant=True)


class RunningTally(Protocol[Counted_contra]):
    """Takes raw answers one by one; can be asked at any time."""

    @property
    def seen(self) -> int:
        """Pictures, broken ones included."""
        ...

    def add(self, answer: Counted_contra, /) -> None:
        """Count one picture, or note that it was not opened."""
        ...

    def shown(self) -> str:
        """How well so far, in a few words."""
        ...

    def records(self, started: str) -> Iterable[Record]:
        """The results."""
        ...


class PictureRun(Protocol[Line]):
    """Everything that a run needs, loaded."""

    @property
    def head(self) -> msgspec.Struct:
        """What is compared: a run goes on only where all of it is as it was."""
        ...

    @property
    def total(self) -> int:
        """Pictures."""
        ...

    @property
    def interpreted_s(self) -> float:
        """Of one picture, in all models that are interpreted."""
        ...

    def tally(self) -> RunningTally[Line]:
        """A new one."""
        ...

    def kept(self, path: Path) -> Iterator[Line]:
        """The answers of an earlier run, in order. Raises `RecordError`."""
        ...

    def answers(self, done: int, jobs: int) -> Generator[Line]:
        """The answers to all pictures but the first `done`, in order."""
        ...


def digest(head: msgspec.Struct) -> str:
    """Names what is compared: the same command gives the same one."""
    return hashlib.sha256(msgspec.json.encode(head)).hexdigest()
