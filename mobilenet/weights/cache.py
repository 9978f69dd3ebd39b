"""Fetching published files into the user's cache: once, whole, and checked ever after.

A file is checked against its known sha256. Where the publisher gives none, the digest of the
first download is kept beside the file and checked at every use. `MOBILENET_CACHE` moves the
cache, `MOBILENET_MIRROR` names a web folder that is asked instead of the publishers.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from mobilenet.common import files
from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.common.progress import SILENT, Bar, Progress

TIMEOUT = (5, 30)  # seconds to connect, and between bytes
UNREACHABLE_HINT = (
    "check the network, name a mirror in MOBILENET_MIRROR, give a file with --weights PATH, "
    "or take --weights untrained"
)

Fill = Callable[[Path], object]  # writes or examines the file of that path


def cache_folder() -> Path:
    """Where downloads are kept: `MOBILENET_CACHE`, or the platform's cache folder."""
    from platformdirs import user_cache_path

    folder = os.environ.get("MOBILENET_CACHE")
    return Path(folder).expanduser() if folder else user_cache_path("mobilenet-coreml")


def cached(name: str, sha256: str = "") -> Path | None:
    """The path of a cached file or folder, or None when it is not there.

    Raises `CheckpointError` when it is no longer what was downloaded.
    """
    path = cache_folder() / name
    if not path.exists():
        return None
    record = _record(path)
    expected = sha256 or (record.read_text("ascii").strip() if record.is_file() else "")
    check(path, expected, f"it was changed or damaged: delete {path} to download it again")
    return path


def keep(name: str, fill: Fill, accept: Fill, sha256: str = "") -> Path:
    """The cached file or folder `name`, made by `fill` unless it is there.

    `accept` raises for a file that must not be kept; a failure of any kind keeps nothing.
    """
    if kept := cached(name, sha256):
        return kept
    path = cache_folder() / name
    with files.replacing(path, any_folder=True) as temporary:
        fill(temporary)
        check(temporary, sha256, "what was sent is not what was published")
        accept(temporary)
        files.write_atomically(_record(path), _digest(temporary).encode())
    return path


def check(path: Path, sha256: str, hint: str) -> None:
    """Raise `CheckpointError` unless the file or folder has this digest (empty: none is known)."""
    if sha256 and (digest := _digest(path)) != sha256:
        raise CheckpointError(
            f"{path.name} has sha256 {digest[:16]}..., not {sha256[:16]}...", hint
        )


class Meter:
    """Counts the bytes of one download; what pooch and pypi-simple take for a progress bar."""

    def __init__(self, bar: Bar, total: int | None = None) -> None:
        self.total = total or 0  # pooch sets it when the server has said it
        self._bar, self._done = bar, 0

    def update(self, count: int) -> None:
        """So many more bytes have come."""
        self._done = min(self._done + count, self.total)
        text = f"{self._done / 1e6:.1f} of {self.total / 1e6:.1f} MB"
        self._bar.update(self._done, self.total, text)

    def reset(self) -> None:
        """Count anew."""
        self._done = 0

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def download(url: str, path: Path, progress: Progress = SILENT) -> None:
    """Fetch `url`, or the file of that name from `MOBILENET_MIRROR`, into `path`.

    Raises `UnreachableError` when nobody answers with it, `CheckpointError` when it breaks off.
    """
    import pooch

    if mirror := os.environ.get("MOBILENET_MIRROR"):
        url = f"{mirror.rstrip('/')}/{url.rsplit('/', 1)[-1]}"
    with ExitStack() as closing, network_errors(url), progress.bar(path.name) as bar:

        def close(response: Any, **_: object) -> None:  # pooch leaves refused responses open
            closing.callback(response.close)

        fetch = pooch.HTTPDownloader(
            Meter(bar), chunk_size=1 << 16, timeout=TIMEOUT, hooks={"response": close}
        )
        fetch(url, str(path), None)


@contextmanager
def network_errors(url: str) -> Iterator[None]:
    """Turn what requests raises into our errors, with the host that was asked."""
    import requests

    host = urlsplit(url).hostname or url
    try:
        yield
    except (
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    ) as error:
        raise CheckpointError(f"the download of {url} broke off", "try again") from error
    except requests.HTTPError as error:
        raise UnreachableError(f"{host} answers: {error}", UNREACHABLE_HINT) from error
    except requests.RequestException as error:
        raise UnreachableError(
            f"{host} cannot be reached ({type(error).__name__})", UNREACHABLE_HINT
        ) from error


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _digest(path: Path) -> str:
    """sha256 of a file, or of a folder's names and digests."""
    if path.is_file():
        return files.sha256(path)
    lines = (f"{file.name} {_digest(file)}\n" for file in sorted(path.iterdir()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
