"""The accuracy that goes with a measured model: measured where it was, else published.

The one place where times meet accuracies. Models are ranked by figures of one kind: those
measured here, when every model of the session was measured on the same photographs, else those
published for ImageNet.
"""

import functools
from collections.abc import Iterable, Sequence

import msgspec

from bench.results.records import Accuracy, Model
from mobilenet.common.errors import ConfigError
from mobilenet.common.size import Size
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.families import config_type
from mobilenet.weights import published

MAKERS: tuple[published.Table, ...] = ("timm", "torchvision")  # who trained weights of their own
RECIPE = "package"  # of several for one model: the preprocessing that the package itself names


class Top1(msgspec.Struct, frozen=True):
    """Percent right at the first place, and where the figure is from."""

    percent: float
    source: str
    measured: bool = False


def top1_by_identity(models: Iterable[Model], accuracies: Sequence[Accuracy]) -> dict[str, Top1]:
    """What is known of each model, by its identity; foreign networks have nothing published."""
    by_identity = {model.identity: model for model in models}
    published_figures = {name: _published(model) for name, model in by_identity.items()}
    comparable = {name: figure for name, figure in published_figures.items() if figure}
    return _measured(set(comparable), accuracies) or comparable


def _measured(identities: set[str], accuracies: Sequence[Accuracy]) -> dict[str, Top1]:
    """Figures of one set of photographs that has them for all `wanted`; empty if none has."""
    sets: dict[str, dict[str, Top1]] = {}
    for accuracy in accuracies:
        if accuracy.recipe == RECIPE and accuracy.images:
            source = f"measured on {accuracy.images:,} photographs ({accuracy.photographs.name})"
            figure = Top1(100 * accuracy.top1 / accuracy.images, source, measured=True)
            sets.setdefault(accuracy.photographs.digest, {})[accuracy.model.identity] = figure
    complete = (
        figures for figures in sets.values() if identities and identities <= figures.keys()
    )
    return next(complete, {})


def _published(model: Model) -> Top1 | None:
    config = config_of(model)
    if config is None:
        return None
    makers = [maker for maker in MAKERS if maker in model.weights.lower()]
    rows = (
        published.accuracy(config, table, model.weights) for table in (*makers, "slim", "paper")
    )
    row = next((row for row in rows if row is not None), None)
    return Top1(row.top1, f"published ({row.source}{_note(model)})") if row else None


def config_of(model: Model) -> BaseConfig | None:
    """The MobileNet that `model` says it is."""
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


def _note(model: Model) -> str:
    if model.trained is False:
        return ", of trained weights; these are untrained"
    if model.compression:
        return f", of the network before compression ({model.compression})"
    return ""
