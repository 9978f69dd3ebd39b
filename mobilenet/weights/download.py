"""Downloads that end: bounded in bytes and time, tried again, and continued where they broke off.

A server's word is not taken for anything that can be seen. A body is continued only where the
server says that it is of the same version (`If-Range`, RFC 9110, 13.1.5) and from the byte that
was asked for; all else begins anew.
"""

import random
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.common.progress import SILENT, Bar, Progress
from mobilenet.common.text import duration
from mobilenet.weights import addresses, partial
from mobilenet.weights.transfer import (
    UNREACHABLE_HINT,
    DeadlineError,
    Request,
    ResponseHead,
    StreamedResponse,
    TransferError,
    answering,
)

MAX_BYTES = 1 << 28  # the largest releases, those with all of the training's state, have 70 MB
WEB_PAGES = "application/vnd.pypi.simple.v1+html, text/html;q=0.5"
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}  # RFC 9110, 15.5 and 15.6; RFC 6585, 4
MISSING = {404, 410}
CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15}|\*)")
WEB_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|!--|html|head|body|meta|script)", re.IGNORECASE
)
GZIP = ("gzip", "x-gzip")  # some servers call it an encoding when the file itself is one
PAGE_HINT = "log in to the network with a browser, or name a mirror in MOBILENET_MIRROR"
ADDRESS_HINT = "check MOBILENET_MIRROR, HF_ENDPOINT, and pip's index-url"


class Patience(NamedTuple):
    """How long is waited for, and how often is tried."""

    seconds: float = 1800  # for one download with all its tries
    tries: int = 5  # in a row that bring nothing new
    connections: int = 3  # the same, where nobody answers
    pause: float = 0.5  # seconds before the second try; it doubles
    longest_pause: float = 60


PATIENCE = Patience()


class MissingError(UnreachableError):
    """The server says that it has no such file."""


class _Body(NamedTuple):
    """Where the bytes of an answer go, after how many, and how many there will be if known."""

    file: partial.Partial
    offset: int
    total: int | None


def download(
    url: str,
    path: Path,
    progress: Progress = SILENT,
    *,
    max_bytes: int = MAX_BYTES,
    is_page: bool = False,
    certificates: str = "",
) -> str:
    """Fetch `url` into `path`, and return the address that answered after all redirects.

    `is_page` says that a web page is wanted; `certificates` is a file of those to trust. Raises
    `UnreachableError` when nobody answers with the file (`MissingError`: it is not there),
    `CheckpointError` when it breaks off or cannot be what was published, `OSError` when it
    cannot be written.
    """
    if not addresses.is_web(url):
        raise UnreachableError(f"{addresses.shown(url)} is no web address", ADDRESS_HINT)
    request = Request(url, {"Accept": WEB_PAGES if is_page else "*/*"}, certificates)
    return _Download(request, path, progress, max_bytes, is_page).run()


class _Download:
    def __init__(
        self, request: Request, path: Path, progress: Progress, max_bytes: int, is_page: bool
    ) -> None:
        self._request, self._path, self._progress = request, path, progress
        self._max_bytes, self._is_page = max_bytes, is_page
        self._url = request.url
        self._host = addresses.host(request.url)
        self._deadline = time.monotonic() + PATIENCE.seconds
        self._size = 0  # bytes that have come
        self._is_answered = False  # by whatever

    def run(self) -> str:
        partial.sweep()
        try:
            answered, file = self._tried()
            file.replace(self._path)
        finally:
            partial.tidy(self._url)
        return answered

    def _tried(self) -> tuple[str, Path]:
        failures = most = 0
        while True:
            try:
                with self._progress.bar(self._path.name) as bar:
                    return self._attempt(bar)
            except DeadlineError as error:
                reason = f"{self._host} needs longer than {duration(PATIENCE.seconds)}"
                raise self._failed(reason) from error
            except TransferError as error:
                failures = 1 if self._size > most else failures + 1
                most = max(most, self._size)
                self._pause(error, failures)

    def _attempt(self, bar: Bar) -> tuple[str, Path]:
        begun = partial.find(self._url)
        headers = dict(self._request.headers)
        if begun:
            headers |= {"Range": f"bytes={begun.size}-", "If-Range": begun.etag}
        with answering(self._request._replace(headers=headers), self._deadline) as answer:
            head = answer.head()
            body = self._body(head, begun)
            self._check_declared(head, body.total)
            self._write(answer, body, bar)
            return head.url, body.file.path

    def _body(self, head: ResponseHead, begun: partial.Partial | None) -> _Body:
        """Where it goes. Raises `TransferError` when it is no whole file and no continuation."""
        if head.status == HTTPStatus.OK:
            return _Body(partial.begin(self._url, head.headers), 0, head.length)
        if begun and head.status in (
            HTTPStatus.PARTIAL_CONTENT,
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        ):
            match = CONTENT_RANGE.fullmatch(head.headers.get("Content-Range", ""))
            is_same = head.headers.get("ETag", begun.etag) == begun.etag
            if head.status == HTTPStatus.PARTIAL_CONTENT and match and is_same:
                start, total = int(match[1]), match[2]
                if start == begun.size:
                    return _Body(begun, start, None if total == "*" else int(total))
            partial.discard(self._url)
            raise TransferError(f"{self._host} does not go on where the download broke off")
        raise self._refused(head)

    def _refused(self, head: ResponseHead) -> Exception:
        phrases = {status.value: status.phrase for status in HTTPStatus}
        phrase = phrases.get(head.status, "")
        reason = f"{addresses.host(head.url)} answers {head.status} {phrase}".rstrip()
        if head.status in TRANSIENT:
            return TransferError(reason, _retry_after(head.headers))
        kind = MissingError if head.status in MISSING else UnreachableError
        return kind(f"{reason} for {addresses.shown(self._url)}", UNREACHABLE_HINT)

    def _check_declared(self, head: ResponseHead, total: int | None) -> None:
        encoding = head.headers.get("Content-Encoding", "identity").lower()
        is_archive = encoding in GZIP and self._path.name.endswith((".tgz", ".gz"))
        if encoding != "identity" and not is_archive:
            raise self._wrong(f"the encoding {encoding}, not asked for,")
        if total is not None and total > self._max_bytes:
            raise self._too_large(f"{total:,}")

    def _write(self, answer: StreamedResponse, body: _Body, bar: Bar) -> None:
        self._size = body.offset
        try:
            with body.file.path.open("ab") as file:
                for chunk in answer.chunks():
                    if not self._size and not self._is_page and WEB_PAGE.match(chunk):
                        raise self._wrong("a web page", PAGE_HINT)
                    if self._size + len(chunk) > self._max_bytes:
                        raise self._too_large(f"over {self._max_bytes:,}")
                    file.write(chunk)
                    self._size += len(chunk)
                    _show(bar, self._size, body.total)
        except OSError as error:  # of the disk: those of the network have become ours
            partial.discard(self._url)
            raise OSError(error.errno, error.strerror, str(self._path)) from error
        if body.total is not None and self._size != body.total:
            if self._size > body.total:
                partial.discard(self._url)
            raise TransferError(f"{self._host} sent {self._size:,} of {body.total:,} bytes")
        if not self._size:
            raise self._wrong("nothing")

    def _too_large(self, size: str) -> CheckpointError:
        return self._wrong(f"{size} bytes, where {self._max_bytes:,} are the limit,")

    def _wrong(self, what: str, hint: str = UNREACHABLE_HINT) -> CheckpointError:
        partial.discard(self._url)
        return CheckpointError(f"{self._host} sends {what} for {addresses.shown(self._url)}", hint)

    def _pause(self, error: TransferError, failures: int) -> None:
        """Wait before the next try. Raises what is said in the end when there is none."""
        self._is_answered |= error.is_connected
        tries = PATIENCE.tries if self._is_answered else PATIENCE.connections
        if error.pause > PATIENCE.longest_pause:
            asked = duration(error.pause)
            raise self._failed(f"{error.reason} and asks for a pause of {asked}") from error
        growing = min(PATIENCE.longest_pause, PATIENCE.pause * 2 ** (failures - 1))
        jitter = random.uniform(0.75, 1)  # noqa: S311  # so that many clients do not come at once
        pause = max(error.pause, growing * jitter)
        if failures >= tries or time.monotonic() + pause > self._deadline:
            raise self._failed(error.reason) from error
        self._progress.say(f"{error.reason}; trying again in {pause:.1f} s")
        time.sleep(pause)

    def _failed(self, reason: str) -> UnreachableError | CheckpointError:
        if not self._size:
            return UnreachableError(reason, UNREACHABLE_HINT)
        is_kept = partial.find(self._url) is not None
        return CheckpointError(
            f"the download of {addresses.shown(self._url)} broke off after "
            f"{self._size / 1e6:.1f} MB: {reason}",
            "try again: it goes on from there" if is_kept else "try again, or name a mirror",
        )


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait that a server asks for; 0 for what is not understood."""
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        return Retry().parse_retry_after(headers.get("Retry-After", "0"))
    except (InvalidHeader, ValueError, OverflowError):
        return 0


def _show(bar: Bar, size: int, total: int | None) -> None:
    if total:
        bar.update(size, total, f"{size / 1e6:.1f} of {total / 1e6:.1f} MB")
    else:
        bar.update(0, 1, f"{size / 1e6:.1f} MB")
