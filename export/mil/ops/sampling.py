"""Pictures looked at between their pixels: at given points, and through a matrix.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/image_resizing.py`, and those of iOS16
and iOS17.
"""

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape

PADDINGS = {"constant": "zeros", "border": "border", "reflection": "reflection",
            "symmetric": "reflection"}  # fmt: skip
SAMPLINGS = {"bilinear": "linear", "nearest": "nearest"}


def _resampled(call: Call) -> list[Shape]:
    return [(*call.shape()[:2], *call.shape("coordinates")[1:3])]


@lowers("resample", shape=_resampled)
def resample(call: Lowering) -> str:
    """x tensor<[B, C, H1, W1], T>, coordinates tensor<[B, H2, W2, 2], U>
    -> tensor<[B, C, H2, W2], T>: at points (x, y), in pixels or relative to the picture."""
    points = call.cast(call["coordinates"], "float32")
    padding, aligned = call.text("padding_mode", ""), call.flag("align_corners", True)
    mode = call.text("coordinates_mode", "")
    if mode == "normalized_zero_to_one":
        doubled = call.emit("Mul", points, call.constant(2.0))
        points = call.emit("Sub", doubled, call.constant(1.0))
    elif mode not in ("unnormalized", "normalized_minus_one_to_one"):
        raise call.unsupported(f"coordinates_mode {mode!r}")
    # ONNX reflects about the centres of the outer pixels if aligned, about their edges if not
    mirror = {"reflection": True, "symmetric": False}.get(padding)
    sampling = call.text("sampling_mode", "")
    if sampling == "nearest" and mirror is not None:  # ONNX Runtime rounds before it reflects
        pixels = points if mode == "unnormalized" else _in_pixels(call, points, aligned)
        points, padding = _relative(call, _mirrored(call, pixels, mirror), mirror), "border"
        aligned = mirror
    elif mode == "unnormalized":
        aligned = bool(mirror)
        points = _relative(call, points, aligned)
    elif mirror is not None and mirror != aligned:
        points = _relative(call, _in_pixels(call, points, aligned), mirror)
        aligned = mirror
    return _sampled(call, points, sampling, padding, aligned)


def _mirrored(call: Lowering, pixels: str, at_centres: bool) -> str:
    """Places among the pixels of x that lie outside of it reflected into it.

    At the centres of its outer pixels, or at their edges.
    """
    extent = _extent(call)
    low = np.float32(0 if at_centres else -0.5)
    span = np.maximum(extent - 1, 1) if at_centres else extent
    there = call.emit("Abs", call.emit("Sub", pixels, call.constant(low)))
    rest = call.emit("Mod", there, call.constant(2 * span), fmod=1)
    back = call.emit("Abs", call.emit("Sub", call.constant(span), rest))
    return call.emit("Add", call.emit("Sub", call.constant(span), back), call.constant(low))


def _extent(call: Call) -> np.ndarray:
    """Width and height of x."""
    return np.array(call.shape()[:1:-1], np.float32)


def _in_pixels(call: Lowering, points: str, aligned: bool) -> str:
    """Points from -1 to 1 as places among the pixels' centres."""
    extent = _extent(call)
    size = extent - 1 if aligned else extent
    scaled = call.emit("Mul", points, call.constant(size / 2))
    return call.emit("Add", scaled, call.constant((extent - 1) / 2))


def _relative(call: Lowering, pixels: str, aligned: bool) -> str:
    """The way back."""
    extent = _extent(call)
    size = np.maximum(extent - 1, 1) if aligned else extent
    centred = call.emit("Sub", pixels, call.constant((extent - 1) / 2))
    return call.emit("Mul", centred, call.constant(2 / size))


def _sampled(call: Lowering, points: str, sampling: str, padding: str, aligned: bool) -> str:
    """x at points (x, y) from -1 to 1."""
    if sampling not in SAMPLINGS or padding not in PADDINGS:
        raise call.unsupported(f"sampling_mode {sampling!r} and padding_mode {padding!r}")
    options = {"mode": SAMPLINGS[sampling], "padding_mode": PADDINGS[padding]}
    sampled = call.emit("GridSample", call["x"], points, align_corners=int(aligned), **options)
    value = call.number("padding_value", 0.0)
    if padding != "constant" or value == 0:
        return sampled
    batch, _, *extent = call.shape()
    whole = call.constant(np.ones((batch, 1, *extent)))
    inside = call.emit("GridSample", whole, points, align_corners=int(aligned), **options)
    outside = call.emit("Sub", call.constant(1.0), inside)
    return call.emit("Add", sampled, call.emit("Mul", outside, call.constant(value)))


def _transformed(call: Call) -> list[Shape]:
    size = call.integer("output_height"), call.integer("output_width")
    return [(*call.shape()[:2], *size)]


@lowers("affine", shape=_transformed)
def affine(call: Lowering) -> str:
    """x tensor<[B, C, H1, W1], T>, transform_matrix tensor<[D, 6], T>
    -> tensor<[B, C, H2, W2], T>: at the points that the matrix makes of the output's own, both
    from -1 to 1."""
    aligned, mode = call.flag("align_corners", True), call.text("coordinates_mode", "")
    if mode.lower() != "normalized_minus_one_to_one" or not aligned:
        raise call.unsupported(f"coordinates_mode {mode!r}, align_corners {aligned}")
    batch, _, height, width = _transformed(call)[0]
    if 1 in (height, width):
        raise call.unsupported("an output of one row or column")
    rows, columns = np.meshgrid(
        np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij"
    )
    own = np.stack([columns, rows, np.ones_like(rows)], -1).reshape(1, -1, 3)
    matrices = call.reshape(call["transform_matrix"], [-1, 2, 3])
    points = call.emit("MatMul", call.constant(own),
                       call.emit("Transpose", matrices, perm=[0, 2, 1]))  # fmt: skip
    points = call.emit("Expand", points, call.int64([batch, 1, 1]))
    points = call.reshape(points, [batch, height, width, 2])
    sampling, padding = call.text("sampling_mode", ""), call.text("padding_mode", "")
    return _sampled(call, points, sampling.lower(), padding.lower(), aligned)
