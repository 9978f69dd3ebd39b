"""A package that is none: sessions take it for one, and only made runtimes run it."""

import pytest

import fake_worker
import fakes
from bench.runtimes.entries import RUNTIMES, RuntimeEntry
from bench.session import cases, prepare


class Same:
    """The files of every package."""

    def identity(self) -> str:
        """Never another."""
        return "ab"


def accept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sessions prepare packages that are not there; nothing has a reference."""
    monkeypatch.setattr(cases.model_files, "find", lambda _: Same())
    monkeypatch.setattr(prepare, "description_of", lambda _: fakes.DESCRIPTION)
    absent = RuntimeEntry(("CPU",), has_threads=True, worker=fake_worker.COMMAND)
    monkeypatch.setitem(RUNTIMES, "portable", absent)
