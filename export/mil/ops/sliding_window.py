"""How a kernel slides over the last axes: of convolutions and pooling alike."""

from collections.abc import Sequence

from export.mil.ops.call import Call


def pad_type(call: Call) -> str:
    """ "valid", "custom", "same" or "same_lower"."""
    kind = call.text("pad_type", "valid").lower()
    if kind not in ("valid", "custom", "same", "same_lower"):
        raise call.unsupported(f"pad_type {kind!r}")
    return kind


def steps(call: Call, rank: int) -> tuple[list[int], list[int]]:
    """Strides and dilations along `rank` axes."""
    return call.ints("strides", [1] * rank), call.ints("dilations", [1] * rank)


def declared_pads(call: Call, rank: int) -> list[int]:
    """MIL's `pad`, before and after each axis in turn; zeros unless `pad_type` is custom."""
    none = [0] * 2 * rank
    return call.ints("pad", none) if pad_type(call) == "custom" else none


def onnx_pads(call: Call, sizes: Sequence[int], kernel: Sequence[int]) -> list[int]:
    """ONNX's pads, all begins before all ends; `sizes` are asked for by "same" alone.

    "same" is TensorFlow's: the output has ceil(size / stride) elements, and of an odd total the
    larger half comes after (for "same_lower": before).
    """
    kind = pad_type(call)
    if not kind.startswith("same"):
        pads = declared_pads(call, len(kernel))
        return pads[0::2] + pads[1::2]
    strides, dilations = steps(call, len(kernel))
    totals = [
        max(0, (-(-size // stride) - 1) * stride + (width - 1) * dilation + 1 - size)
        for size, width, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True)
    ]
    smaller = [total // 2 for total in totals]
    larger = [total - half for total, half in zip(totals, smaller, strict=True)]
    return smaller + larger if kind == "same" else larger + smaller


def output_sizes(call: Call, sizes: Sequence[int], kernel: Sequence[int]) -> list[int]:
    """Places the window takes along each axis: coremltools' `spatial_dimensions_out_shape`."""
    strides, dilations = steps(call, len(sizes))
    if pad_type(call).startswith("same"):
        return [-(-size // stride) for size, stride in zip(sizes, strides, strict=True)]
    pads = declared_pads(call, len(sizes))
    ceil_mode = call.flag("ceil_mode", False)
    places = []
    for axis, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        before, total = pads[2 * axis], pads[2 * axis] + pads[2 * axis + 1]
        free = size + total - (kernel[axis] - 1) * dilations[axis] - 1
        count = (free + (stride - 1 if ceil_mode else 0)) // stride + 1
        if ceil_mode and total and (count - 1) * stride >= size + before:
            count -= 1  # the last window would begin in the padding behind
        places.append(count)
    return places
