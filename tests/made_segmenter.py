"""Small untrained segmenters, on either backbone."""

from dataclasses import replace
from functools import cache

from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.families import FAMILIES
from mobilenet.untrained import untrained

LABELS = ("background", "cat", "dog", "owl", "tree")


@cache
def segmenter(network: str = "v1", size: int = 65, **fields: object) -> Checkpoint:
    """DeepLab at output stride 16 of five classes, alpha 0.25; on the shallow v1."""
    config = FAMILIES[network](
        0.25, 65, network == "v1", classes=5, head="deeplab", output_stride=16
    )
    made = untrained(replace(config, **fields))
    return replace(made.at(size), labels=LABELS)
