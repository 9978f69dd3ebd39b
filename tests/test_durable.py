"""What is acknowledged has been brought to the disk: files before they take their name."""

import errno
import os
from pathlib import Path

import pytest

from bench.accuracy import journal, predictions
from bench.results import jsonl
from bench.results.records import Photographs
from dying import CASE, LAUNCHES, package
from mobilenet.common import durable, exchange, files


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was brought to the disk, and "renamed"."""
    made: list[str] = []

    def fsync(descriptor: int) -> None:
        made.append(Path(f"/dev/fd/{descriptor}").resolve().name)

    def renamed(*paths: Path) -> bool:
        made.append("renamed")
        return exchange.exchange(*paths)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(files, "exchange", renamed)
    return made


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs names of open files")
def test_a_package_is_on_the_disk_before_it_takes_the_name(
    tmp_path: Path, calls: list[str]
) -> None:
    path = tmp_path / "new" / "net.mlpackage"
    for content in ("old", "new"):
        calls.clear()
        with files.replacing(path) as temporary:
            package(temporary, content)
    place = calls.index("renamed")
    assert {"weights", files.MANIFEST, "Data", "net.mlpackage"} <= set(calls[:place])
    assert calls[place + 1 :] == ["new"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs names of open files")
def test_a_new_folder_stays_too(tmp_path: Path, calls: list[str]) -> None:
    files.write_atomically(tmp_path / "a" / "b" / "file", b"")
    assert {tmp_path.name, "a", "b", "file"} <= set(calls)


def test_each_record_is_on_the_disk_when_it_is_acknowledged(
    tmp_path: Path, calls: list[str]
) -> None:
    with jsonl.create(tmp_path / "results.jsonl", [CASE]) as file:
        for launch in LAUNCHES:
            calls.clear()
            file.append(launch)
            assert len(calls) == 1


def test_predictions_are_brought_there_now_and_then(tmp_path: Path, calls: list[str]) -> None:
    path, head = tmp_path / "log.ndjson", predictions_head()
    with journal.opened(path, head) as log:
        calls.clear()
        log.file.append(LAUNCHES[0])
        assert len(calls) == 1
        log.file._flushed += 3600
        log.file.append(LAUNCHES[0])
        assert len(calls) == 1
    assert len(calls) == 2


def predictions_head() -> predictions.Head:
    photographs = Photographs(name="", digest="", images=1, classes=1)
    return predictions.Head(
        tool="", software={}, photographs=photographs, evaluations=(), pairs=()
    )


@pytest.mark.parametrize("number", sorted(durable.REFUSED))
def test_a_disk_that_knows_no_fsync_is_written_to(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(number))
    files.write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_disk_that_fails_is_an_error_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        files.write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_macos_empties_the_cache_of_the_drive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as it can be tried here: the request is made, and fsync where it is refused."""
    asked: list[int] = []

    def full(_: int, request: int) -> None:
        asked.append(request)
        if len(asked) > 1:
            raise OSError(errno.ENOTSUP, "")

    monkeypatch.setattr(durable, "FULL", 51)
    monkeypatch.setattr(durable.fcntl, "fcntl", full)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    for _ in range(2):
        durable.flush_path(tmp_path)
    assert asked == [51, 51]
    assert len(synced) == 1


def failing(number: int) -> object:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    return fail
