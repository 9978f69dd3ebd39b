"""Resizing of the last two dimensions, as a scale and an offset of coordinates.

Core AI takes, for the place o of the result, the value at (o + 0.5 - offset) / scale - 0.5.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from export.mil.coreai.lowered_call import CoreAICall, writes
from export.mil.ops.resizing import SAMPLING

if TYPE_CHECKING:
    from coreai.authoring import Value


@writes("upsample_nearest_neighbor")
def _upsample_nearest(call: CoreAICall) -> "Value":
    """The value at floor(o / scale): half of the least step above it, less the half rounded."""
    return _interpolated(call, "nearest_neighbor", "floor")


@writes("resize_nearest_neighbor")
def _resize_nearest(call: CoreAICall) -> "Value":
    """The value at floor((o + 1/2) / scale), half of the least step above it as well."""
    return _interpolated(call, "nearest_neighbor", "half_pixel_floor")


@writes("upsample_bilinear")
def _upsample_bilinear(call: CoreAICall) -> "Value":
    aligned = call.flag("align_corners", True)
    if call.flag("half_pixel_centers", not aligned) == aligned:
        raise call.unsupported("half_pixel_centers that equal align_corners")
    return _interpolated(call, "linear", "align_corners" if aligned else "half_pixel")


@writes("resize_bilinear", "resize")
def _resize_bilinear(call: CoreAICall) -> "Value":
    mode = call.text("sampling_mode", "DEFAULT")
    nearest = call.text("interpolation_mode", "LINEAR").lower() == "nearest_neighbor"
    if mode not in SAMPLING or nearest:
        raise call.unsupported(f"sampling_mode {mode!r}")
    return _interpolated(call, "linear", SAMPLING[mode])


def _interpolated(call: CoreAICall, method: str, transformation: str) -> "Value":
    return interpolated(call["x"], call.shape(), call.output_shape(), transformation, method)


def interpolated(
    x: "Value",
    before: Sequence[int],
    after: Sequence[int],
    transformation: str,
    method: str = "linear",
) -> "Value":
    """`x` of the shape `before`, its last two sides brought to those of `after`.

    `transformation` is "floor", "half_pixel_floor", or as ONNX' Resize has it: "half_pixel",
    "align_corners", ...
    """
    import coreai.authoring as ca

    places = [
        _place(old, new, transformation) if axis >= len(after) - 2 else (1.0, 0.0)
        for axis, (old, new) in enumerate(zip(before, after, strict=True))
    ]
    scales, offsets = np.asarray(places, np.float32).T
    return ca.interpolate(x, np.asarray(after, np.int32), scales, offsets, method)


def _place(old: int, new: int, transformation: str) -> tuple[float, float]:
    """Scale and offset along an axis of `old` places that gets `new` ones."""
    scale = new / old
    match transformation:
        case "half_pixel":
            return scale, 0.0
        case "floor":
            return scale, 0.5 - 0.5 / old
        case "half_pixel_floor":
            return scale, -0.25 / old
        case "align_corners" if 1 in (old, new):
            return 1.0, 0.0
        case "align_corners":
            scale = (new - 1) / (old - 1)
    return scale, 0.5 * (1 - scale)
