"""A web server on the loopback, for tests of downloads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mobilenet.weights.download import Patience

IMPATIENT = Patience(pause=0.001)  # otherwise as it is: a busy machine is no failure
Answer = bytes | int | Callable[[BaseHTTPRequestHandler], None]


class Web:
    """Answers by path: bytes, a status, or a function; `asked` lists what was asked for.

    `ranges` and `authorizations` are the headers of that name, or "". `over` is set when the
    server ends.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.authorizations: list[str] = []
        self.over = threading.Event()
        self.url = ""


@contextmanager
def serving() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append(self.path)
            web.ranges.append(self.headers.get("Range", ""))
            web.authorizations.append(self.headers.get("Authorization", ""))
            answer = web.answers.get(self.path, 404)
            if isinstance(answer, bytes):
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                kind = "text/html" if self.path.endswith("/") else "application/octet-stream"
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(answer)
            elif isinstance(answer, int):
                self.send_error(answer)
            else:
                answer(self)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            pass  # clients go away

    server = Server(("127.0.0.1", 0), Handler)
    web.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        web.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def broken_off(handler: BaseHTTPRequestHandler) -> None:
    """Promises a thousand bytes and sends ten."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"0123456789")
    handler.close_connection = True


class Versioned:
    """A file with an ETag, of which a part may be asked for; the first answers break off.

    `cuts` are how many bytes of a body each of them sends; `then` is called before the end of
    such an answer.
    """

    def __init__(
        self,
        data: bytes,
        etag: str = '"one"',
        cuts: tuple[int, ...] = (),
        then: Callable[[], object] = lambda: None,
    ) -> None:
        self.data, self.etag, self.then = data, etag, then
        self._cuts = list(cuts)

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        size, start = len(self.data), 0
        if handler.headers.get("If-Range") == self.etag:
            start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        handler.send_header("Content-Length", str(size - start))
        handler.send_header("ETag", self.etag)
        handler.end_headers()
        if self._cuts:
            handler.wfile.write(self.data[start : start + self._cuts.pop(0)])
            self.then()
        else:
            handler.wfile.write(self.data[start:])


def raw(*parts: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Just these bytes, and the end of the connection."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"".join(parts))
        handler.close_connection = True

    return send


def dripping(web: Web, before: bytes, drop: bytes = b"x") -> Callable[..., None]:
    """A drop now and then, for as long as somebody listens."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(before)
        while not web.over.wait(0.02):
            handler.wfile.write(drop)

    return send
