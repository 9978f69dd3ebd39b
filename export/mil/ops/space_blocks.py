"""Blocks of neighbouring pixels moved to channels or to the batch, and back.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/tensor_transformation.py`, and that of
iOS16 for `pixel_unshuffle`.
"""

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape


def _pixel_shuffled(call: Call) -> list[Shape]:
    return _to_space(call, call.integer("upscale_factor"))


@lowers("pixel_shuffle", shape=_pixel_shuffled)
def pixel_shuffle(call: Lowering) -> str:
    """x tensor<[n, C f^2, H, W], T> -> tensor<[n, C, H f, W f], T>: channels to space, the
    channel slowest, as torch's pixel_shuffle."""
    factor = call.integer("upscale_factor")
    return call.emit("DepthToSpace", call["x"], blocksize=factor, mode="CRD")


def _depth_to_space_shape(call: Call) -> list[Shape]:
    return _to_space(call, call.integer("block_size"))


@lowers("depth_to_space", shape=_depth_to_space_shape)
def depth_to_space(call: Lowering) -> str:
    """x tensor<[n, C b^2, H, W], T> -> tensor<[n, C, H b, W b], T>: the channel fastest."""
    return call.emit("DepthToSpace", call["x"], blocksize=call.integer("block_size"), mode="DCR")


def _space_to_depth_shape(call: Call) -> list[Shape]:
    (batch, channels, height, width), block = call.shape(), call.integer("block_size")
    return [(batch, channels * block**2, height // block, width // block)]


@lowers("space_to_depth", shape=_space_to_depth_shape)
def space_to_depth(call: Lowering) -> str:
    """x tensor<[n, C, H b, W b], T> -> tensor<[n, C b^2, H, W], T>."""
    return call.emit("SpaceToDepth", call["x"], blocksize=call.integer("block_size"))


def _pixel_unshuffled(call: Call) -> list[Shape]:
    (batch, channels, height, width), factor = call.shape(), call.integer("downscale_factor")
    return [(batch, channels * factor**2, height // factor, width // factor)]


@lowers("pixel_unshuffle", shape=_pixel_unshuffled)
def pixel_unshuffle(call: Lowering) -> str:
    """x tensor<[n, C, H f, W f], T> -> tensor<[n, C f^2, H, W], T>: space to channels, the
    channel slowest, as torch's pixel_unshuffle."""
    (batch, channels, height, width), factor = call.shape(), call.integer("downscale_factor")
    blocks = [batch, channels, height // factor, factor, width // factor, factor]
    parts = call.emit("Transpose", call.reshape(call["x"], blocks), perm=[0, 1, 3, 5, 2, 4])
    return call.reshape(parts, _pixel_unshuffled(call)[0])


def _to_batch_shape(call: Call) -> list[Shape]:
    (batch, channels, height, width), (down, across) = call.shape(), call.ints("block_shape")
    top, bottom, left, right = call.ints("paddings")
    return [(batch * down * across, channels, (height + top + bottom) // down,
             (width + left + right) // across)]  # fmt: skip


@lowers("space_to_batch", shape=_to_batch_shape)
def space_to_batch(call: Lowering) -> str:
    """x tensor<[n, C, H, W], T> -> tensor<[n b0 b1, C, H / b0, W / b1], T>: padded with zeros;
    the place in the block slowest, as TensorFlow's SpaceToBatchND."""
    (batch, channels, *_), (down, across) = call.shape(), call.ints("block_shape")
    top, bottom, left, right = call.ints("paddings")
    pads = call.int64([0, 0, top, left, 0, 0, bottom, right])
    *_, height, width = _to_batch_shape(call)[0]
    blocks = [batch, channels, height, down, width, across]
    parts = call.reshape(call.emit("Pad", call["x"], pads), blocks)
    moved = call.emit("Transpose", parts, perm=[3, 5, 0, 1, 2, 4])
    return call.reshape(moved, _to_batch_shape(call)[0])


def _from_batch_shape(call: Call) -> list[Shape]:
    (batch, channels, height, width), (down, across) = call.shape(), call.ints("block_shape")
    top, bottom, left, right = call.ints("crops")
    return [(batch // (down * across), channels, height * down - top - bottom,
             width * across - left - right)]  # fmt: skip


@lowers("batch_to_space", shape=_from_batch_shape)
def batch_to_space(call: Lowering) -> str:
    """x tensor<[n b0 b1, C, H, W], T> -> tensor<[n, C, H b0, W b1], T>: the way back, without
    `crops`."""
    (batch, channels, height, width), (down, across) = call.shape(), call.ints("block_shape")
    top, _, left, _ = call.ints("crops")
    parts = call.reshape(
        call["x"], [down, across, batch // (down * across), channels, height, width]
    )
    moved = call.emit("Transpose", parts, perm=[2, 3, 4, 0, 5, 1])
    whole = call.reshape(
        moved, [batch // (down * across), channels, height * down, width * across]
    )
    *_, rows, columns = _from_batch_shape(call)[0]
    bounds = ([top, left], [top + rows, left + columns], [2, 3])
    return call.emit("Slice", whole, *(call.int64(bound) for bound in bounds))


def _to_space(call: Call, factor: int) -> list[Shape]:
    batch, channels, height, width = call.shape()
    return [(batch, channels // factor**2, height * factor, width * factor)]
