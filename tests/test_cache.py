import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import web
from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.weights import cache as weights_cache

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
    monkeypatch.delenv("MOBILENET_MIRROR", raising=False)
    return tmp_path / "cache"


def keep(url: str, sha256: str = "", accept: weights_cache.Fill = lambda path: None) -> Path:
    return weights_cache.keep(
        "a/kept.bin", lambda path: weights_cache.download(url, path), accept, sha256
    )


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


def test_a_transfer_that_breaks_off_is_an_error(server: web.Web, cache: Path) -> None:
    server.answers["/file.bin"] = web.broken_off
    with pytest.raises(CheckpointError, match="broke off"):
        keep(f"{server.url}/file.bin")
    assert files(cache) == set()


def test_nobody_there_and_nothing_there_are_unreachable(server: web.Web) -> None:
    with pytest.raises(UnreachableError, match="404"):
        keep(f"{server.url}/other.bin")
    server.answers["/file.bin"] = 503
    with pytest.raises(UnreachableError, match="503"):
        keep(f"{server.url}/file.bin")
    with pytest.raises(UnreachableError, match=r"127.0.0.1 cannot be reached \(ConnectionError\)"):
        keep("http://127.0.0.1:9/file.bin")


def test_a_mirror_is_asked_instead(server: web.Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILENET_MIRROR", f"{server.url}/mirror/")
    server.answers["/mirror/file.bin"] = b"mirrored"
    assert keep("https://example.invalid/deep/file.bin").read_bytes() == b"mirrored"


def test_folders_are_kept_and_checked_whole(cache: Path) -> None:
    def fill(folder: Path) -> None:
        folder.mkdir()
        (folder / "model").write_bytes(DATA)

    path = weights_cache.keep("hub/x", fill, lambda path: None)
    assert weights_cache.cached("hub/x") == path
    (path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="sha256"):
        weights_cache.cached("hub/x")
