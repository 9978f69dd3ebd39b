"""One request to a web server, in a thread of its own: no server decides how long we wait.

The timeouts of sockets are for single reads: with a byte now and then, a server keeps a client
in a look-up, a handshake, a header or a body for as long as it likes. Here the one who waits has
a deadline and the file, and the thread has the network. What comes is neither decompressed nor
collected, so that its size is what was sent.
"""

import queue
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from mobilenet.common.errors import UnreachableError
from mobilenet.weights import addresses

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 16
QUEUED = 8  # chunks that wait to be written
TIMEOUT = (5, 30)  # seconds to connect, and between bytes
MAX_REDIRECTS = 10
STOPPING_S = 0.1  # how often a thread whose chunks nobody takes looks whether it is still needed
UNREACHABLE_HINT = (
    "check the network, name a mirror in MOBILENET_MIRROR, give a file with --weights PATH, "
    "or take --weights untrained"
)
CERTIFICATES_HINT = (
    "check the clock; where the network has certificates of its own, name them in "
    "REQUESTS_CA_BUNDLE"
)


class Request(NamedTuple):
    """What is asked for; `certificates` is a file of those to trust, or "" for the usual ones."""

    url: str
    headers: Mapping[str, str]
    certificates: str = ""


class ResponseHead(NamedTuple):
    """How an answer begins; `length` is that of its body in bytes, where the server says it."""

    url: str
    status: int
    headers: Mapping[str, str]
    length: int | None


class TransferError(Exception):
    """What may go well another time, in one line that names the server."""

    def __init__(self, reason: str, pause: float = 0, *, is_connected: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pause = pause  # seconds the server asks us to wait
        self.is_connected = is_connected


class DeadlineError(Exception):
    """The time is over."""


class StreamedResponse:
    """An answer as it comes; it must be taken before `deadline`, of the monotonic clock."""

    def __init__(self, request: Request, deadline: float) -> None:
        self._request, self._deadline = request, deadline
        self._queue: queue.Queue[ResponseHead | bytes | Exception] = queue.Queue(QUEUED)
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def head(self) -> ResponseHead:
        """How it begins. Raises as `chunks`, and `UnreachableError` where no try can help."""
        head = self._take()
        assert isinstance(head, ResponseHead)
        return head

    def chunks(self) -> Iterator[bytes]:
        """Its body. Raises `TransferError` when it breaks off, `DeadlineError` when it is late."""
        while chunk := self._take():
            assert isinstance(chunk, bytes)
            yield chunk

    def stop(self) -> None:
        """Let the thread end at its next byte; it writes nothing of ours."""
        self._stopped.set()

    def _take(self) -> ResponseHead | bytes:
        try:
            item = self._queue.get(timeout=max(0, self._deadline - time.monotonic()))
        except queue.Empty:
            raise DeadlineError from None
        if isinstance(item, Exception):
            error = _translated(item, self._request.url)
            raise error from (None if error is item else item)
        return item

    def _run(self) -> None:
        try:
            with followed(self._request) as response:
                length = response.raw.length_remaining
                self._put(
                    ResponseHead(response.url, response.status_code, response.headers, length)
                )
                while chunk := response.raw.read(CHUNK, decode_content=False):
                    self._put(chunk)
            self._put(b"")
        except Exception as error:  # noqa: BLE001  # it is raised where the answer is taken
            self._put(error)

    def _put(self, item: ResponseHead | bytes | Exception) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=STOPPING_S)
                return
            except queue.Full:
                continue
        if not isinstance(item, Exception):
            raise DeadlineError  # ends the thread


@contextmanager
def answering(request: Request, deadline: float) -> Iterator[StreamedResponse]:
    """Ask, and stop reading at the end of the block."""
    answer = StreamedResponse(request, deadline)
    try:
        yield answer
    finally:
        answer.stop()


@contextmanager
def followed(request: Request) -> Iterator["requests.Response"]:
    """The answer after all redirects; their bodies are not read."""
    import requests

    url = request.url
    headers = dict(request.headers) | {"Accept-Encoding": "identity"}
    with requests.Session() as session:
        for _ in range(MAX_REDIRECTS + 1):
            prepared = session.prepare_request(requests.Request("GET", url, headers))
            settings = session.merge_environment_settings(
                url, {}, True, request.certificates or None, None
            )
            # Not by the session, which would read the body of a redirect, however long.
            with session.get_adapter(url).send(prepared, timeout=TIMEOUT, **settings) as response:
                if not response.is_redirect:
                    yield response
                    return
                try:
                    url = addresses.redirected(url, response.headers["Location"])
                except ValueError as error:
                    asked = addresses.host(url)
                    raise UnreachableError(f"{asked} {error}", UNREACHABLE_HINT) from error
    asked = addresses.host(request.url)
    raise UnreachableError(f"{asked} redirects over {MAX_REDIRECTS} times", UNREACHABLE_HINT)


def _translated(error: Exception, url: str) -> Exception:
    """What a network can do, as an error of ours; anything else is a bug and stays."""
    import requests
    from urllib3 import exceptions

    asked = getattr(error, "request", None)  # it may be where a redirect led to
    host = addresses.host(getattr(asked, "url", None) or url)
    cause = _innermost(error)
    reason = f"({_words(cause)})"
    match error:
        case requests.exceptions.SSLError() if isinstance(cause, ssl.SSLCertVerificationError):
            return UnreachableError(f"{host} cannot be trusted {reason}", CERTIFICATES_HINT)
        case requests.ConnectionError() | requests.Timeout():
            is_connected = not isinstance(cause, OSError)
            verdict = "gives no sound answer" if is_connected else "cannot be reached"
            return TransferError(f"{host} {verdict} {reason}", is_connected=is_connected)
        case exceptions.ProtocolError() | exceptions.TimeoutError() | exceptions.SSLError():
            return TransferError(f"{host} stopped sending {reason}")
        case requests.RequestException() | exceptions.HTTPError() | ValueError():
            return UnreachableError(f"{host} gives no sound answer {reason}", UNREACHABLE_HINT)
        case OSError():
            return UnreachableError(f"{host} cannot be asked {reason}", UNREACHABLE_HINT)
    return error


def _innermost(error: BaseException) -> BaseException:
    """What the network said, without the wrappings of two libraries."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error


def _words(error: BaseException) -> str:
    text = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    return addresses.without_addresses(text).strip() or type(error).__name__
