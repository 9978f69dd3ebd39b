"""The accuracy that goes with a measured model: published, until it is measured here.

The one place where records and published figures meet: measured accuracies join here.
"""

from typing import NamedTuple

from bench.records import Model
from mobilenet import published
from mobilenet.config import MobileNetConfig
from mobilenet.errors import ConfigError


class Top1(NamedTuple):
    """Percent of ImageNet's validation set, and where the figure is from."""

    percent: float
    source: str
    note: str = ""


def top1(model: Model) -> Top1 | None:
    """What is published for a model's knobs and weights; None for foreign and other networks."""
    config = config_of(model)
    if config is None:
        return None
    tables: tuple[published.Table, ...] = ("slim", "paper")
    if "timm" in model.weights.lower():
        tables = ("timm", *tables)
    rows = (published.accuracy(config, table) for table in tables)
    row = next((row for row in rows if row is not None), None)
    return Top1(row.top1, row.source, _note(model)) if row else None


def config_of(model: Model) -> MobileNetConfig | None:
    """The MobileNet v1 that `model` says it is."""
    if model.alpha is None or model.resolution is None or model.shallow is None:
        return None
    try:
        return MobileNetConfig(
            alpha=model.alpha, resolution=model.resolution, shallow=model.shallow
        )
    except ConfigError:
        return None


def _note(model: Model) -> str:
    if model.trained is False:
        return "of trained weights; these are untrained"
    if model.compression:
        return f"of the network before compression ({model.compression})"
    return ""
