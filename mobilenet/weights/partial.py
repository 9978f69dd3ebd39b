"""Downloads that broke off, to go on from: files named by their address and their ETag.

A strong ETag names the bytes of one version of a file (RFC 9110, 8.8.3): what was begun under
one is never continued under another. Without one, nothing is kept.
"""

import hashlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from mobilenet.weights import addresses
from mobilenet.weights.cache import cache_folder

STRONG_ETAG = re.compile(r'"[!#-~]{1,60}"')  # 60: quoted, it is a part of a file's name
KEPT_DAYS = 7


class Partial(NamedTuple):
    """The file of a download that has begun; `etag` is empty when it cannot be continued."""

    path: Path
    etag: str

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self.path.stat().st_size

    @property
    def can_be_continued(self) -> bool:
        """Whether some of it is there, and the rest can be asked for."""
        return bool(STRONG_ETAG.fullmatch(self.etag)) and self.size > 0


def find(url: str) -> Partial | None:
    """What is there of `url` that can be continued."""
    return next((partial for partial in _all(url) if partial.can_be_continued), None)


def begin(url: str, headers: Mapping[str, str]) -> Partial:
    """An empty file for the body that comes with these headers, in place of what there is."""
    discard(url)
    etag = headers.get("ETag", "")
    if not STRONG_ETAG.fullmatch(etag):
        etag = ""
    partial = Partial(_folder() / f"{_key(url)}-{quote(etag, safe='')}", etag)
    partial.path.parent.mkdir(parents=True, exist_ok=True)
    partial.path.touch()
    return partial


def discard(url: str) -> None:
    """Delete what is there of `url`."""
    for partial in _all(url):
        partial.path.unlink(missing_ok=True)


def tidy(url: str) -> None:
    """Delete what is there of `url` and cannot be continued."""
    for partial in _all(url):
        if not partial.can_be_continued:
            partial.path.unlink(missing_ok=True)


def sweep() -> None:
    """Delete what nobody has gone on with for days."""
    oldest = time.time() - KEPT_DAYS * 24 * 3600
    for path in _folder().glob("*-*"):
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
        except FileNotFoundError:  # another process was faster
            continue


def _all(url: str) -> list[Partial]:
    paths = sorted(_folder().glob(f"{_key(url)}-*"))
    return [Partial(path, unquote(path.name.partition("-")[2])) for path in paths]


def _folder() -> Path:
    return cache_folder() / "partial"


def _key(url: str) -> str:
    """The same for one file, whatever its address is signed with."""
    return hashlib.sha256(addresses.shown(url).encode()).hexdigest()[:16]
