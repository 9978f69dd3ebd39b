"""Downloads against servers that refuse, break off, change their file or send too much."""

import errno
import io
import os
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest

import web
from listener import Listener
from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.weights import download as downloads
from mobilenet.weights import partial
from mobilenet.weights.download import Patience, download

DATA = os.urandom(300_000)
OTHER = os.urandom(300_000)


@pytest.fixture
def server() -> Iterator[web.Web]:
    with web.serving() as server:
        yield server


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "PATIENCE", web.IMPATIENT)
    return tmp_path / "cache/partial"


def fetch(server: web.Web, folder: Path, **options: int) -> bytes:
    download(f"{server.url}/model.bin", folder / "model.bin", **options)
    return (folder / "model.bin").read_bytes()


def begin(server: web.Web, folder: Path, size: int) -> None:
    """Leave so many bytes of `DATA`, as a process that ended does."""

    class Ended(BaseException):
        pass

    def end(*_: object) -> None:
        raise Ended

    server.answers["/model.bin"] = web.Versioned(DATA, cuts=(size,) * 9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downloads._Download, "_pause", end)
        with pytest.raises(Ended):
            fetch(server, folder)
    server.ranges.clear()


def test_what_breaks_off_goes_on_where_it_was(
    server: web.Web, tmp_path: Path, cache: Path
) -> None:
    server.answers["/model.bin"] = web.Versioned(DATA, cuts=(100_000, 50_000))
    listener = Listener()
    download(f"{server.url}/model.bin", tmp_path / "model.bin", listener)
    assert (tmp_path / "model.bin").read_bytes() == DATA
    assert server.ranges == ["", "bytes=100000-", "bytes=150000-"]
    assert "127.0.0.1 stopped sending (IncompleteRead(100000 bytes read" in listener.lines[0]
    assert "trying again in 0.0 s" in listener.lines[0]
    assert listener.updates[-1] == ("model.bin", 300_000, 300_000, "0.3 of 0.3 MB")
    assert list(cache.iterdir()) == []


def test_the_next_run_goes_on(server: web.Web, tmp_path: Path, cache: Path) -> None:
    begin(server, tmp_path, 100_000)
    assert [path.stat().st_size for path in cache.iterdir()] == [100_000]
    server.answers["/model.bin"] = web.Versioned(DATA)
    assert fetch(server, tmp_path) == DATA
    assert server.ranges == ["bytes=100000-"]


def test_a_changed_file_begins_anew(server: web.Web, tmp_path: Path) -> None:
    begin(server, tmp_path, 100_000)
    server.answers["/model.bin"] = web.Versioned(OTHER, etag='"two"')
    assert fetch(server, tmp_path) == OTHER
    assert server.ranges == ["bytes=100000-"]


def head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 206 Partial Content", *lines, "", ""]).encode()


@pytest.mark.parametrize(
    "answer",
    [
        web.raw(head("Content-Range: bytes 5-299999/300000"), DATA[5:]),
        web.raw(head("Content-Range: bytes 100000-299999/300000", 'ETag: "two"'), OTHER[100_000:]),
        web.raw(head("Content-Range: lines 1-2/3"), DATA[100_000:]),
        web.raw(head(), DATA[100_000:]),
        416,
    ],
    ids=["from elsewhere", "another version", "other units", "no range", "416"],
)
def test_what_is_no_continuation_begins_anew(
    server: web.Web, tmp_path: Path, answer: web.Answer
) -> None:
    begin(server, tmp_path, 100_000)

    def first_wrong(handler: BaseHTTPRequestHandler) -> None:
        if "Range" not in handler.headers:
            web.Versioned(DATA)(handler)
        elif isinstance(answer, int):
            handler.send_error(answer)
        else:
            answer(handler)

    server.answers["/model.bin"] = first_wrong
    assert fetch(server, tmp_path) == DATA
    assert server.ranges == ["bytes=100000-", ""]


def test_without_an_etag_nothing_is_kept(server: web.Web, tmp_path: Path, cache: Path) -> None:
    server.answers["/model.bin"] = web.broken_off
    with pytest.raises(CheckpointError, match="broke off after") as error:
        fetch(server, tmp_path)
    assert error.value.hint == "try again, or name a mirror"
    assert list(cache.iterdir()) == []
    assert len(server.asked) == web.IMPATIENT.tries


def test_passing_trouble_is_tried_again(server: web.Web, tmp_path: Path) -> None:
    answers: list[web.Answer] = [503, 429, web.raw(b"nonsense\r\n\r\n"), web.Versioned(DATA)]
    server.answers["/model.bin"] = in_turn(answers)
    assert fetch(server, tmp_path) == DATA
    assert answers == []


def in_turn(answers: list[web.Answer]) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        first = answers.pop(0)
        if isinstance(first, int):
            handler.send_error(first)
        elif callable(first):
            first(handler)

    return answer


def test_nobody_there_and_nothing_there_are_unreachable(server: web.Web, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 answers 404 Not Found for http"):
        fetch(server, tmp_path)
    assert len(server.asked) == 1
    server.answers["/model.bin"] = 503
    with pytest.raises(UnreachableError, match="answers 503 Service Unavailable"):
        fetch(server, tmp_path)
    with pytest.raises(UnreachableError, match=r"cannot be reached \(connection refused\)"):
        download("http://127.0.0.1:9/file.bin", tmp_path / "file.bin")


def test_pauses_grow_and_follow_the_server(
    server: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    clock = SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic)
    monkeypatch.setattr(downloads, "time", clock)
    monkeypatch.setattr(downloads, "PATIENCE", Patience())
    server.answers["/model.bin"] = 503
    with pytest.raises(UnreachableError):
        fetch(server, tmp_path)
    bounds = [(0.375, 0.5), (0.75, 1), (1.5, 2), (3, 4)]
    assert all(low <= pause <= high for pause, (low, high) in zip(pauses, bounds, strict=True))

    def busy(seconds: str) -> web.Answer:
        return web.raw(f"HTTP/1.1 429 Busy\r\nRetry-After: {seconds}\r\n\r\n".encode())

    pauses.clear()
    server.answers["/model.bin"] = in_turn([busy("7"), busy("soon"), web.Versioned(DATA)])
    assert fetch(server, tmp_path) == DATA
    assert pauses[0] == 7
    assert pauses[1] < 2
    server.answers["/model.bin"] = busy("3600")
    with pytest.raises(UnreachableError, match="asks for a pause of 1 h 0 min"):
        fetch(server, tmp_path)
    assert len(pauses) == 2


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_limit_of_size(server: web.Web, tmp_path: Path, is_declared: bool, cache: Path) -> None:
    length = b"Content-Length: 300000\r\n" if is_declared else b""
    server.answers["/model.bin"] = web.raw(
        b'HTTP/1.1 200 OK\r\nETag: "one"\r\n', length, b"\r\n", DATA
    )
    size = "sends 300,000 bytes" if is_declared else "sends over 200,000 bytes"
    with pytest.raises(CheckpointError, match=f"{size}, where 200,000 are the limit"):
        fetch(server, tmp_path, max_bytes=200_000)
    assert list(cache.iterdir()) == []
    assert fetch(server, tmp_path, max_bytes=300_000) == DATA


def test_a_deadline_for_all_of_it(
    server: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "PATIENCE", Patience(seconds=0.3))
    ok = b'HTTP/1.1 200 OK\r\nETag: "one"\r\nContent-Length: 300000\r\n'
    for before in (b"", b"HTTP/1.1 200 OK\r\nX-Long: ", ok + b"\r\n"):
        server.answers["/model.bin"] = web.dripping(server, before)
        with pytest.raises((UnreachableError, CheckpointError), match="needs longer than 0 s"):
            fetch(server, tmp_path)


def test_a_full_disk_says_where_and_keeps_nothing(
    server: web.Web, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/model.bin"] = web.Versioned(DATA)
    opened = Path.open

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(path: Path, mode: str = "r", *args: object, **options: object) -> object:
        return Full() if mode == "ab" else opened(path, mode, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match=r"No space left on device: .*model\.bin"):
        fetch(server, tmp_path)
    assert list(cache.iterdir()) == []


def test_old_partial_files_are_swept(server: web.Web, tmp_path: Path, cache: Path) -> None:
    begin(server, tmp_path, 100_000)
    (old,) = cache.iterdir()
    os.utime(old, (0, 0))
    partial.sweep()
    assert list(cache.iterdir()) == []
