"""The authors' 1.0/224 graph from a package index, for machines that reach nothing else.

The source distribution of `nudity` 0.2.3, somebody's image classifier (MIT), carries the frozen
graph whole: 1001 logits, batch norms unfolded, with a small head of its own behind them, which
is ignored. No code of the package is run or even unpacked; archive and graph are known by their
sha256, so it does not matter who serves them.
"""

import ast
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from mobilenet.common.errors import UnreachableError
from mobilenet.common.progress import SILENT, Progress
from mobilenet.sources import archive
from mobilenet.weights import addresses
from mobilenet.weights.cache import check
from mobilenet.weights.download import download
from mobilenet.weights.releases import Release
from mobilenet.weights.transfer import UNREACHABLE_HINT

PROJECT, VERSION = "nudity", "0.2.3"
FILE = f"{PROJECT}-{VERSION}.tar.gz"
MEMBER = f"{PROJECT}-{VERSION}/nudity/files/retrained_graph.pb"
ARCHIVE_SHA256 = "d26e10346f00ad76b1166a221f1b56877d154ca343e82c6e6c8e738ca5f27d5f"
GRAPH_SHA256 = "3b90af536f810f5f75e9f6d431bc2e8a3c4fc2ff4f693aa0dd4ae429816f8735"
SOURCE = (
    f"the authors' TF-Slim release, a copy inside the PyPI package {PROJECT} {VERSION} "
    "(somebody else's; no code of it is run)"
)
RELEASE = Release(
    "slim", 1.0, 224, f"https://pypi.org/project/{PROJECT}/{VERSION}/", SOURCE,
    top1=70.9, top5=89.9, output="MobilenetV1/Predictions/Reshape",
)  # fmt: skip
PIP_SECONDS = 20
MAX_PAGE_BYTES = 1 << 18  # reading one of tags alone takes seconds
MAX_ARCHIVE_BYTES = 1 << 24  # it has 15.8 MB


def fetch_graph(path: Path, progress: Progress = SILENT) -> None:
    """Write the frozen graph to `path`, out of the index that pip is configured with.

    Raises `UnreachableError` when no index answers with the file, `CheckpointError` when what
    it sends is not the known archive.
    """
    archived = path.with_name(FILE)
    failure = UnreachableError(f"pip knows no index that has {FILE}", UNREACHABLE_HINT)
    settings = pip_settings()
    for index in indexes(settings):
        try:
            _download(index, settings.get("cert", ""), archived, progress)
        except UnreachableError as error:
            failure = error
            continue
        hint = f"{addresses.shown(index)} does not serve the known {FILE}"
        check(archived, ARCHIVE_SHA256, hint)
        path.write_bytes(archive.model_bytes(archived, MEMBER))
        archived.unlink()
        return
    raise failure


def indexes(settings: dict[str, str]) -> Iterator[str]:
    """pip's index, then its extra ones; those that are folders are not asked."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    for url in (
        settings.get("index-url") or PYPI_SIMPLE_ENDPOINT,
        *settings.get("extra-index-url", "").split(),
    ):
        if url.startswith(("http://", "https://")):
            yield url


def pip_settings() -> dict[str, str]:
    """What `pip config list` says, by key; pip's own order: environment, [install], [global]."""
    settings: dict[str, str] = {}
    lines = _pip_config().splitlines()
    for section in ("global", "install", ":env:"):
        for line in lines:
            key, _, value = line.partition("=")
            if key.startswith(f"{section}."):
                settings[key.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    for key in ("index-url", "extra-index-url", "cert"):  # heeded where pip itself is missing
        variable = f"PIP_{key.replace('-', '_').upper()}"
        settings[key] = os.environ.get(variable) or settings.get(key, "")
    return settings


def _pip_config() -> str:
    command = [sys.executable, "-m", "pip", "config", "list"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout  # empty where there is no pip


def _download(index: str, cert: str, path: Path, progress: Progress) -> None:
    url = f"{index.rstrip('/')}/{PROJECT}/"
    page = path.with_name("index.html")
    base = download(url, page, progress, max_bytes=MAX_PAGE_BYTES, is_page=True, certificates=cert)
    address = _address(page.read_text("utf-8", "replace"), base)
    page.unlink()
    if address is None:
        raise UnreachableError(f"{addresses.shown(index)} has no {FILE}", UNREACHABLE_HINT)
    download(address, path, progress, max_bytes=MAX_ARCHIVE_BYTES, certificates=cert)


def _address(page: str, base: str) -> str | None:
    """Where the index says that the archive is; None for a page that does not say it."""
    from pypi_simple import ProjectPage, UnsupportedRepoVersionError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pages that are odd
        try:
            packages = ProjectPage.from_html(PROJECT, page, base).packages
        except (UnsupportedRepoVersionError, ValueError, RecursionError):
            return None
    return next((package.url for package in packages if package.filename == FILE), None)
