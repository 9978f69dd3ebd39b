"""Resizing of the last two dimensions.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/image_resizing.py`, for `resize`
`iOS17/image_resizing.py`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape

# MIL's sampling modes that are one of ONNX's coordinate transformations
SAMPLING = {
    "STRICT_ALIGN_CORNERS": "align_corners",
    "ALIGN_CORNERS": "align_corners",
    "UNALIGN_CORNERS": "half_pixel",
    "DEFAULT": "asymmetric",
}


def _upsampled(call: Call) -> list[Shape]:
    *leading, height, width = call.shape()
    up, across = (call.number(f"scale_factor_{side}", 1.0) for side in ("height", "width"))
    return [(*leading, int(height * up), int(width * across))]


def _target_size(call: Call) -> list[Shape]:
    size = call.integer("target_size_height"), call.integer("target_size_width")
    return [(*call.shape()[:-2], *size)]


@lowers("upsample_nearest_neighbor", shape=_upsampled)
def upsample_nearest_neighbor(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T> -> tensor<[*D, H2, W2], T>."""
    return _resize(call, mode="nearest", nearest_mode="floor", transformation="asymmetric")


@lowers("resize_nearest_neighbor", shape=_target_size)
def resize_nearest_neighbor(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T> -> tensor<[*D, H2, W2], T>."""
    return _resize(call, mode="nearest", nearest_mode="floor", transformation="asymmetric")


@lowers("upsample_bilinear", shape=_upsampled)
def upsample_bilinear(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T> -> tensor<[*D, H2, W2], T>."""
    aligned = call.flag("align_corners", True)
    transformation = "align_corners" if aligned else "half_pixel"
    return _resize(call, mode="linear", transformation=transformation)


@lowers("resize_bilinear", shape=_target_size)
def resize_bilinear(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T> -> tensor<[*D, H2, W2], T>."""
    mode = call.text("sampling_mode", "DEFAULT")
    if mode == "OFFSET_CORNERS" or (mode == "ALIGN_CORNERS" and 1 in call.output_shape()[-2:]):
        rows = _interpolated(call, call["x"], mode, -2)
        return _interpolated(call, rows, mode, -1)
    if mode not in SAMPLING:
        raise call.unsupported(f"sampling_mode {mode!r}")
    return _resize(call, mode="linear", transformation=SAMPLING[mode])


def _interpolated(call: Lowering, x: str, mode: str, axis: int) -> str:
    """`x` at points between its own along `axis`, for modes that ONNX does not have."""
    before, after = call.shape()[axis], call.output_shape()[axis]
    points = _points(mode, before, after)
    lower = np.floor(points).astype(np.int64)
    share = (points - lower).reshape(-1, *[1] * (-1 - axis))
    axis += len(call.shape())
    low, high = (
        call.emit("Gather", x, call.constant(np.minimum(lower + step, before - 1), np.int64),
                  axis=axis)
        for step in (0, 1)
    )  # fmt: skip
    climb = call.emit("Mul", call.emit("Sub", high, low), call.constant(share))
    return call.emit("Add", low, climb)


def _points(mode: str, before: int, after: int) -> NDArray[Any]:
    """Where each of `after` values lies among the `before`, from 0 to before - 1."""
    if mode == "ALIGN_CORNERS":
        return np.linspace(0, before - 1, after) if after > 1 else np.array([(before - 1) / 2])
    return (np.arange(after) + 0.5) * (before - 1) / after


def _resized(call: Call) -> list[Shape]:
    """The last `resized_dims` of `shape` take the place of x's; a 0 keeps what is there."""
    shape, count = list(call.shape()), call.integer("resized_dims")
    sizes = call.ints("shape")[-count:]
    kept = shape[: len(shape) - count]
    return [(*kept, *(new or old for new, old in zip(sizes, shape[-count:], strict=True)))]


@lowers("resize", shape=_resized)
def resize(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T>, shape tensor<[K], U> -> tensor<[*D, H2, W2], T>."""
    method = call.text("interpolation_mode", "LINEAR")
    if method.lower() == "nearest_neighbor":
        raise call.unsupported(f"interpolation_mode {method!r}")
    return resize_bilinear(call)


def _resize(call: Lowering, mode: str, transformation: str, **options: str) -> str:
    """To the size that MIL declares, which also fixes the scale."""
    sizes = call.constant([*call.shape()[:-2], *call.output_shape()[-2:]], np.int64)
    return call.emit(
        "Resize", call["x"], None, None, sizes, mode=mode,
        coordinate_transformation_mode=transformation, **options,
    )  # fmt: skip
