"""What moves elements without computing: shapes, orders, parts and joins."""

import numpy as np

from export.mil.ops.operation import Call, lowers

PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}


@lowers("reshape", "flatten2d")
def reshape(call: Call) -> str:
    """To the shape that MIL inferred: its 0 and -1 differ between opsets."""
    return call.emit("Reshape", call["x"], _int64(call, call.op.outputs[0].shape))


@lowers("squeeze")
def squeeze(call: Call) -> str:
    axes = _int64(call, call.ints("axes")) if call.op.inputs.get("axes") else None
    return call.emit("Squeeze", call["x"], axes)


@lowers("expand_dims")
def expand_dims(call: Call) -> str:
    return call.emit("Unsqueeze", call["x"], _int64(call, call.ints("axes")))


@lowers("transpose")
def transpose(call: Call) -> str:
    rank = len(call.shape())
    return call.emit("Transpose", call["x"], perm=[axis % rank for axis in call.ints("perm")])


@lowers("concat")
def concat(call: Call) -> str:
    """End to end along `axis`; interleaved, in turns: a0 b0 a1 b1 (ShuffleNet's shuffle)."""
    axis = call.integer("axis")
    if not call.flag("interleave", False):
        return call.emit("Concat", *call.many("values"), axis=axis)
    inner = axis % len(call.op.outputs[0].shape) + 1
    return call.emit("Reshape", _stacked(call, inner), _int64(call, call.op.outputs[0].shape))


@lowers("stack")
def stack(call: Call) -> str:
    return _stacked(call, call.integer("axis"))


def _stacked(call: Call, axis: int) -> str:
    """Joined along a new axis."""
    at = _int64(call, [axis])
    values = [call.emit("Unsqueeze", value, at) for value in call.many("values")]
    return call.emit("Concat", *values, axis=axis)


@lowers("split")
def split(call: Call) -> tuple[str, ...]:
    axis = call.integer("axis")
    sizes = [output.shape[axis] for output in call.op.outputs]
    return call.emit_many("Split", len(sizes), call["x"], _int64(call, sizes), axis=axis)


@lowers("slice_by_index")
def slice_by_index(call: Call) -> str:
    """x[begin:end:stride]; masks stand for numpy's omitted bounds and single indices."""
    rank = len(call.shape())
    begin, end = call.ints("begin"), call.ints("end")
    stride = call.ints("stride", [1] * rank)
    squeezed = call.ints("squeeze_mask", [0] * rank)
    far = np.iinfo(np.int64)
    for i in range(rank):
        if squeezed[i]:
            end[i] = begin[i] + 1 if begin[i] != -1 else far.max
            continue
        if call.ints("begin_mask", [0] * rank)[i]:
            begin[i] = 0 if stride[i] > 0 else far.max
        if call.ints("end_mask", [0] * rank)[i]:
            end[i] = far.max if stride[i] > 0 else far.min
    bounds = (_int64(call, values) for values in (begin, end, range(rank), stride))
    part = call.emit("Slice", call["x"], *bounds)
    if not any(squeezed):
        return part
    return call.emit("Squeeze", part, _int64(call, np.flatnonzero(squeezed)))


@lowers("slice_by_size")
def slice_by_size(call: Call) -> str:
    """`size` elements from `begin` on; -1 takes all that follow."""
    begin, size, whole = call.ints("begin"), call.ints("size"), call.shape()
    end = [n if s == -1 else b + s for b, s, n in zip(begin, size, whole, strict=True)]
    return call.emit("Slice", call["x"], _int64(call, begin), _int64(call, end))


@lowers("pad")
def pad(call: Call) -> str:
    """Pairs of before and after for the last dimensions."""
    pairs = np.array(call.ints("pad")).reshape(-1, 2)
    leading = np.zeros((len(call.shape()) - len(pairs), 2), int)
    amounts = np.concatenate([leading, pairs]).T.reshape(-1)
    mode = PAD_MODES[call.text("mode", "constant")]
    value = call.constant(call.number("constant_val", 0.0)) if mode == "constant" else None
    return call.emit("Pad", call["x"], _int64(call, amounts), value, mode=mode)


@lowers("tile")
def tile(call: Call) -> str:
    return call.emit("Tile", call["x"], _int64(call, call.ints("reps")))


@lowers("reverse")
def reverse(call: Call) -> str:
    axes = call.ints("axes", range(len(call.shape())))
    first, last, step = ([value] * len(axes) for value in (-1, np.iinfo(np.int64).min, -1))
    bounds = (_int64(call, values) for values in (first, last, axes, step))
    return call.emit("Slice", call["x"], *bounds)


@lowers("gather")
def gather(call: Call) -> str:
    if call.integer("batch_dims", 0):
        raise call.unsupported("batch_dims")
    return call.emit("Gather", call["x"], call["indices"], axis=call.integer("axis", 0))


@lowers("pixel_shuffle")
def pixel_shuffle(call: Call) -> str:
    """Channels to space, the channel slowest: torch's pixel_shuffle."""
    factor = call.integer("upscale_factor")
    return call.emit("DepthToSpace", call["x"], blocksize=factor, mode="CRD")


@lowers("depth_to_space")
def depth_to_space(call: Call) -> str:
    return call.emit("DepthToSpace", call["x"], blocksize=call.integer("block_size"), mode="DCR")


@lowers("space_to_depth")
def space_to_depth(call: Call) -> str:
    return call.emit("SpaceToDepth", call["x"], blocksize=call.integer("block_size"))


@lowers("classify")
def classify(call: Call) -> tuple[str, ...]:
    """The probabilities in the order of the labels. Naming them is left to the runtime."""
    flat = call.emit("Reshape", call["probabilities"], _int64(call, [-1]))
    return flat, flat


def _int64(call: Call, values: object) -> str:
    return call.constant(list(values), np.int64)  # type: ignore[call-overload]
