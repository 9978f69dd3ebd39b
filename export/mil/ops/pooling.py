"""Pooling. Where the window runs over the edge, MIL's own output shape decides how far."""

import numpy as np

from export.mil.ops.convolution import padding
from export.mil.ops.operation import Call, lowers


@lowers("max_pool")
def max_pool(call: Call) -> str:
    kernel, strides, begins, ends, extra = _window(call)
    pads = begins + [end + more for end, more in zip(ends, extra, strict=True)]
    return call.emit("MaxPool", call["x"], kernel_shape=kernel, strides=strides, pads=pads)


@lowers("avg_pool")
def avg_pool(call: Call) -> str:
    """Zeros of the padding count, unless excluded; what `ceil_mode` adds never does."""
    kernel, strides, begins, ends, extra = _window(call)
    x = call["x"]
    if not call.flag("exclude_padding_from_average", False) and any(begins + ends):
        if not any(extra):
            return call.emit(
                "AveragePool", x, kernel_shape=kernel, strides=strides, pads=begins + ends,
                count_include_pad=1,
            )  # fmt: skip
        x = call.emit("Pad", x, call.constant([0, 0, *begins, 0, 0, *ends], np.int64))
        begins = ends = [0] * len(kernel)
    pads = begins + [end + more for end, more in zip(ends, extra, strict=True)]
    return call.emit("AveragePool", x, kernel_shape=kernel, strides=strides, pads=pads)


@lowers("l2_pool")
def l2_pool(call: Call) -> str:
    kernel, strides, begins, ends, extra = _window(call)
    pads = begins + [end + more for end, more in zip(ends, extra, strict=True)]
    return call.emit("LpPool", call["x"], kernel_shape=kernel, strides=strides, pads=pads, p=2)


def _window(call: Call) -> tuple[list[int], list[int], list[int], list[int], list[int]]:
    """Kernel, strides, pads before and after, and what the last window reaches beyond these."""
    kernel = call.ints("kernel_sizes")
    rank = len(kernel)
    strides = call.ints("strides", [1] * rank)
    size, out = call.shape()[2:], call.op.outputs[0].shape[2:]
    pads = padding(call, size, kernel, strides, [1] * rank)
    begins, ends = pads[:rank], pads[rank:]
    extra = [
        max(0, (out[i] - 1) * strides[i] + kernel[i] - size[i] - begins[i] - ends[i])
        for i in range(rank)
    ]
    return kernel, strides, begins, ends, extra
