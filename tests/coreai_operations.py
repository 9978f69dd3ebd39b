"""Operations of Core AI one by one: each a function of its inputs."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from coreai_networks import axes, sizes

RNG = np.random.default_rng(14)
PLANES = (1, 4, 6, 7)  # of x, where nothing else is said
KERNEL = RNG.standard_normal((8, 4, 3, 3), np.float32)
DEPTHWISE = RNG.standard_normal((4, 1, 3, 3), np.float32)
MATRIX = RNG.standard_normal((7, 5), np.float32)
QUANTIZED = RNG.integers(-128, 128, (8, 4, 3, 3), np.int8)
BLOCKS = RNG.integers(-128, 128, PLANES, np.int8)
BIAS = RNG.standard_normal((1, 8, 1, 1), np.float32)
ONES = sizes(1, 1)


class Case(NamedTuple):
    """What is computed of arrays of these shapes, float32."""

    compute: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...] = (PLANES,)


def cases() -> Mapping[str, Case]:
    """By name: every kind that is translated, in its forms."""
    import coreai.authoring as ca
    from coreai.authoring.constant import constant

    def positive(x: Any) -> Any:
        return ca.broadcasting_add(ca.abs_(x), np.float32(0.5))

    def bounded(x: Any) -> Any:
        return ca.broadcasting_mul(ca.tanh(x), np.float32(0.9))

    def conv(x: Any, kernel: Any, stride: int = 1, dilation: int = 1, groups: int = 1) -> Any:
        return ca.conv2d(
            x, kernel, sizes(stride, stride), sizes(dilation, dilation), np.uint32(groups)
        )

    def decompressed(data: Any, scale: Any) -> Any:
        scale = np.broadcast_to(scale, np.shape(scale) or (8, 1, 1, 1)).astype(np.float32)
        offset = np.full(scale.shape, 3, np.int8)
        bias = np.full(scale.shape, 0.5, np.float32)
        return ca.blockwise_shift_scale(data, scale, offset, bias)

    def padded(x: Any, *pads: int, value: float = 0) -> Any:
        return ca.pad(x, sizes(0, 0, 0, 0, *pads), np.float32(value))

    def number(condition: Any) -> Any:
        return ca.cast(condition, ca.float32)

    def pooled_max(x: Any, ceil: bool) -> Any:
        shape = (1, 4, 3, 4) if ceil else (1, 4, 3, 3)
        kind = ca.TensorSpec(shape, np.float32)
        return ca.maxpool2d(kind, x, sizes(2, 2), sizes(2, 2), ONES, np.bool_(ceil))

    def leaves_the_pad(x: Any) -> Any:  # taken twice: it stays an operation
        wide = padded(x, 1, 1, 1, 1)
        return ca.broadcasting_add(
            conv(wide, DEPTHWISE, groups=4), ca.reduce_max(wide, axes(2, 3))
        )

    def shared_bias(x: Any) -> Any:  # the convolution is taken twice: the addition stays
        y = conv(x, KERNEL)
        return ca.broadcasting_mul(y, ca.broadcasting_add(y, BIAS))

    two = (PLANES, PLANES)
    broadcast = (PLANES, (4, 1, 7))
    unary = {
        kind: Case(getattr(ca, kind))
        for kind in ("abs_", "atan", "cos", "cosh", "erf", "exp", "relu", "round_", "sigmoid",
                     "silu", "sin", "sinh", "tan", "tanh")
    }  # fmt: skip
    binary = {
        kind: Case(getattr(ca, f"broadcasting_{kind}"), broadcast)
        for kind in ("add", "divide", "maximum", "minimum", "mul", "sub")
    }
    compared = {
        kind: Case(lambda x, y, kind=kind: number(
            getattr(ca, f"broadcasting_{kind}")(ca.round_(x), ca.round_(y))), two)
        for kind in ("equal", "greater", "not_equal")
    }  # fmt: skip
    reduced = {
        kind: Case(lambda x, kind=kind: getattr(ca, kind)(x, axes(1, 3)))
        for kind in ("reduce_max", "reduce_mean", "reduce_min", "reduce_product", "reduce_sum")
    }
    return {
        **unary, **binary, **compared, **reduced,
        "acos": Case(lambda x: ca.acos(bounded(x))),
        "asin": Case(lambda x: ca.asin(bounded(x))),
        "atanh": Case(lambda x: ca.atanh(bounded(x))),
        "log": Case(lambda x: ca.log(positive(x))),
        "sqrt": Case(lambda x: ca.sqrt(positive(x))),
        "rsqrt": Case(lambda x: ca.rsqrt(positive(x))),
        "pow": Case(lambda x, y: ca.broadcasting_pow(positive(x), y), broadcast),
        "floor_divide": Case(
            lambda x, y: ca.broadcasting_floor_divide(x, positive(y)), broadcast),
        "logic": Case(lambda x, y: number(ca.broadcasting_or(
            ca.not_(ca.broadcasting_greater(x, y)),
            ca.broadcasting_greater(x, np.float32(1)))), two),
        "where": Case(lambda x, y: ca.broadcasting_where(
            ca.broadcasting_greater(x, y), x, y), two),
        "gelu": Case(ca.gelu),
        "gelu_tanh": Case(lambda x: ca.gelu(x, approximate="tanh")),
        "softmax": Case(lambda x: ca.softmax(x, np.int32(1))),
        "relu6": Case(lambda x: ca.broadcasting_minimum(ca.relu(
            ca.broadcasting_mul(x, np.float32(9))), np.float32(6))),
        "clamp": Case(lambda x: ca.broadcasting_minimum(
            ca.broadcasting_maximum(x, np.float32(-1)), np.float32(0.5))),
        "conv": Case(lambda x: conv(x, KERNEL, stride=2, dilation=2)),
        "conv_padded": Case(lambda x: ca.broadcasting_add(
            conv(padded(x, 0, 1, 2, 3), KERNEL, stride=2), BIAS)),
        "conv_by_hand": Case(lambda x: ca.broadcasting_add(BIAS, conv(x, KERNEL))),
        "conv_padded_by_ones": Case(lambda x: conv(padded(x, 1, 1, 1, 1, value=1), KERNEL)),
        "conv_of_a_value": Case(conv, (PLANES, (2, 4, 3, 3))),
        "depthwise": Case(lambda x: conv(x, DEPTHWISE, groups=4)),
        "leaves_the_pad": Case(leaves_the_pad),
        "shared_bias": Case(shared_bias),
        "linear": Case(lambda x: ca.broadcasting_add(
            ca.broadcasting_batch_matmul(x, MATRIX), MATRIX[0]), ((1, 7),)),
        "linear_of_planes": Case(lambda x: ca.broadcasting_batch_matmul(x, MATRIX)),
        "compressed": Case(lambda x: ca.conv2d(
            x, decompressed(QUANTIZED, np.float32(0.25)), ONES, ONES, np.uint32(1))),
        "compressed_in_blocks": Case(lambda x: ca.broadcasting_mul(
            x, decompressed(BLOCKS, RNG.random((1, 2, 1, 7), np.float32)))),
        "matmul": Case(ca.broadcasting_batch_matmul, (PLANES, (1, 4, 7, 2))),
        "max_pool": Case(lambda x: pooled_max(x, ceil=False)),
        "max_pool_ceil": Case(lambda x: pooled_max(x, ceil=True)),
        "sum_pool": Case(lambda x: ca.sumpool2d(
            x, sizes(3, 2), sizes(1, 2), constant(ONES))),
        "interpolate": Case(lambda x: ca.interpolate(
            x, axes(1, 4, 12, 21), np.array((1, 1, 2, 3), np.float32),
            np.zeros(4, np.float32), interpolation_mode="linear")),
        "concat": Case(lambda x, y: ca.concat(np.int32(1), [x, y]), two),
        "reshape": Case(lambda x: ca.reshape(x, axes(2, -1))),
        "reverse": Case(lambda x: ca.reverse(x, axes(1, 3))),
        "slice": Case(lambda x: ca.slice_(
            x, axes(0, 1, -4, 0), axes(1, 4, -1, 100), axes(1, 2, 1, 3))),
        "split": Case(lambda x: ca.split(x, sizes(1, 3), np.int32(1))[1]),
        "tile": Case(lambda x: ca.tile(x, sizes(1, 2, 1, 3))),
        "transpose": Case(lambda x: ca.transpose(x, sizes(0, 2, 3, 1))),
    }  # fmt: skip
