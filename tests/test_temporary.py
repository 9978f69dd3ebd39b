"""Temporary folders: removed at the end, swept when their owner is dead, and only then."""

import errno
import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from mobilenet.common import temporary
from mobilenet.common.temporary import owned_folder, sweep


def abandoned(parent: Path) -> Path:
    """A folder as one leaves it that is killed."""
    room, lock = temporary._made(parent)
    (room / temporary.CONTENT).mkdir()
    (room / temporary.CONTENT / "half").write_text("half")
    os.close(lock)
    return room


def test_it_is_empty_and_goes_whatever_happens(tmp_path: Path) -> None:
    def fail() -> None:
        with owned_folder(tmp_path) as folder:
            assert not list(folder.iterdir())
            (folder / "lock").mkdir()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not list(tmp_path.iterdir())


def test_one_in_use_stays_and_one_whose_owner_is_dead_goes(tmp_path: Path) -> None:
    left = abandoned(tmp_path)
    with owned_folder(tmp_path) as folder:
        assert not left.exists()
        (folder / "file").write_text("mine")
        sweep(tmp_path)
        with owned_folder(tmp_path):
            assert (folder / "file").read_text() == "mine"
    assert not list(tmp_path.iterdir())


def test_nothing_foreign_is_swept(tmp_path: Path) -> None:
    (tmp_path / f"{temporary.PREFIX}file").write_text("mine")
    (tmp_path / f"{temporary.PREFIX}unlocked").mkdir()
    (tmp_path / f"{temporary.PREFIX}unlocked" / "thesis").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"{temporary.PREFIX}link").symlink_to(abandoned(tmp_path / "elsewhere"))
    other = abandoned(tmp_path)
    other.rename(tmp_path / ".mobilenet-000000-ofanothermachine")
    before = sorted(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_owner_that_died_before_it_locked_leaves_nothing(tmp_path: Path) -> None:
    Path(tempfile.mkdtemp(prefix=temporary.PREFIX, dir=tmp_path))
    sweep(tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_owner_that_is_swept_before_it_locked_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, calls = tempfile.mkdtemp, []

    def swept_at_once(*args: str, **kwargs: str) -> str:
        folder = made(*args, **kwargs)
        calls.append(folder)
        if len(calls) == 1:
            sweep(tmp_path)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", swept_at_once)
    with owned_folder(tmp_path) as folder:
        assert folder.is_dir()
    assert len(calls) == 2


def test_a_disk_without_locks_keeps_what_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with owned_folder(tmp_path) as folder:
        sweep(tmp_path)
        assert folder.is_dir()
    assert not list(tmp_path.iterdir())


def test_a_command_goes_on_where_none_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with temporary.owned_by_command():
        assert tempfile.gettempdir() == str(tmp_path / "missing")
