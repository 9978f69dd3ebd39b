"""Boxes of a picture, each resized: `crop_resize`.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/image_resizing.py`, those of iOS16
(`pad_value`) and iOS17 (`boxes`), and `SamplingMode` in `mlmodel/format/NeuralNetwork.proto`,
whose points of an interval lie between a box's edges.
"""

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape

# Where the first and second number of an edge or extent stand: of height, of width
ORDERS = {
    "CORNERS_HEIGHT_FIRST": (0, 1, 2, 3), "CORNERS_WIDTH_FIRST": (1, 0, 3, 2),
    "CENTER_SIZE_HEIGHT_FIRST": (0, 1, 2, 3), "CENTER_SIZE_WIDTH_FIRST": (1, 0, 3, 2),
}  # fmt: skip
ROUNDING = 1e-4  # of a pixel: points this far outside are those of the edge


def _crop_size(call: Call) -> tuple[int, int]:
    return call.integer("target_height", 1), call.integer("target_width", 1)


def _crops_shape(call: Call) -> list[Shape]:
    batch, channels = call.shape()[:2]
    if call.has("boxes"):
        return [(call.shape("boxes")[0], channels, *_crop_size(call))]
    count, _, numbers, *_ = call.shape("roi")
    return [(count, batch if numbers == 4 else 1, channels, *_crop_size(call))]


@lowers("crop_resize", shape=_crops_shape)
def crop_resize(call: Lowering) -> str:
    """x tensor<[B, C, H, W], T>, boxes tensor<[N, 4], U> -> tensor<[N, C, H2, W2], T>; before iOS
    17 roi tensor<[N, 1, 4 or 5, 1, 1], T> -> tensor<[N, B or 1, C, H2, W2], T>: each box of a
    picture, resized; `pad_value` where a point lies outside."""
    *_, height, width = call.shape()
    boxes, pictures = _boxes(call)
    top, left, bottom, right = _edges(call, boxes)
    down, across = _crop_size(call)
    rows = call.emit("Unsqueeze", _grid(call, top, bottom, down), call.int64([2]))
    columns = call.emit("Unsqueeze", _grid(call, left, right, across), call.int64([1]))
    low_y, high_y, share_y, in_y = _neighbours(call, rows, height)
    low_x, high_x, share_x, in_x = _neighbours(call, columns, width)
    above, below = (
        _between(
            call, _pixels(call, pictures, y, low_x), _pixels(call, pictures, y, high_x), share_x
        )
        for y in (low_y, high_y)
    )
    crops = _between(call, above, below, share_y)
    inside = call.emit("Unsqueeze", call.emit("And", in_y, in_x), call.int64([3]))
    crops = call.emit("Where", inside, crops, call.constant(call.number("pad_value", 0.0)))
    return call.reshape(call.emit("Transpose", crops, perm=[0, 3, 1, 2]), _crops_shape(call)[0])


def _pixels(call: Lowering, pictures: str, rows: str, columns: str) -> str:
    """(N, H2, W2, C): the pixels at rows (N, H2, 1) and columns (N, 1, W2) of each picture."""
    _, channels, height, width = call.shape()
    flat = call.emit("Transpose", call["x"], perm=[0, 2, 3, 1])
    first = call.emit("Mul", pictures, call.int64(height))
    rows = call.emit("Add", call.reshape(first, [-1, 1, 1]), rows)
    starts = call.emit("Mul", rows, call.int64(width))
    places = call.emit("Add", starts, columns)
    return call.emit("Gather", call.reshape(flat, [-1, channels]), places, axis=0)


def _boxes(call: Lowering) -> tuple[str, str]:
    """The four numbers of each crop, (N, 4), and the index of its picture, (N,)."""
    batch, none = call.shape()[0], call.int64([0])
    if call.has("boxes"):
        boxes, count = call.cast(call["boxes"], "float32"), call.shape("boxes")[0]
        if not call.has("box_indices"):
            return boxes, call.int64(np.arange(count))
        return boxes, call.integers("box_indices")
    count, _, numbers, *_ = call.shape("roi")
    boxes = call.reshape(call["roi"], [count, numbers])
    if numbers == 5:
        pictures = call.emit("Slice", boxes, none, call.int64([1]),
                             call.int64([1]))  # fmt: skip
        boxes = call.emit("Slice", boxes, call.int64([1]),
                          call.int64([5]), call.int64([1]))  # fmt: skip
        return boxes, call.reshape(call.cast(pictures, "int64"), [-1])
    each = call.emit("Gather", boxes, call.int64(np.repeat(np.arange(count), batch)))
    return each, call.int64(np.tile(np.arange(batch), count))


def _edges(call: Lowering, boxes: str) -> list[str]:
    """Top, left, bottom and right of each box in pixels, (N, 1) each."""
    mode = call.text("box_coordinate_mode", "CORNERS_HEIGHT_FIRST")
    if mode not in ORDERS:
        raise call.unsupported(f"box_coordinate_mode {mode!r}")
    *_, height, width = call.shape()
    sizes = [height - 1, width - 1] if call.flag("normalized_coordinates", False) else [1, 1]
    scale = call.number("spatial_scale", 1.0)
    numbers = []
    for place, size in zip(ORDERS[mode], sizes * 2, strict=True):
        number = call.emit("Gather", boxes, call.int64([place]), axis=1)
        numbers.append(call.emit("Mul", number, call.constant(size * scale)))
    if mode.startswith("CORNERS"):
        return numbers
    half = [call.emit("Mul", extent, call.constant(0.5)) for extent in numbers[2:]]
    return [
        call.emit(step, *pair) for step in ("Sub", "Add")
        for pair in zip(numbers[:2], half, strict=True)
    ]  # fmt: skip


def _grid(call: Lowering, start: str, end: str, points: int) -> str:
    """(N, points): where the points of a box lie between `start` and `end`."""
    mode = call.text("sampling_mode", "DEFAULT")
    length, clipped = call.emit("Sub", end, start), False
    if mode in ("ALIGN_CORNERS", "STRICT_ALIGN_CORNERS"):
        middle = 0.5 if mode == "ALIGN_CORNERS" else 0.0
        shares = np.linspace(0, 1, points) if points > 1 else np.array([middle])
    elif mode == "DEFAULT":
        length, clipped = call.emit("Add", length, call.constant(1.0)), True
        shares = np.arange(points) / points
    elif mode == "OFFSET_CORNERS":
        length, clipped = call.emit("Max", length, call.constant(1.0)), True
        shares = (np.arange(points) + 0.5) / points
    else:
        raise call.unsupported(f"sampling_mode {mode!r}")
    grid = call.emit("Add", start, call.emit("Mul", length, call.constant(shares.reshape(1, -1))))
    return call.emit("Min", grid, end) if clipped else grid


def _neighbours(call: Lowering, points: str, size: int) -> tuple[str, str, str, str]:
    """The pixels below and above each point, its share of the latter, whether it is inside."""
    low, high = call.constant(-ROUNDING), call.constant(size - 1 + ROUNDING)
    inside = call.emit(
        "And", call.emit("GreaterOrEqual", points, low), call.emit("LessOrEqual", points, high)
    )
    points = call.emit("Clip", points, call.constant(0.0), call.constant(float(size - 1)))
    lower = call.emit("Floor", points)
    upper = call.emit("Min", call.emit("Add", lower, call.constant(1.0)),
                      call.constant(float(size - 1)))  # fmt: skip
    share = call.emit("Unsqueeze", call.emit("Sub", points, lower), call.int64([3]))
    return call.cast(lower, "int64"), call.cast(upper, "int64"), share, inside


def _between(call: Lowering, low: str, high: str, share: str) -> str:
    return call.emit("Add", low, call.emit("Mul", call.emit("Sub", high, low), share))
