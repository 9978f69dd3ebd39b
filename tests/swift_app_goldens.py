"""What an app measures by itself, as Python computes it: gate, figures, and what is cropped."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from bench.results import stats
from bench.workers import outputs
from export.app.swift import region_of_interest
from mobilenet.common.size import Size
from mobilenet.preprocess import Geometry


def gates() -> Iterator[dict[str, Any]]:
    """Outputs against a reference: what is recorded of them, and why they are refused."""
    random = np.random.default_rng(3)
    logits = random.standard_normal(1000).astype(np.float32)
    hard = np.float32([0, -0.0, 1e-45, -3.4e38, 9.995, 0.09995, 1.125, 1.135, 5e-7, 123456])
    for values, reference in (
        (logits, logits),
        (logits * np.float32(1.01), logits),
        (logits * np.float32(1.2), logits),
        (-logits, logits),
        (logits[:55], logits),  # of this many, the text of the digest just fills its blocks
        (hard, None),
        (hard, np.zeros_like(hard)),
        (np.zeros_like(hard), np.zeros_like(hard)),
        (np.float32([np.nan, 1]), np.float32([1, 1])),
        (np.float32([-np.inf, 1]), np.float32([1, 1])),
        (np.float32([]), np.float32([])),
    ):
        output = outputs.summary("a ü", values, reference)
        yield {
            "values": texts(values), "reference": None if reference is None else texts(reference),
            "output": msgspec.to_builtins(output), "reason": outputs.wrong(output),
        }  # fmt: skip


def texts(values: np.ndarray) -> list[str]:
    """JSON has no word for some numbers."""
    return [repr(float(value)) for value in values]


def figures() -> Iterator[dict[str, Any]]:
    """Medians with their intervals, and 90th percentiles."""
    random = np.random.default_rng(4)
    for count in (*range(1, 12), 15, 30, 39, 100, 501):
        values = random.integers(1, 1 << 40, count).tolist()
        yield {
            "values": values, "median": stats.median(values), "p90": stats.quantile(values, 0.9),
            "interval": stats.median_interval(values),
        }  # fmt: skip


def regions() -> Iterator[dict[str, Any]]:
    """What of a frame a network sees, by its package's metadata."""
    geometries = [Geometry(), Geometry(0.9), Geometry(1.0), Geometry(1.0, whole="squash")]
    sizes = [Size.square(224), Size.square(160), Size(96, 128)]
    frames = [(1080, 1920), (1280, 720), (64, 64)]
    for geometry, size, (width, height) in itertools.product(geometries, sizes, frames):
        crop = min(size) / min(geometry.covered(size))
        region = region_of_interest(crop, size.width / size.height, width, height)
        yield {
            "metadata": msgspec.json.encode({"geometry": geometry, "schema": 1}).decode(),
            "size": [size.width, size.height], "frame": [width, height],
            "whole": geometry.whole or None,
            "region": (0, 0, 1, 1) if geometry.whole else region,
        }  # fmt: skip
