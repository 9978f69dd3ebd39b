"""`--weights`: from what the user asked for to the checkpoint that does it, and notes about it.

Left to itself (`auto`), the authors' release of this alpha and resolution is taken, then what is
inside this package (0.25/224), or a copy of their 1.0/224 graph from a package index. Weights fit
any resolution: where none of that resolution was published or can be reached, the nearest is used
and said to be. Only when nothing can be *reached* does `auto` go on untrained; a file that is
wrong is an error, always.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mobilenet.common.errors import CheckpointError, ConfigError, UnreachableError
from mobilenet.common.progress import SILENT, Progress
from mobilenet.common.size import Sides, Size
from mobilenet.networks import families as networks
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.config import NetworkConfig
from mobilenet.overrides import Overrides
from mobilenet.weights import bundled, heads, obtained, pypi, releases
from mobilenet.weights.releases import Family, Release

if TYPE_CHECKING:
    from mobilenet.checkpoint import Checkpoint

AUTO, IMAGENET, UNTRAINED = "auto", "imagenet", "untrained"
WORDS = (
    AUTO, IMAGENET, UNTRAINED, *releases.FAMILIES, *releases.EDITIONS, *releases.DETECTORS,
)  # fmt: skip
NAMES = {*WORDS, *releases.BY_NAME}
# The paper's own network first, then the same out of Keras; alpha 1.25 is timm's.
BEST: tuple[Family, ...] = ("slim", "keras", "timm")


class LoadedWeights(NamedTuple):
    """A checkpoint, and what its user must know of how it was chosen."""

    checkpoint: "Checkpoint"
    notes: tuple[str, ...] = ()


def load_weights(
    which: str | Path | None = None,
    *,
    network: str | None = None,
    alpha: float | None = None,
    resolution: Sides | None = None,
    shallow: bool | None = None,
    head: str | None = None,
    output_stride: int | None = None,
    classes: Path | None = None,
    keep_background: bool = False,
    overrides: Overrides | None = None,
    usual_resolution: Sides | None = None,
    offline: bool = False,
    beside: bool = True,
    progress: Progress = SILENT,
) -> LoadedWeights:
    """The checkpoint for a path, a family's name, "imagenet", "untrained", or "auto" (None).

    `network` is "v1" (None) or "v2", `head` "classifier" (None), "ssdlite", or "deeplab", whose
    `output_stride` is 16 or 8. A file, or "person", a detector, decides network, head, alpha,
    depth and resolution unless they are given; a given network, head, alpha or depth must be its
    own. `resolution` is a square's side, or (height, width). `classes` is a file of labels, one
    per output, as `read_labels` has it; else, unless not `beside`, a file of weights without
    labels has those that lie beside it. Class 0 of the 1001-class networks is dropped unless
    `keep_background`. `overrides` say how a file's weights were trained, where it does not, and
    `usual_resolution` at which size; without it, `resolution` does. `offline` uses nothing but
    the cache. `progress` is told of downloads. The notes say what was not asked for: untrained
    weights, those of another resolution, or labels beside them that do not fit.

    Raises `CheckpointError` for weights that are wrong or were never published, `ConfigError`
    for a network that there is not, `UnreachableError` when a name cannot be fetched (never for
    "auto").
    """
    from mobilenet.weights.labels_beside import with_labels

    word = AUTO if which is None else str(which)
    if word in NAMES and overrides is not None and overrides != Overrides():
        raise ConfigError(
            f"options for a file's weights with {word}",
            "how published weights were trained is known: leave --padding, --mean, ... out",
        )
    if word not in NAMES or word in releases.DETECTORS:
        if word in NAMES:
            loaded = _detector(offline, progress)
        else:
            loaded = _file(Path(word), overrides, usual_resolution or resolution)
        _check_asked(Path(word), loaded.checkpoint.config, network, alpha, shallow)
        heads.check(Path(word).name, loaded.checkpoint.config, head)
    else:
        backbone = networks.config_type(network)(
            alpha=1.0 if alpha is None else alpha, shallow=bool(shallow)
        ).at(resolution or heads.usual_resolution(head))
        config = heads.on(backbone, head, output_stride, classes)
        loaded = _named(word, config, offline, progress)
    checkpoint = heads.with_output_stride(loaded.checkpoint, output_stride)
    checkpoint, notes = at_resolution(checkpoint, resolution)
    place = Path(word) if beside and word not in NAMES else None
    labelled = with_labels(checkpoint, place, classes, keep_background)
    return LoadedWeights(labelled.checkpoint, (*loaded.notes, *notes, *labelled.notes))


def inputs(which: str | None, classes: Path | None = None) -> list[Path]:
    """The files of the user's that `load_weights` reads; a known name is none."""
    paths = [] if which is None or which in NAMES else [Path(which)]
    return paths if classes is None else [*paths, classes]


def _file(path: Path, overrides: Overrides | None, resolution: Sides | None) -> LoadedWeights:
    from mobilenet.sources.recognise import read
    from mobilenet.weights.known_weights import recognised

    if not path.exists():
        raise CheckpointError(
            f"weights {path} are no file and no known name", f"names are {', '.join(WORDS)}"
        )
    checkpoint = read(path, overrides=overrides, resolution=resolution)
    return LoadedWeights(*recognised(checkpoint, overrides))


def _check_asked(
    path: Path,
    config: NetworkConfig,
    network: str | None,
    alpha: float | None,
    shallow: bool | None,
) -> None:
    """Raise `CheckpointError` where the file is not of what was asked for."""
    if network is not None and config.family != (family := networks.config_type(network)().family):
        raise CheckpointError(
            f"{path.name} holds {config.family}, asked for is {family}",
            "leave --network out to take the file's",
        )
    asked = config.with_knobs(alpha, shallow)
    if asked.rows() != config.rows():
        raise CheckpointError(
            f"{path.name} holds {_knobs(config)}, asked for is {_knobs(asked)}",
            "leave --alpha and --shallow out to take the file's",
        )


def _knobs(config: NetworkConfig) -> str:
    return f"alpha {config.alpha:g}{', shallow' if config.shallow else ''}"


def _named(word: str, config: BaseConfig, offline: bool, progress: Progress) -> LoadedWeights:
    from mobilenet.untrained import untrained

    if word == UNTRAINED:
        return LoadedWeights(untrained(config))
    family, _, edition = word.partition("-")
    families = tuple(f for f in releases.FAMILIES if f == family) or BEST
    try:
        heads.check_published(config)
        exact = releases.named(word, config)
        release = exact or releases.find(families, config, edition)
    except CheckpointError as error:  # never published
        if word != AUTO:
            raise
        return _fall_back(config, error)
    try:
        copies = _copies(release, () if exact else families)
        return LoadedWeights(
            obtained.nearest(release, copies, config.resolution, offline, progress)
        )
    except UnreachableError as error:
        if word != AUTO:
            raise
        return _fall_back(config, error)


def _detector(offline: bool, progress: Progress) -> LoadedWeights:
    """The one that is published, and a note of what it finds."""
    release = pypi.PERSON.release
    checkpoint = obtained.nearest(release, (), release.resolution, offline, progress)
    note = (
        f"these weights find {', '.join(checkpoint.labels)}, and nothing else; no accuracy of "
        "them is published"
    )
    return LoadedWeights(checkpoint, (note,))


def _fall_back(config: BaseConfig, why: CheckpointError | UnreachableError) -> LoadedWeights:
    from mobilenet.untrained import untrained

    note = (
        f"{why.message}; going on UNTRAINED: speed and size will be the real network's, "
        f"its answers mean nothing ({why.hint})"
    )
    return LoadedWeights(untrained(config), (note,))


def _copies(release: Release, families: tuple[Family, ...]) -> list[Release]:
    """Where else the release is to be had, or, of `families`, the same network of another size."""
    size = release.network, release.alpha
    return [
        copy
        for copy in (pypi.CLASSIFIER.release, bundled.RELEASE)
        if (copy.network, copy.alpha) == size
        and (copy.family in families or copy.name == release.name)
    ]


def at_resolution(checkpoint: "Checkpoint", resolution: Sides | None) -> LoadedWeights:
    """The same weights for another input size; a published accuracy does not follow them."""
    own, provenance = checkpoint.config.size, checkpoint.provenance
    size = own if resolution is None else Size.of(resolution)
    if size == own:
        return LoadedWeights(checkpoint)
    notes: tuple[str, ...] = ()
    if provenance.published_top1 is not None:
        notes = (
            f"weights published for {own.slug} pixels are used at {size.slug}: "
            f"their accuracy there ({provenance.published_top1} % top-1) does not apply",
        )
        provenance = replace(provenance, published_top1=None, published_top5=None)
    elif not own.is_square:
        notes = (f"weights for pictures of {own} pixels are used at {size}",)
    sized = replace(checkpoint.at(size), provenance=provenance)
    return LoadedWeights(sized, notes)
