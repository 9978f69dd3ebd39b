"""Pooling. Where the window runs over the edge, MIL's own output shape decides how far.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/pool.py`.
"""

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.ops.sliding_window import onnx_pads, output_sizes
from export.mil.program import Shape


def _pool_shape(call: Call) -> list[Shape]:
    batch, channels, *sizes = call.shape("x")
    return [(batch, channels, *output_sizes(call, sizes, call.ints("kernel_sizes")))]


@lowers("max_pool", shape=_pool_shape)
def max_pool(call: Lowering) -> str:
    """x tensor<[n, C, *D_in], T> -> tensor<[n, C, *D_out], T>."""
    kernel, strides, begins, ends, extra = _window(call)
    pads = begins + [end + more for end, more in zip(ends, extra, strict=True)]
    return call.emit("MaxPool", call["x"], kernel_shape=kernel, strides=strides, pads=pads)


@lowers("avg_pool", shape=_pool_shape)
def avg_pool(call: Lowering) -> str:
    """x tensor<[n, C, *D_in], T> -> tensor<[n, C, *D_out], T>: zeros of the padding count, unless
    excluded; what `ceil_mode` adds never does."""
    kernel, strides, begins, ends, extra = _window(call)
    x = call["x"]
    if not call.flag("exclude_padding_from_average", False) and any(begins + ends):
        if not any(extra):
            return call.emit(
                "AveragePool", x, kernel_shape=kernel, strides=strides, pads=begins + ends,
                count_include_pad=1,
            )  # fmt: skip
        x = call.emit("Pad", x, call.int64([0, 0, *begins, 0, 0, *ends]))
        begins = ends = [0] * len(kernel)
    pads = begins + [end + more for end, more in zip(ends, extra, strict=True)]
    return call.emit("AveragePool", x, kernel_shape=kernel, strides=strides, pads=pads)


@lowers("l2_pool", shape=_pool_shape)
def l2_pool(call: Lowering) -> str:
    """x tensor<[n, C, *D_in], T> -> tensor<[n, C, *D_out], T>: root of the sum of squares."""
    kernel, strides, begins, ends, extra = _window(call)
    pads = begins + [end + more for end, more in zip(ends, extra, strict=True)]
    return call.emit("LpPool", call["x"], kernel_shape=kernel, strides=strides, pads=pads, p=2)


def _window(call: Lowering) -> tuple[list[int], list[int], list[int], list[int], list[int]]:
    """Kernel, strides, pads before and after, and what the last window reaches beyond these."""
    kernel = call.ints("kernel_sizes")
    rank = len(kernel)
    strides = call.ints("strides", [1] * rank)
    sizes, places = call.shape()[2:], call.output_shape()[2:]
    pads = onnx_pads(call, sizes, kernel)
    begins, ends = pads[:rank], pads[rank:]
    extra = [
        max(0, (places[i] - 1) * strides[i] + kernel[i] - sizes[i] - begins[i] - ends[i])
        for i in range(rank)
    ]
    return kernel, strides, begins, ends, extra
