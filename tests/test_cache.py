import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

import web
from listener import Listener
from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.weights import cache as weights_cache
from mobilenet.weights import download as downloads
from mobilenet.weights.download import download

DATA = b"the weights"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server() -> Iterator[web.Web]:
    with web.serving() as server:
        server.answers["/file.bin"] = DATA
        yield server


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "PATIENCE", web.IMPATIENT)
    return tmp_path / "cache"


def keep(url: str, sha256: str = "", accept: weights_cache.Fill = lambda path: None) -> Path:
    return weights_cache.keep("a/kept.bin", lambda path: download(url, path), accept, sha256)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_a_file_is_fetched_once_and_its_digest_kept(server: web.Web, cache: Path) -> None:
    for _ in range(2):
        path = keep(f"{server.url}/file.bin")
        assert path.read_bytes() == DATA
    assert server.asked == ["/file.bin"]
    assert (cache / "a/kept.bin.sha256").read_text() == SHA256
    assert files(cache) == {"kept.bin", "kept.bin.sha256"}


def test_a_changed_file_is_an_error_not_a_download(server: web.Web, cache: Path) -> None:
    keep(f"{server.url}/file.bin").write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="sha256") as error:
        keep(f"{server.url}/file.bin")
    assert "delete" in error.value.hint
    assert len(server.asked) == 1


def test_what_is_not_the_known_file_is_not_kept(server: web.Web, cache: Path) -> None:
    with pytest.raises(CheckpointError, match=f"{SHA256[:16]}..., not 0000"):
        keep(f"{server.url}/file.bin", "0" * 64)
    assert files(cache) == set()
    assert keep(f"{server.url}/file.bin", SHA256).is_file()


def test_what_cannot_be_read_is_not_kept(server: web.Web, cache: Path) -> None:
    def refuse(path: Path) -> None:
        raise CheckpointError("no network inside")

    with pytest.raises(CheckpointError, match="no network"):
        keep(f"{server.url}/file.bin", accept=refuse)
    assert files(cache) == set()


def test_ctrl_c_keeps_nothing(server: web.Web, cache: Path) -> None:
    def interrupt(path: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights_cache.keep("a/kept.bin", interrupt, lambda path: None)
    assert files(cache) == set()


def test_folders_are_kept_and_checked_whole(cache: Path) -> None:
    def fill(folder: Path) -> None:
        folder.mkdir()
        (folder / "model").write_bytes(DATA)

    path = weights_cache.keep("hub/x", fill, lambda path: None)
    assert weights_cache.cached("hub/x") == path
    (path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="sha256"):
        weights_cache.cached("hub/x")


def test_several_at_once_fetch_it_once(server: web.Web, cache: Path) -> None:
    """Threads lock as processes do: each opens the lock file for itself."""
    listeners = [Listener() for _ in range(4)]
    are_waiting = threading.Event()

    def fill(path: Path) -> None:
        assert are_waiting.wait(60)
        download(f"{server.url}/file.bin", path)

    def keep_it(listener: Listener) -> Path:
        return weights_cache.keep("a/kept.bin", fill, lambda path: None, progress=listener)

    with ThreadPoolExecutor() as pool:
        paths = [pool.submit(keep_it, listener) for listener in listeners]
        while sum(len(listener.lines) for listener in listeners) < 3:
            time.sleep(0.01)
        are_waiting.set()
        assert {path.result(60) for path in paths} == {cache / "a/kept.bin"}
    lines = [line for listener in listeners for line in listener.lines]
    assert lines == ["waiting for another process that fetches kept.bin"] * 3
    assert server.asked == ["/file.bin"]
    assert files(cache) == {"kept.bin", "kept.bin.sha256"}


def test_waiting_is_bounded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_cache, "WAIT_SECONDS", 0.1)
    (cache / "a").mkdir(parents=True)
    refused = pytest.raises(UnreachableError, match="another process has been fetching kept")
    with FileLock(cache / "a/kept.bin.lock"), refused:
        keep("http://127.0.0.1:9/file.bin")


def test_a_lock_of_the_dead_is_no_lock(server: web.Web, cache: Path) -> None:
    (cache / "a").mkdir(parents=True)
    (cache / "a/kept.bin.lock").touch()
    keep(f"{server.url}/file.bin")
    assert files(cache) == {"kept.bin", "kept.bin.sha256"}


def test_where_nothing_can_be_written_it_says_where(server: web.Web, cache: Path) -> None:
    cache.write_text("a file in place of the folder")
    with pytest.raises(OSError, match="cache"):
        keep(f"{server.url}/file.bin")
