"""Small untrained networks with the heads that fine-tuned files have."""

from dataclasses import replace
from functools import cache

from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.classifier import Hidden
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

CONFIG = MobileNetConfig(0.25, 64, shallow=True, classes=3)  # its last map is 2 x 2
LABELS = ('cat "tabby"', "dog", "owl")
HEADS = {
    "stack": {"hidden": (Hidden(48, "relu6"), Hidden(40)), "last_channels": 64},
    "flat": {"pool": "flatten", "hidden": (Hidden(40, "tanh"),)},
    "several": {"scores": "sigmoid", "hidden": (Hidden(50, "relu"),)},
    "flat several": {"scores": "sigmoid", "pool": "flatten", "hidden": (Hidden(32, "sigmoid"),)},
    "one": {"scores": "sigmoid", "classes": 1},
}


@cache
def fine_tuned(head: str, labels: tuple[str, ...] = LABELS) -> Checkpoint:
    """The network of `HEADS`, with labels."""
    return replace(untrained(replace(CONFIG, **HEADS[head])), labels=labels)
