"""Small untrained detectors, on either backbone, that lose few digits in float16."""

from dataclasses import replace
from functools import cache

from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.networks.families import FAMILIES
from mobilenet.untrained import untrained

LABELS = ("cat", "dog", "owl")
SPREAD = 5  # of the predictors' values


@cache
def detector(network: str = "v1", size: int = 96, **fields: object) -> Checkpoint:
    """SSDLite of three classes, alpha 0.25."""
    config = FAMILIES[network](0.25, 96, classes=3, head="ssdlite")
    made = untrained(replace(config, **fields))
    layers = {name: _calm(layer) for name, layer in made.layers.items()}
    return replace(made.at(size), labels=LABELS, layers=layers)


def _calm(layer: Layer) -> Layer:
    """With batch norms that let half as much through, and predictions that differ."""
    if layer.norm is None:
        return replace(layer, kernel=layer.kernel * SPREAD)
    return replace(layer, norm=replace(layer.norm, variance=layer.norm.variance * 4))
