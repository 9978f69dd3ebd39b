"""Claim: whatever a server does, a download ends in the right file or in one line.

Each fault is met by `load_weights`, as a command meets it. Afterwards the cache holds whole
files and what can be continued, nothing else; and with a server that behaves, all is well.
"""

import gzip
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import slim_files
import web
from listener import Listener
from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.weights import download, fetch, transfer
from mobilenet.weights.download import Patience
from mobilenet.weights.resolve import load_weights

PATH = "/mobilenet_v1_0.25_128.tgz"
OK = b"HTTP/1.1 200 OK\r\n"
ETAG = b'ETag: "one"\r\n'
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return slim_files.slim_release(tmp_path_factory.mktemp("release"))


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[web.Web]:
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PATIENCE", web.IMPATIENT)
    with web.serving() as server:
        monkeypatch.setenv("MOBILENET_MIRROR", server.url.replace("//", "//user:SECRET@"))
        yield server


def redirect(location: bytes, status: bytes = b"302") -> web.Answer:
    return web.raw(b"HTTP/1.1 ", status, b" Moved\r\nLocation: ", location, b"\r\n\r\n")


def status(line: bytes, *headers: bytes) -> web.Answer:
    return web.raw(b"HTTP/1.1 ", line, b"\r\n", *(h + b"\r\n" for h in headers), b"\r\n")


def ok(headers: bytes, body: bytes) -> web.Answer:
    return web.raw(OK, headers, b"\r\n", body)


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


FAULTS: dict[str, web.Answer] = {
    # the connection
    "hangs up": hangs_up,
    "nothing": web.raw(b""),
    "no http": web.raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "binary": web.raw(bytes(range(256)) * 64),
    "endless status line": web.raw(b"HTTP/1.1 200 " + b"A" * 200_000),
    # statuses
    "401": 401, "403": 403, "404": 404, "410": 410, "429": 429, "500": 500, "503": 503,
    "204": status(b"204 No Content"),
    "206 unasked": status(b"206 Partial", b"Content-Range: bytes 7-9/10", b"Content-Length: 3"),
    "304": status(b"304 Not Modified"),
    "999": status(b"999 What"),
    "a status of words": status(b"two hundred"),
    "codes in the status": status(b"404 \x1b[31mred\x07"),
    "retry after never": status(b"503 Busy", b"Retry-After: " + b"9" * 6000),
    "retry after nonsense": status(b"429 Busy", b"Retry-After: Mon, 99 Foo 99999 99:99:99 GMT"),
    # redirects
    "in a circle": redirect(PATH.encode()),
    "to a file": redirect(b"file:///etc/passwd"),
    "to ftp": redirect(b"ftp://user:SECRET@127.0.0.1/x"),
    "to data": redirect(b"data:text/html,hello", b"307"),
    "to no host": redirect(b"http://"),
    "to half an address": redirect(b"http://[::1"),
    "to a port of words": redirect(b"http://127.0.0.1:port/?SECRET", b"308"),
    "to a closed port": redirect(b"http://u:SECRET@127.0.0.1:9/?sig=SECRET"),
    "to a host too long": redirect(b"http://" + b"a" * 300 + b"/"),
    "to bytes": redirect(b"http://127.0.0.1\xff\xfe/\x80"),
    "to nothing": redirect(b""),
    "to tls that is none": redirect(b"https://127.0.0.1:{port}/"),
    # headers
    "a thousand headers": ok(b"X: y\r\n" * 1000, b"x"),
    "a huge header": ok(b"X: " + b"y" * 200_000 + b"\r\n", b"x"),
    "headers without colons": ok(b"no colon\r\n\x00\x01\r\n", b"x"),
    "a negative length": ok(b"Content-Length: -5\r\n", b"x"),
    "a length of words": ok(b"Content-Length: many\r\n", b"x"),
    "two lengths": ok(b"Content-Length: 1\r\nContent-Length: 2\r\n", b"xy"),
    "a length of 6000 digits": ok(b"Content-Length: " + b"9" * 6000 + b"\r\n", b"x"),
    "a length of an exabyte": ok(b"Content-Length: %d\r\n" % 10**18, b"x"),
    "an etag that leaves its folder": ok(ETAG.replace(b"one", b"../../x"), b"x"),
    "an etag of 5000 letters": ok(ETAG.replace(b"one", b"e" * 5000), b"x"),
    # bodies
    "shorter than said": ok(ETAG + b"Content-Length: 5000\r\n", b"x" * 100),
    "empty": ok(b"Content-Length: 0\r\n", b""),
    "a captive portal": ok(b"", b"\n<!DOCTYPE html><html>please log in</html>"),
    "a page without a doctype": ok(b"", b"<HEAD><title>x"),
    "json": ok(b"", b'{"error": "not found"}'),
    "another encoding": ok(b"Content-Encoding: br\r\n", b"x"),
    "a bomb": ok(b"Content-Encoding: gzip\r\n", gzip.compress(bytes(10**7))),
    "chunks of nonsense": web.raw(CHUNKED, b"zz\r\nhello\r\n0\r\n\r\n"),
    "a negative chunk": web.raw(CHUNKED, b"-5\r\nhello\r\n0\r\n\r\n"),
    "a chunk of an exabyte": web.raw(CHUNKED, b"fffffffffffffff\r\nhello"),
    "an endless chunk size": web.raw(CHUNKED, b"0" * 200_000),
    "chunks without an end": web.raw(CHUNKED, b"5\r\nhello\r\n"),
    "trailers for ever": web.raw(CHUNKED, b"5\r\nhello\r\n0\r\n", b"X: y\r\n" * 20_000),
}  # fmt: skip
SLOW = {
    "a slow status": b"",
    "a slow header": OK + b"X: ",
    "a slow body": OK + ETAG + b"Content-Length: 100000\r\n\r\n",
    "a slow chunk": CHUNKED + b"ffff\r\n",
}


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def check_refused(server: web.Web, cache: Path) -> None:
    """One line without a secret, and nothing in the cache but what can be continued."""
    listener = Listener()
    with pytest.raises((UnreachableError, CheckpointError)) as error:
        load_weights("slim", alpha=0.25, resolution=128, progress=listener)
    for line in (error.value.message, error.value.hint, *listener.lines):
        assert "SECRET" not in line
        assert len(line) < 1200
    assert error.value.message.isprintable()
    assert error.value.hint
    assert all(name.startswith("partial/") and "%22" in name for name in files(cache))


def check_recovered(server: web.Web, cache: Path, release: bytes) -> None:
    """A server that behaves is all it takes."""
    server.answers[PATH] = web.Versioned(release, etag='"good"')
    assert load_weights("slim", alpha=0.25, resolution=128).checkpoint.provenance.trained
    assert files(cache) == ["slim/slim_0.25_128.pb", "slim/slim_0.25_128.pb.sha256"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(
    fault: str, mirror: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = FAULTS[fault]
    if fault == "to tls that is none":
        answer = redirect(mirror.url.replace("http:", "https:").encode())
    mirror.answers[PATH] = answer
    check_refused(mirror, tmp_path / "cache")


@pytest.mark.parametrize("fault", SLOW)
def test_a_slow_server_is_left(
    fault: str, mirror: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.answers[PATH] = web.dripping(mirror, SLOW[fault])
    monkeypatch.setattr(download, "PATIENCE", Patience(seconds=0.2))
    check_refused(mirror, tmp_path / "cache")


def test_a_silent_server_is_left(
    mirror: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(handler: BaseHTTPRequestHandler) -> None:
        mirror.over.wait()

    mirror.answers[PATH] = silent
    monkeypatch.setattr(transfer, "TIMEOUT", (5, 0.1))
    check_refused(mirror, tmp_path / "cache")


@pytest.mark.parametrize("start", [OK + ETAG, b"HTTP/1.1 302 Moved\r\nLocation: /\r\n"])
def test_an_endless_body_is_left(
    start: bytes, mirror: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = partial(download.download, max_bytes=1 << 20)
    monkeypatch.setattr(fetch, "download", limited)

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start + b"\r\n")
        while not mirror.over.is_set():
            handler.wfile.write(bytes(1 << 16))

    mirror.answers[PATH] = endless
    check_refused(mirror, tmp_path / "cache")


@pytest.mark.parametrize(
    "fault", ["nothing", "503", "shorter than said", "a captive portal", "empty", "a bomb"]
)
def test_after_a_fault_all_is_well(
    fault: str, mirror: web.Web, tmp_path: Path, release: bytes
) -> None:
    mirror.answers[PATH] = FAULTS[fault]
    check_refused(mirror, tmp_path / "cache")
    check_recovered(mirror, tmp_path / "cache", release)


Good = Callable[[bytes], web.Answer]
HARMLESS: dict[str, Good] = {
    "no length": lambda data: ok(b"", data),
    "chunks": lambda data: web.raw(CHUNKED, b"%x\r\n" % len(data), data, b"\r\n0\r\n\r\n"),
    "an archive called an encoding": lambda data: ok(b"Content-Encoding: x-gzip\r\n", data),
    "called a page": lambda data: ok(b"Content-Type: text/html\r\n", data),
    "breaks off at each third": lambda data: web.Versioned(data, cuts=(len(data) // 3,) * 2),
    "bytes behind the end": lambda data: ok(b"Content-Length: %d\r\n" % len(data), data + b"x"),
}


@pytest.mark.parametrize("oddity", HARMLESS)
def test_an_oddity_is_borne(oddity: str, mirror: web.Web, tmp_path: Path, release: bytes) -> None:
    mirror.answers[PATH] = HARMLESS[oddity](release)
    assert load_weights("slim", alpha=0.25, resolution=128).checkpoint.provenance.trained
    assert files(tmp_path / "cache") == ["slim/slim_0.25_128.pb", "slim/slim_0.25_128.pb.sha256"]
