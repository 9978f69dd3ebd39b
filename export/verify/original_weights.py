"""The weights that a package was made of, found again: published ones by their address.

Of a file of the user's, and of a module from Python, only the user knows where they are. An
untrained network is no reference of a trained package, whatever the checksums say.
"""

from export.package.metadata import PackageMetadata
from mobilenet.checkpoint import Checkpoint, Provenance
from mobilenet.common.errors import PackageError
from mobilenet.labels import WITH_BACKGROUND
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.families import name_of
from mobilenet.overrides import Overrides
from mobilenet.untrained import untrained
from mobilenet.weights.origin import release_of, word_for
from mobilenet.weights.resolve import UNTRAINED, load_weights


def original_weights(
    about: PackageMetadata, weights: str | None, overrides: Overrides | None, offline: bool
) -> Checkpoint:
    """Those that are given, with what they do not say, else those that the package names.

    A package from Python has no checksum to know them by: verification decides. Raises
    `PackageError` where no weights are given and none were published, and for others.
    """
    config, origin = about.config, about.provenance
    assert config is not None, "of a network of ours"
    which = weights or _published(origin, config)
    if which == UNTRAINED and (config.readout.picture or config.readout.detection):
        return untrained(config)  # of as many classes as it was given labels
    checkpoint, _ = load_weights(
        which, network=name_of(config), alpha=config.alpha, resolution=config.size,
        output_stride=config.output_stride if isinstance(config, BaseConfig) else None,
        shallow=config.shallow,
        overrides=overrides, offline=offline, beside=False,
        keep_background=config.classes == WITH_BACKGROUND,
    )  # fmt: skip
    own = checkpoint.provenance
    is_known = bool(origin.sha256) or weights is None
    if own.trained != origin.trained or (is_known and own.sha256 != origin.sha256):
        raise PackageError(
            f"the package was made from other weights than {which}: {origin.source}, "
            f"{'trained' if origin.trained else 'untrained'}, "
            f"sha256 {origin.sha256[:12] or 'none'}",
            "give those with --weights",
        )
    return checkpoint


def _published(origin: Provenance, config: NetworkConfig) -> str:
    """The name under which they are loaded."""
    if release := release_of(origin):
        return word_for(release, config)
    if origin.sha256:
        raise PackageError(
            f"the package was made from a file ({origin.source}, sha256 {origin.sha256[:12]}), "
            "not from published weights",
            "give that file with --weights FILE",
        )
    if origin.source != Provenance.drawn().source:
        raise PackageError(
            f"the package was made from Python ({origin.source}), not from published weights",
            "save them with mobilenet.store.save(...) and give --weights FILE",
        )
    return UNTRAINED
