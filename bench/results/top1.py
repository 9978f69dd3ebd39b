"""The accuracy that goes with a measured model: of itself or of nothing.

The one place where times meet accuracies. A published figure belongs to the uncompressed, trained
network of the size and weights that it was published for; whatever was made of that has one that
was measured, or none. Models are ranked by figures of one kind: measured on the same photographs,
or published for ImageNet, whichever more models of the session have.
"""

import functools
from collections.abc import Iterable, Sequence

import msgspec

from bench.results import format
from bench.results.paired_accuracies import EXACT, PairedAccuracies, rivals
from bench.results.records import Accuracy, Model
from bench.results.stats import Interval
from mobilenet.common.errors import ConfigError
from mobilenet.common.proportions import wilson
from mobilenet.common.size import Size
from mobilenet.labels import IMAGENET_CLASSES
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.families import config_type
from mobilenet.weights import published
from mobilenet.weights.releases import BY_NAME, RELEASES, Release

RECIPE = "package"  # of several for one model: the preprocessing that the package itself names
VALIDATION_IMAGES = 50_000  # that published figures are of
TIED = 0.05  # p of being equally good, from which on two models are taken to be
LARGEST_LOSS = 5  # points between figures that tie, however few the photographs


class Top1(msgspec.Struct, frozen=True):
    """Percent right at the first place, and where the figure is from."""

    percent: float
    source: str
    measured: bool = False
    interval: Interval | None = None  # 95 %, in percent
    # of models that answered the same photographs, by identity: p of both being equally good
    p_equal: dict[str, float] = {}

    def is_tied_with(self, other: "Top1", identity: str) -> bool:
        """Whether nothing says that this model or the other one, of that identity, is better.

        Published figures tie when they are equal. Measured ones when McNemar's test does not tell
        the models apart; where they were not paired, when each figure lies within the interval
        of the other: mistakes on the same photographs are too much alike for a wider rule. Neither
        ties models more than `LARGEST_LOSS` apart, as few photographs would destroyed ones.
        """
        if self.percent == other.percent or not (self.measured and other.measured):
            return self.percent == other.percent
        if abs(self.percent - other.percent) > LARGEST_LOSS:
            return False
        if identity in self.p_equal:
            return self.p_equal[identity] >= TIED
        return _covers(self, other) and _covers(other, self)


def top1_by_identity(
    models: Iterable[Model],
    accuracies: Sequence[Accuracy],
    paired: Iterable[PairedAccuracies] = (),
) -> dict[str, Top1]:
    """Figures of one kind for as many models as have them, by identity.

    Of kinds that as many have, a measured one. Networks that nobody trained have none.
    """
    trained = {model.identity: model for model in models if model.trained is not False}
    figures = {name: _published(model) for name, model in trained.items()}
    told = {name: figure for name, figure in figures.items() if figure}
    return max([*_measured(trained.values(), accuracies, paired), told], key=len)


def unranked(
    models: Iterable[Model], accuracies: Sequence[Accuracy], top1: dict[str, Top1]
) -> dict[str, str]:
    """Of models without a figure among `top1`: in words, what else is known; by identity."""
    others = [model for model in models if model.identity not in top1]
    trained = (model for model in others if model.trained is not False)
    kind = "measured on the same photographs" if _is_measured(top1) else "published"
    words = {model.identity: f"unknown{_told(model)}" for model in others}
    told = {model.identity: figure for model in others if (figure := _published(model))}
    for figures in (told, *_measured(trained, accuracies)):
        for identity, figure in figures.items():
            words[identity] = (
                f"{format.significant(figure.percent)} %, {figure.source}: not ranked among "
                f"figures that were {kind}"
            )
    return words


def _is_measured(top1: dict[str, Top1]) -> bool:
    return any(figure.measured for figure in top1.values())


def _measured(
    models: Iterable[Model],
    accuracies: Sequence[Accuracy],
    paired: Iterable[PairedAccuracies] = (),
) -> list[dict[str, Top1]]:
    """Figures of each set of photographs, of these models; of several runs, as declared.

    Of a package with a function for each resolution, of the default: that is what is timed.
    """
    wanted = {(model.identity, model.resolution) for model in models}
    p_equal = rivals(paired, RECIPE)
    sets: dict[str, dict[str, Top1]] = {}
    for accuracy in sorted(accuracies, key=lambda each: each.precision != EXACT):
        identity, size = accuracy.model.identity, accuracy.model.resolution
        if accuracy.recipe == RECIPE and accuracy.images and (identity, size) in wanted:
            source = f"measured on {accuracy.images:,} photographs ({accuracy.photographs.name})"
            percent = 100 * accuracy.top1 / accuracy.images
            interval = _percent(accuracy.top1_interval)
            digest = accuracy.photographs.digest
            p_of = p_equal.get((identity, digest), {})
            figure = Top1(percent, source, measured=True, interval=interval, p_equal=p_of)
            sets.setdefault(digest, {})[identity] = figure
    return list(sets.values())


def _covers(a: Top1, b: Top1) -> bool:
    """Whether the figure of `b` lies within the interval of `a`."""
    return a.interval is not None and a.interval.low <= b.percent <= a.interval.high


def _published(model: Model) -> Top1 | None:
    percent, release = published_top1(model), release_of(model)
    if percent is None or release is None:
        return None
    source = f"published ({_table(release)})"
    if model.precision == "fp16" and model.agreement is not None:
        source += f" for float32; float16 moves its logits by {model.agreement:.1e}"
    right = round(percent / 100 * VALIDATION_IMAGES)
    return Top1(percent, source, interval=_percent(wilson(right, VALIDATION_IMAGES)))


def _table(release: Release) -> str:
    """Where the figures of a release are printed."""
    key = release.network, release.alpha, release.resolution, release.top1
    rows = (
        row.source for row in published.ACCURACIES
        if (row.network, row.alpha, row.resolution, row.top1) == key
    )  # fmt: skip
    return next(rows, release.source)


def published_top1(model: Model) -> float | None:
    """Percent, published for exactly this network; None of another."""
    release, config = release_of(model), config_of(model)
    is_same = release is not None and config is not None and _fits(release, config)
    if not is_same or model.compression or model.trained is not True:
        return None
    return model.published_top1 if model.head or release is None else release.top1


def is_imagenet(model: Model) -> bool:
    """Whether it tells ImageNet's classes apart, as far as an older line says."""
    return not model.head or (model.head == "classifier" and model.classes in IMAGENET_CLASSES)


def release_of(model: Model) -> Release | None:
    """The published weights that a model has, at whatever size; of older lines, by their words."""
    if model.head:
        return BY_NAME.get(model.release)
    config = config_of(model)
    alike = [each for each in RELEASES if each.source == model.weights and config is not None]
    return next((each for each in alike if config and _fits(each, config)), None)


def used_at(model: Model) -> str:
    """In words, at which sizes it is used whose weights were trained at another; else empty."""
    release = release_of(model)
    sizes = model.resolutions or ((model.resolution,) if model.resolution else ())
    return release.used_at(sizes) if release else ""


def _fits(release: Release, config: BaseConfig) -> bool:
    return (
        isinstance(config, config_type(release.network))
        and (config.alpha, config.shallow) == (release.alpha, False)
        and config.size == Size.square(release.resolution)
    )


def _told(model: Model) -> str:
    """What was published for something near it, and why that is not its own."""
    if model.trained is False:
        return ": untrained"
    release = release_of(model)
    if release is None or release.top1 is None:
        return ""
    if model.compression:
        return f", {release.top1:g} % published for the uncompressed network"
    if (model.resolution, model.input_width) != (release.resolution, msgspec.UNSET):
        return f", {release.top1:g} % published for these weights at {release.resolution} pixels"
    return f", {release.top1:g} % published for the network that its weights are of"


def config_of(model: Model) -> BaseConfig | None:
    """The MobileNet that `model` says it is; None where it does not end in a classifier.

    Time and operations of a detector, a segmenter or a cut network are not the classifier's.
    """
    return backbone_of(model) if model.head in ("", "classifier") else None


def backbone_of(model: Model) -> BaseConfig | None:
    """The MobileNet that `model` says it stands on, whatever it ends in."""
    if model.alpha is None or model.resolution is None or model.shallow is None:
        return None
    width = model.input_width or model.resolution
    return _config(model.network, model.alpha, Size(model.resolution, width), model.shallow)


@functools.lru_cache(maxsize=1024)
def _config(network: str, alpha: float, size: Size, shallow: bool) -> BaseConfig | None:
    """None where there is no such network. It takes a millisecond to find out."""
    try:
        return config_type(network)(alpha, size.height, shallow, input_width=size.width)
    except ConfigError:
        return None


def _percent(shares: tuple[float, float]) -> Interval:
    return Interval(100 * shares[0], 100 * shares[1])
