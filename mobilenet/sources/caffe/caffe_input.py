"""Where the picture of a Caffe network comes in, and what its layer says of the pixels."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.graph_writer import NOT_READ
from mobilenet.sources.protobuf import exact, text
from mobilenet.sources.stored import OTHER_NETWORK

SOURCES = {"Input", "Data", "ImageData", "MemoryData", "HDF5Data", "DummyData"}
DEPLOYMENT = "put the prototxt for deployment beside the caffemodel"


class Entrance(NamedTuple):
    """The blob of the picture, its size where it is said, and "normalization" as JSON or ""."""

    blob: str
    height: int | None
    width: int | None
    normalization: str


def entrance_of(net: Any, layers: Sequence[Any], name: str) -> Entrance:
    """The one input of a network. Raises `CheckpointError` for none, or several."""
    sources = [layer for layer in layers if text(layer.type) in SOURCES]
    blobs = [exact(blob) for blob in net.input]
    blobs += sorted({exact(layer.top[0]) for layer in sources if layer.top})
    if len(blobs) != 1:
        raise CheckpointError(f"{name} has {len(blobs)} inputs, not 1", DEPLOYMENT)
    if net.input:
        sides = net.input_shape[0].dim if net.input_shape else net.input_dim
        return Entrance(blobs[0], *_size(list(sides), name), "")
    layer = sources[0]
    if text(layer.type) == "Input":
        shapes = layer.input_param.shape
        return Entrance(blobs[0], *_size(list(shapes[0].dim) if shapes else [], name), "")
    side = layer.transform_param.crop_size or None
    return Entrance(blobs[0], side, side, _normalization(layer.transform_param, text(layer.name)))


def _size(sides: list[int], name: str) -> tuple[int | None, int | None]:
    """Height and width; a network may leave out its shape."""
    if not sides:
        return None, None
    if len(sides) != 4 or sides[1] != 3 or min(sides) < 1:
        raise CheckpointError(
            f"{name} has an input of shape {sides[:5]}, not (n, 3, height, width)", OTHER_NETWORK
        )
    return sides[2], sides[3]


def _normalization(transform: Any, layer: str) -> str:
    """(pixel - mean) x scale, in the order of the file's channels."""
    if transform.mean_file:
        raise CheckpointError(
            f"layer {layer} takes its mean from {text(transform.mean_file)}, not read here",
            DEPLOYMENT,
        )
    means = list(transform.mean_value) or [0.0]
    scale = transform.scale if transform.HasField("scale") else 1.0
    if len(means) not in (1, 3) or not scale > 0:
        raise CheckpointError(f"layer {layer} has {len(means)} means and scale {scale}", NOT_READ)
    return json.dumps({"mean": means * (3 // len(means)), "std": [1 / scale] * 3})
