"""Resizing of the last two dimensions.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/image_resizing.py`, for `resize`
`iOS17/image_resizing.py`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.mil.ops.call import Call
from export.mil.ops.lowering import LAST, Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape, is_fixed

# MIL's sampling modes that are one of ONNX's coordinate transformations
SAMPLING = {
    "STRICT_ALIGN_CORNERS": "align_corners",
    "ALIGN_CORNERS": "align_corners",
    "UNALIGN_CORNERS": "half_pixel",
    "DEFAULT": "asymmetric",
}


def _upsampled(call: Call) -> list[Shape]:
    *leading, height, width = call.shape()
    up, across = _factors(call)
    return [(*leading, int(height * up), int(width * across))]


def _factors(call: Call) -> list[np.float32]:
    """By height and width; in single precision, in which coremltools multiplies."""
    return [np.float32(call.number(f"scale_factor_{side}", 1.0)) for side in ("height", "width")]


def _target_size(call: Call) -> list[Shape]:
    size = call.integer("target_size_height"), call.integer("target_size_width")
    return [(*call.shape()[:-2], *size)]


@lowers("upsample_nearest_neighbor", shape=_upsampled)
def upsample_nearest_neighbor(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T> -> tensor<[*D, H2, W2], T>: floor(i H1 / H2), also where the
    factor is none of H2 / H1, as coremltools' tests have it."""
    pairs = list(zip(call.shape()[-2:], call.output_shape()[-2:], strict=True))
    if any(after % before for before, after in pairs):
        return _picked(call, [np.arange(after) * before // after for before, after in pairs])
    return _resize(call, mode="nearest", nearest_mode="floor", transformation="asymmetric")


@lowers("resize_nearest_neighbor", shape=_target_size)
def resize_nearest_neighbor(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T> -> tensor<[*D, H2, W2], T>: floor((i + 1/2) H1 / H2), as
    TensorFlow's with `half_pixel_centers`, which is converted to it."""
    pairs = zip(call.shape()[-2:], call.output_shape()[-2:], strict=True)
    return _picked(
        call, [(2 * np.arange(after) + 1) * before // (2 * after) for before, after in pairs]
    )


def _picked(call: Lowering, places: list[NDArray[np.int64]]) -> str:
    """The rows and columns at `places`: by integers, since a fraction may be rounded below one."""
    x, rank = call["x"], call.rank()
    for axis, numbers in zip((rank - 2, rank - 1), places, strict=True):
        x = call.emit("Gather", x, call.int64(numbers), axis=axis)
    return x


@lowers("upsample_bilinear", shape=_upsampled)
def upsample_bilinear(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T> -> tensor<[*D, H2, W2], T>."""
    aligned = call.flag("align_corners", True)
    centred = call.flag("half_pixel_centers", not aligned)
    if aligned and centred:
        raise call.unsupported("align_corners and half_pixel_centers at once")
    transformation = "half_pixel" if centred else "align_corners" if aligned else "asymmetric"
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
        call.emit("Gather", x, call.int64(np.minimum(lower + step, before - 1)),
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
    kept = shape[: len(shape) - count]
    if not call.is_constant("shape"):
        return [(*kept, *[-1] * count)]
    sizes = call.ints("shape")[-count:]
    return [(*kept, *(new or old for new, old in zip(sizes, shape[-count:], strict=True)))]


@lowers("resize", shape=_resized)
def resize(call: Lowering) -> str:
    """x tensor<[*D, H1, W1], T>, shape tensor<[K], U> -> tensor<[*D, H2, W2], T>."""
    method, mode = call.text("interpolation_mode", "LINEAR"), call.text("sampling_mode", "DEFAULT")
    if call.integer("resized_dims") != 2:
        raise call.unsupported(f"resized_dims {call.integer('resized_dims')}")
    if method == "NEAREST_NEIGHBOR" and mode == "DEFAULT":
        if is_fixed(call.output_shape()):
            return resize_nearest_neighbor(call)
        return call.emit(
            "Resize", call["x"], None, None, _asked_sizes(call), mode="nearest",
            coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil",
        )  # fmt: skip
    if method != "LINEAR" or not call.tensor_type().dtype.startswith("float"):
        raise call.unsupported(f"interpolation_mode {method!r} and sampling_mode {mode!r}")
    if is_fixed(call.output_shape()):
        return resize_bilinear(call)
    if mode not in SAMPLING or mode == "ALIGN_CORNERS":
        raise call.unsupported(f"sampling_mode {mode!r} and a shape computed at run time")
    return call.emit(
        "Resize", call["x"], None, None, _asked_sizes(call), mode="linear",
        coordinate_transformation_mode=SAMPLING[mode],
    )  # fmt: skip


def _asked_sizes(call: Lowering) -> str:
    """The shape that the run asks for, as far as it is no larger than is possible."""
    sizes, last_two = call.emit("Shape", call["x"]), call.int64([-2])
    kept = call.emit("Slice", sizes, call.int64([0]), last_two)
    old, new = (
        call.emit("Slice", value, last_two, call.int64([LAST]))
        for value in (sizes, call.integers("shape"))
    )
    same = call.emit("Equal", new, call.int64(0))
    new = call.emit("Where", same, old, new)
    return call.bounded(call.emit("Concat", kept, new, axis=0))


def _resize(call: Lowering, mode: str, transformation: str, **options: str) -> str:
    """To the size that MIL declares, which also fixes the scale."""
    sizes = call.int64([*call.shape()[:-2], *call.output_shape()[-2:]])
    return call.emit(
        "Resize", call["x"], None, None, sizes, mode=mode,
        coordinate_transformation_mode=transformation, **options,
    )  # fmt: skip
