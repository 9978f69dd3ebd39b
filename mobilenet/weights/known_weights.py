"""Published weights known by what they hold, wherever the file is from and whatever its format.

By a digest of the arrays, of releases whose arrays are known here; of others by the file, where
the same one was fetched before. And the reverse: what says that it is a release and is not.
"""

import hashlib
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.labels import IMAGENET_CLASSES, WITH_BACKGROUND
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.families import name_of
from mobilenet.overrides import Overrides
from mobilenet.preprocess import INCEPTION
from mobilenet.weights import cache, pypi
from mobilenet.weights.origin import release_of
from mobilenet.weights.releases import BY_NAME, RELEASES, Release

DIGESTS = {
    "slim_1.0_224": "819b990e02cdad6e998c60f7714a2531f93b697370fc04574033b2092cf25fd7",
    "keras_0.25_224": "fb18198175cbe6956747ca5842917ae5ee8860f49ec44f603765c33d1e396dac",
}


class RecognisedWeights(NamedTuple):
    """A checkpoint whose provenance says what it holds, and what its user must know of that."""

    checkpoint: Checkpoint
    notes: tuple[str, ...] = ()


def recognised(checkpoint: Checkpoint, overrides: Overrides | None) -> RecognisedWeights:
    """A file's weights, and the published ones that they are, if they are.

    Their accuracy follows them at their own size alone.
    """
    origin = checkpoint.provenance
    if release_of(origin):
        vouched = vouched_for(checkpoint)
        note = f"the weights are not those that the file says: {origin.source}"
        return RecognisedWeights(vouched, () if vouched is checkpoint else (note,))
    release = _by_arrays(checkpoint) or _by_file(checkpoint, overrides)
    if release is None:
        return RecognisedWeights(checkpoint)
    size, own = checkpoint.config.size, release.resolution
    is_own_size = size == (own, own)
    provenance = replace(
        origin, source=f"{release.source}, from a file", licence=release.licence,
        equals=release.name,
        published_top1=release.top1 if is_own_size else None,
        published_top5=release.top5 if is_own_size else None,
    )  # fmt: skip
    note = f"the weights are those published as {release.name}"
    if not is_own_size:
        note += f", for {own} pixels: at {size} their accuracy does not apply"
    labels = release.labels or checkpoint.labels
    return RecognisedWeights(replace(checkpoint, provenance=provenance, labels=labels), (note,))


def vouched_for(checkpoint: Checkpoint) -> Checkpoint:
    """The same; without the name of a release that it says it is, where it is known not to be."""
    origin, release = checkpoint.provenance, release_of(checkpoint.provenance)
    known = None if release is None else DIGESTS.get(release.name)
    if known is None or not _is_published_kind(checkpoint) or known == digest(checkpoint):
        return checkpoint
    changed = Provenance(f"{origin.source}, changed", origin.trained, origin.licence)
    return replace(checkpoint, provenance=changed)


def digest(checkpoint: Checkpoint) -> str:
    """SHA-256 of names, shapes and numbers, without the background's: formats differ in that."""
    total = hashlib.sha256()
    has_background = checkpoint.config.classes == WITH_BACKGROUND
    for name, layer in checkpoint.layers.items():
        for array in _arrays(layer):
            part = array[1:] if has_background and name == LOGITS else array
            total.update(f"{name} {part.shape}".encode())
            total.update(np.ascontiguousarray(part, np.float32).tobytes())
    return total.hexdigest()


def _arrays(layer: Layer) -> list[np.ndarray]:
    arrays = [layer.kernel] if layer.bias is None else [layer.kernel, layer.bias]
    norm = layer.norm
    return arrays if norm is None else [*arrays, norm.gamma, norm.beta, norm.mean, norm.variance]


def _is_published_kind(checkpoint: Checkpoint) -> bool:
    readout = checkpoint.config.readout
    return readout.pooled and readout.is_plain and readout.classes in IMAGENET_CLASSES


def _by_arrays(checkpoint: Checkpoint) -> Release | None:
    """Of the authors' releases, used as they are: the same numbers padded otherwise are not."""
    config = checkpoint.config
    is_theirs = (
        isinstance(config, BaseConfig)
        and (config.activation, config.bn_epsilon) == ("relu6", 1e-3)
        and config.padding in ("same", "keras")
        and checkpoint.normalization == INCEPTION
    )
    if not is_theirs or not _is_published_kind(checkpoint):
        return None
    found = digest(checkpoint)
    return next((BY_NAME[name] for name, known in DIGESTS.items() if known == found), None)


def _by_file(checkpoint: Checkpoint, overrides: Overrides | None) -> Release | None:
    """The very file that was, or would be, fetched for a release, read as it is read then."""
    config, sha256 = checkpoint.config, checkpoint.provenance.sha256
    if not sha256 or overrides not in (None, Overrides()):
        return None
    if config.readout.detection is not None:
        return pypi.PERSON.release if sha256 == pypi.PERSON.sha256 else None
    if not _is_published_kind(checkpoint):
        return None
    alike = (
        release for release in RELEASES
        if (release.network, release.alpha) == (name_of(config), config.alpha)
    )  # fmt: skip
    return next((each for each in alike if cache.recorded_digest(each.cache_name) == sha256), None)
