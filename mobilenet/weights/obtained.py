"""From a release to its checkpoint: out of the cache, or fetched, and in any case checked."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.common.progress import Progress
from mobilenet.networks import families as networks
from mobilenet.weights import fetch
from mobilenet.weights.releases import Release

if TYPE_CHECKING:
    from mobilenet.checkpoint import Checkpoint


def nearest(
    release: Release, copies: Sequence[Release], resolution: int, offline: bool, progress: Progress
) -> "Checkpoint":
    """From the cache, else fetched: what is nearest to the resolution comes first.

    Raises `UnreachableError` where it cannot be had, `CheckpointError` for another network.
    """
    failure: UnreachableError | None = None
    sources = release, *copies
    for _, group in groupby(sources, lambda source: abs(source.resolution - resolution)):
        equally_near = tuple(group)
        for source in equally_near:
            if path := fetch.cached(source):
                return _checked(source, path)
        for source in equally_near:
            accept = partial(_checked, source)
            try:
                return accept(fetch.fetched(source, offline, accept, progress))
            except UnreachableError as error:
                failure = failure or error  # the first says most: it is the publisher's own
    assert failure is not None  # there is at least one source, and it did not return
    raise failure


def _checked(release: Release, path: Path) -> "Checkpoint":
    """The file as the release it must be; the last word on what may enter the cache."""
    from mobilenet.sources.recognise import read

    checkpoint = read(path, release.output)
    config, geometry = checkpoint.config, checkpoint.geometry
    is_same = networks.name_of(config) == release.network and not config.shallow
    is_same = is_same and (release.head == "ssdlite") == (config.readout.detection is not None)
    if not (is_same and math.isclose(config.alpha, release.alpha)):
        raise CheckpointError(
            f"{path.name} holds {config.title}, not {release.name}",
            f"what {release.url} sent is another network",
        )
    if release.crop is not None:
        geometry = replace(geometry, crop=release.crop)
    return replace(
        checkpoint.at(release.resolution),
        geometry=geometry, labels=release.labels or checkpoint.labels,
        provenance=replace(
            checkpoint.provenance,
            source=release.source, url=release.url, licence=release.licence,
            published_top1=release.top1, published_top5=release.top5,
        ),
    )  # fmt: skip
