"""Operations that move data and compute nothing."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from export.mil.coreai.lowered_call import CoreAICall, writes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coreai.authoring import Value


@writes("reshape", "flatten2d", "squeeze", "expand_dims")
def _reshape(call: CoreAICall) -> "Value":
    return call.reshaped(call["x"], call.output_shape())


@writes("transpose")
def _transpose(call: CoreAICall) -> "Value":
    rank = len(call.shape())
    order = [axis % rank for axis in call.ints("perm")]
    return call.core_ai.transpose(call["x"], np.asarray(order, np.uint32))


@writes("slice_by_index")
def _slice_by_index(call: CoreAICall) -> "Value":
    """A step backwards is one forwards, reversed: Core AI has no other."""
    ai, ranges = call.core_ai, _ranges(call)
    forwards = [span if span.step > 0 else span[::-1] for span in ranges]
    corners = np.asarray(
        [
            (span.start, span.start + (len(span) - 1) * span.step + 1, span.step)
            for span in forwards
        ],
        np.int32,
    )
    part = ai.slice_(call["x"], *(np.ascontiguousarray(bound) for bound in corners.T))
    backwards = [axis for axis, span in enumerate(ranges) if span.step < 0]
    if backwards:
        part = ai.reverse(part, np.asarray(backwards, np.int32))
    return call.reshaped(part, call.output_shape())


def _ranges(call: CoreAICall) -> list[range]:
    """Places that are taken along each axis."""
    sizes, none = call.shape(), [0] * len(call.shape())
    begins, ends = call.ints("begin"), call.ints("end")
    strides = call.ints("stride", [1] * len(sizes))
    open_begins, open_ends = call.ints("begin_mask", none), call.ints("end_mask", none)
    single = call.ints("squeeze_mask", none)
    ranges = []
    for axis, size in enumerate(sizes):
        begin = None if open_begins[axis] and not single[axis] else begins[axis]
        end = None if open_ends[axis] else ends[axis]
        taken = range(*slice(begin, end, strides[axis]).indices(size))
        ranges.append(range(taken.start, taken.start + 1) if single[axis] else taken)
    return ranges


@writes("slice_by_size")
def _slice_by_size(call: CoreAICall) -> "Value":
    begins = np.asarray(call.ints("begin"), np.int32)
    ends = begins + np.asarray(call.output_shape(), np.int32)
    return call.core_ai.slice_(call["x"], begins, ends, np.ones_like(begins))


@writes("concat")
def _concat(call: CoreAICall) -> "Value":
    if call.flag("interleave", False):  # one of each in turn
        return call.reshaped(_stacked(call, call.integer("axis") + 1), call.output_shape())
    return call.core_ai.concat(np.int32(call.integer("axis")), call.many("values"))


@writes("stack")
def _stack(call: CoreAICall) -> "Value":
    return _stacked(call, call.integer("axis") % len(call.output_shape()))


def _stacked(call: CoreAICall, axis: int) -> "Value":
    """All `values`, of one shape, along a new axis."""
    shape = call.all_shapes("values")[0]
    single = [*shape[:axis], 1, *shape[axis:]]
    parts = [call.reshaped(value, single) for value in call.many("values")]
    return call.core_ai.concat(np.int32(axis), parts)


@writes("split")
def _split(call: CoreAICall) -> "Sequence[Value]":
    axis = call.integer("axis") % len(call.shape())
    sizes = [call.shapes[output.name][axis] for output in call.op.outputs]
    starts = np.cumsum([0, *sizes])
    parts = []
    for start, end in pairwise(starts):
        begins, ends = np.zeros(len(call.shape()), np.int32), np.asarray(call.shape(), np.int32)
        begins[axis], ends[axis] = start, end
        parts.append(call.core_ai.slice_(call["x"], begins, ends, np.ones_like(begins)))
    return parts


@writes("pad")
def _pad(call: CoreAICall) -> "Value":
    amounts = call.ints("pad")
    mode = call.text("mode", "constant")
    before = [0] * (2 * len(call.shape()) - len(amounts))
    return call.core_ai.pad(
        call["x"], np.asarray([*before, *amounts], np.uint32),
        call.like(call.number("constant_val", 0.0)), mode,
    )  # fmt: skip


@writes("tile")
def _tile(call: CoreAICall) -> "Value":
    return call.core_ai.tile(call["x"], np.asarray(call.ints("reps"), np.uint32))


@writes("reverse")
def _reverse(call: CoreAICall) -> "Value":
    rank = len(call.shape())
    axes = [axis % rank for axis in call.ints("axes", range(rank))]
    return call.core_ai.reverse(call["x"], np.asarray(axes, np.int32))


@writes("pixel_shuffle")
def _pixel_shuffle(call: CoreAICall) -> "Value":
    batch, channels, height, width = call.shape()
    factor = call.integer("upscale_factor")
    split = call.reshaped(call["x"], [batch, channels // factor**2, factor, factor, height, width])
    return _shuffled(call, split, [0, 1, 4, 2, 5, 3])


@writes("depth_to_space")
def _depth_to_space(call: CoreAICall) -> "Value":
    batch, channels, height, width = call.shape()
    factor = call.integer("block_size")
    split = call.reshaped(call["x"], [batch, factor, factor, channels // factor**2, height, width])
    return _shuffled(call, split, [0, 3, 4, 1, 5, 2])


@writes("space_to_depth")
def _space_to_depth(call: CoreAICall) -> "Value":
    batch, channels, height, width = call.shape()
    factor = call.integer("block_size")
    split = [batch, channels, height // factor, factor, width // factor, factor]
    return _shuffled(call, call.reshaped(call["x"], split), [0, 3, 5, 1, 2, 4])


def _shuffled(call: CoreAICall, split: "Value", order: "Sequence[int]") -> "Value":
    moved = call.core_ai.transpose(split, np.asarray(order, np.uint32))
    return call.reshaped(moved, call.output_shape())


@writes("gather")
def _gather(call: CoreAICall) -> "Value":
    """With the axis moved to the front, whose entries Core AI gathers."""
    if call.integer("batch_dims", 0):
        raise call.unsupported("batch_dims")
    ai, rank, count = call.core_ai, len(call.shape()), len(call.shape("indices"))
    axis = call.integer("axis", 0) % rank
    order = [axis, *(other for other in range(rank) if other != axis)]
    indices = ai.cast(call["indices"], np.int32)
    indices = call.reshaped(indices, [*call.shape("indices"), 1])
    parts = ai.gather_nd(ai.transpose(call["x"], np.asarray(order, np.uint32)), indices)
    before = range(count, count + axis)
    back = [*before, *range(count), *range(count + axis, count + rank - 1)]
    return ai.transpose(parts, np.asarray(back, np.uint32))
