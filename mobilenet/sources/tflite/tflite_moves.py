"""Operators that move numbers: shapes, axes, parts, borders, sizes."""

from collections.abc import Sequence

from mobilenet.sources.tflite.tflite_layer import FIRST, LAST, TfliteLayer, Translators

_END = (1 << 31) - 1  # beyond any side


def _reshape(layer: TfliteLayer) -> str:
    said = layer.options.take("NewShape", ())
    target = layer.integers(1).ravel().tolist() if layer.has(1) else list(said)
    if any(side < -1 or side == 0 for side in target):
        raise layer.options.refused("a shape of", target)
    return _reordered(layer, "Reshape", target, len(target))


def _reordered(layer: TfliteLayer, op: str, integers: Sequence[int], rank: int) -> str:
    """An operator that goes by the file's own order of axes; `rank` is the result's."""
    value = layer.channels_last(layer.value(), len(layer.tensor(0).shape))
    value = layer.writer.node(op, value, layer.writer.integers(integers))
    return layer.channels_first(value, rank)


def _squeeze(layer: TfliteLayer) -> str:
    shape = layer.tensor(0).shape
    axes = [layer.axis(axis) for axis in layer.options.take("SqueezeDims", ())]
    if not axes and any(layer.tensor(0).open_sides):
        raise layer.writer.refused("does not say which sides it takes away")
    axes = axes or [axis for axis, side in enumerate(shape) if side == 1]
    return _reordered(layer, "Squeeze", axes, len(shape) - len(axes))


def _expand(layer: TfliteLayer) -> str:
    (axis,) = layer.integers(1).ravel().tolist()
    rank = len(layer.tensor(0).shape) + 1
    return _reordered(layer, "Unsqueeze", [axis % rank], rank)


def _transpose(layer: TfliteLayer) -> str:
    order, rank = layer.axes(1), len(layer.tensor(0).shape)
    if sorted(order) != list(range(rank)):
        raise layer.writer.refused(f"orders axes as {order}")
    if rank == 4:
        order = tuple(LAST[order[axis]] for axis in FIRST)
    return layer.writer.node("Transpose", layer.value(), perm=order)


def _mean(layer: TfliteLayer) -> str:
    axes, rank = layer.axes(1), len(layer.tensor(0).shape)
    keeps = layer.options.take("KeepDims", False)
    value = layer.value()
    if rank == 4 and (keeps or set(axes) >= {1, 2}):
        axes, rank = tuple(FIRST.index(axis) for axis in axes), 0  # what is left keeps its order
    value = layer.channels_last(value, rank)
    value = layer.writer.node("ReduceMean", value, axes=axes, keepdims=int(keeps))
    return layer.channels_first(value, rank if keeps else 0)


def _place(layer: TfliteLayer, axis: int) -> int:
    """Where an axis of the file is in the graph."""
    return FIRST.index(axis) if len(layer.result.shape) == 4 else axis


def _concatenate(layer: TfliteLayer) -> str:
    axis = _place(layer, layer.axis(layer.options.take("Axis", 0)))
    values = [layer.value(place) for place in range(len(layer.operator.inputs))]
    return layer.activated(layer.writer.node("Concat", *values, axis=axis))


def _gather(layer: TfliteLayer) -> str:
    axis = layer.axis(layer.options.take("Axis", 0))
    layer.options.require("BatchDims", 0, 0)
    indices = layer.integers(1)
    if indices.ndim != 1:
        raise layer.writer.refused(f"takes indices of shape {indices.shape}")
    size = layer.tensor(0).shape[axis]
    if not all(0 <= index < size for index in indices):
        raise layer.writer.refused(f"takes {indices.tolist()} of {size}")
    listed = layer.writer.integers(indices.tolist())
    return layer.writer.node("Gather", layer.value(), listed, axis=_place(layer, axis))


def _reverse(layer: TfliteLayer) -> str:
    axes = layer.axes(1)
    return _slice(layer, [(axis, -1, -_END, -1) for axis in axes])


def _slice(layer: TfliteLayer, parts: Sequence[tuple[int, int, int, int]]) -> str:
    """Parts of axes: (axis of the file, first, end, step)."""
    columns = list(zip(*((*rest, _place(layer, axis)) for axis, *rest in parts), strict=True))
    starts, ends, steps, axes = map(layer.writer.integers, columns)
    return layer.writer.node("Slice", layer.value(), starts, ends, axes, steps)


def _strided_slice(layer: TfliteLayer) -> str:
    for mask in ("EllipsisMask", "NewAxisMask", "ShrinkAxisMask"):
        layer.options.require(mask, 0, 0)
    layer.options.require("Offset", False, False)
    begin_mask, end_mask = (layer.options.take(f"{side}Mask", 0) for side in ("Begin", "End"))
    begins, ends, steps = (layer.integers(place).ravel().tolist() for place in (1, 2, 3))
    if not len(begins) == len(ends) == len(steps) <= len(layer.tensor(0).shape) or 0 in steps:
        raise layer.writer.refused(f"cuts from {begins} to {ends} by {steps}")
    parts = []
    for axis, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        first = (0 if step > 0 else -1) if begin_mask >> axis & 1 else begin
        last = (_END if step > 0 else -_END) if end_mask >> axis & 1 else end
        parts.append((axis, first, last, step))
    return _slice(layer, parts)


def _pad(layer: TfliteLayer) -> str:
    pads, rank = layer.integers(1), len(layer.tensor(0).shape)
    if pads.shape != (rank, 2) or pads.min() < 0:
        raise layer.writer.refused(f"pads by {pads.tolist()}")
    order = FIRST if rank == 4 else range(rank)
    amounts = layer.writer.integers([int(pads[axis, side]) for side in (0, 1) for axis in order])
    filling = []
    if layer.has(2):  # PADV2
        constant = layer.constant(2)
        if constant.shape not in ((), (1,)):
            raise layer.writer.refused(f"pads with {constant.shape} numbers")
        filling = [layer.writer.number(float(constant.load().ravel()[0]))]
    return layer.writer.node("Pad", layer.value(), amounts, *filling, mode="constant")


def _resize(layer: TfliteLayer) -> str:
    size, shape = layer.integers(1).ravel().tolist(), layer.tensor(0).shape
    corners, centres = (
        layer.options.take(name, False) for name in ("AlignCorners", "HalfPixelCenters")
    )
    if len(size) != 2 or len(shape) != 4 or min(size) < 1 or (corners and centres):
        raise layer.writer.refused(f"resizes {shape} to {size}")
    rule = "align_corners" if corners else "half_pixel" if centres else "asymmetric"
    sizes = layer.writer.integers((1, shape[3], *size))
    return layer.writer.node(
        "Resize", layer.value(), "", "", sizes, mode="linear", coordinate_transformation_mode=rule
    )


MOVES: Translators = {
    "RESHAPE": _reshape,
    "SQUEEZE": _squeeze,
    "EXPAND_DIMS": _expand,
    "TRANSPOSE": _transpose,
    "MEAN": _mean,
    "CONCATENATION": _concatenate,
    "GATHER": _gather,
    "REVERSE_V2": _reverse,
    "STRIDED_SLICE": _strided_slice,
    "PAD": _pad,
    "PADV2": _pad,
    "RESIZE_BILINEAR": _resize,
}
