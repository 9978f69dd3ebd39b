"""What becomes of pixels before the first convolution: told by the file, or assumed."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mobilenet.common.decoding import decode_json
from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileGraph
from mobilenet.preprocess import ColorOrder, Normalization, Triple
from mobilenet.sources.walk.input_range import expected_by_kernel, expected_by_scaling
from mobilenet.sources.walk.layout import Array
from mobilenet.sources.walk.read_rows import ReadNetwork
from mobilenet.sources.walk.steps import EXPORT_MODULE, GraphValue, Picture

SAID = "normalization"  # JSON of `PixelMeans`, beside a graph


@dataclass(frozen=True)
class PixelMeans:
    """(pixel - mean) / std, with one number, or one per channel in the order of the input."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class PixelScaling(NamedTuple):
    """What the first convolution reads, and what the graph's input is, as functions of pixels."""

    normalization: Normalization
    feed: Normalization
    assumed: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


def pixel_scaling(graph: FileGraph, network: ReadNetwork, usual: Normalization) -> PixelScaling:
    """Of the picture as the first row reads it.

    What a file says beside its graph is done to pixels before they go in. Where it says nothing,
    its own scaling shows whether it takes pixels; where there is none, `usual` is assumed, unless
    the first kernel is made for something else.

    Raises `CheckpointError` for a scaling that fits no usual range of pixels.
    """
    picture = network.picture
    if not isinstance(picture.maker, Picture):
        raise CheckpointError("the first convolution does not read the picture", EXPORT_MODULE)
    scale, shift = _inside(picture)
    said = _said(graph, usual.order)
    if said is not None:
        feed, assumed = said, ""
    elif (scale == 1).all() and not shift.any():
        feed, assumed = expected_by_kernel(network.rows[0], usual)
    else:
        feed, assumed = expected_by_scaling(scale, shift, usual.order)
    composed = np.array([feed.scale, feed.bias]) * scale
    composed[1] += shift
    order: ColorOrder = feed.order
    if picture.layout.has_flipped_channels:
        composed, order = composed[:, ::-1], "RGB" if order == "BGR" else "BGR"
    whole = Normalization(_triple(composed[0]), _triple(composed[1]), order)
    if assumed:
        return PixelScaling(whole, feed, (f"preprocessing: {whole.title}{assumed}",))
    where = "inside the graph" if said is None else "said beside the graph"
    return PixelScaling(whole, feed, (), (f"preprocessing {where}: {whole.title}",))


def _inside(picture: GraphValue) -> tuple[Array, Array]:
    """(scale, shift), each (3,) in the order of the graph's input."""
    if picture.affine is None:
        return np.ones(3), np.zeros(3)
    scale, shift = (np.broadcast_to(each.reshape(-1), (3,)) for each in picture.affine)
    return scale, shift


def _said(graph: FileGraph, order: ColorOrder) -> Normalization | None:
    text = graph.said.get(SAID)
    if text is None:
        return None
    what = f"what the {graph.format} says of its normalization"
    means = decode_json(text, PixelMeans, what)
    if {len(means.mean), len(means.std)} - {1, 3} or 0 in means.std:
        raise CheckpointError(f"{what} is {text}", "one number or three, no deviation 0")
    mean, std = (np.broadcast_to(numbers, (3,)) for numbers in (means.mean, means.std))
    return Normalization(_triple(1 / std), _triple(-mean / std), order)


def _triple(values: Array) -> Triple:
    first, second, third = (float(value) for value in values)
    return first, second, third
