"""Which published weights a network has, by what its provenance records, and their name."""

from mobilenet.checkpoint import Provenance
from mobilenet.networks.config import NetworkConfig
from mobilenet.weights import pypi, releases
from mobilenet.weights.releases import RELEASES, Release


def release_of(origin: Provenance) -> Release | None:
    """The published weights that were loaded from their address; None for a file and others."""
    return next((each for each in _published() if each.url == origin.url), None)


def published_weights(origin: Provenance) -> Release | None:
    """The same, or those that a file was found to hold."""
    held = (each for each in _published() if each.name == origin.equals)
    return release_of(origin) or next(held, None)


def _published() -> tuple[Release, ...]:
    return (*RELEASES, *(packaged.release for packaged in pypi.PACKAGED))


def word_for(release: Release, config: NetworkConfig) -> str:
    """What `--weights` calls `release` where a network of `config` is asked for.

    Its family, which has weights for several sizes; its own name where they are not those that
    the family has for this size. Raises `CheckpointError` for a network of other weights.
    """
    if release.family in releases.DETECTORS:
        return release.word
    nearest = releases.find((release.family,), config, release.edition)
    return release.word if nearest.name == release.name else release.name
