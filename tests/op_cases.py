"""Every operation whose shape is known: how to write it with coremltools' Builder, what to put
in, and an answer that comes from numpy or PyTorch instead.

Inputs straddle what the operation decides at: zero, both limits of a clip, half-way values.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

Array = np.ndarray


@dataclass(frozen=True)
class OpCase:
    kind: str  # the operation, a key of OPERATIONS
    build: Callable[..., Any]  # (mb, *inputs) -> the operation's output, or several
    inputs: tuple[Array, ...]
    oracle: Callable[..., Any]  # (*inputs as torch tensors) -> what is expected
    note: str = ""
    opset: str = "iOS17"

    @property
    def id(self) -> str:
        return f"{self.kind} {self.note}".strip()


CASES: list[OpCase] = []


def case(kind: str, build, oracle, *inputs: Array, note: str = "", opset: str = "iOS17") -> None:
    CASES.append(OpCase(kind, build, inputs or (STRADDLING,), oracle, note, opset))


def ramp(*shape: int, low: float = -2.0, high: float = 2.0) -> Array:
    """Distinct values in an order without pattern, the same in every run."""
    values = np.linspace(low, high, int(np.prod(shape)), dtype=np.float32)
    return np.random.default_rng(len(shape)).permutation(values).reshape(shape)


STRADDLING = np.array(
    [[-9.0, -3.0, -2.5, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 2.5, 3.0, 5.9, 6.0, 6.1, 9.0]],
    np.float32,
).reshape(1, 2, 2, 4)
POSITIVE = ramp(2, 5, low=0.05, high=4.0)
UNIT = ramp(2, 5, low=-0.9, high=0.9)


def unary(kind: str, oracle, x: Array = STRADDLING) -> None:
    case(kind, lambda mb, x: getattr(mb, kind)(x=x), oracle, x)


for kind, oracle in {
    "relu": F.relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "abs": torch.abs,
    "ceil": torch.ceil,
    "floor": torch.floor,
    "cos": torch.cos,
    "sin": torch.sin,
    "atan": torch.atan,
    "erf": torch.erf,
    "exp": torch.exp,
    "exp2": torch.exp2,
    "identity": lambda x: x,
    "round": torch.round,
    "sign": torch.sign,
    "square": torch.square,
}.items():
    unary(kind, oracle)
for kind, oracle in {
    "acos": torch.acos,
    "asin": torch.asin,
    "atanh": torch.atanh,
    "cosh": torch.cosh,
    "sinh": torch.sinh,
    "tan": torch.tan,
}.items():
    unary(kind, oracle, UNIT)
unary("sqrt", torch.sqrt, POSITIVE)
case("rsqrt", lambda mb, x: mb.rsqrt(x=x), torch.rsqrt, POSITIVE)
case(
    "rsqrt",
    lambda mb, x: mb.rsqrt(x=x, epsilon=0.5),
    lambda x: torch.rsqrt(x + 0.5),
    POSITIVE,
    note="epsilon",
)
case("log", lambda mb, x: mb.log(x=x), torch.log, POSITIVE)
case(
    "log",
    lambda mb, x: mb.log(x=x, epsilon=0.5),
    lambda x: torch.log(x + 0.5),
    POSITIVE,
    note="epsilon",
)
case("inverse", lambda mb, x: mb.inverse(x=x, epsilon=0.5), lambda x: 1 / (x + 0.5), POSITIVE)
case("threshold", lambda mb, x: mb.threshold(x=x, alpha=0.5), lambda x: x.clamp(min=0.5))
case("clip", lambda mb, x: mb.clip(x=x, alpha=-1.0, beta=6.0), lambda x: x.clamp(-1, 6))
case("leaky_relu", lambda mb, x: mb.leaky_relu(x=x, alpha=0.3), lambda x: F.leaky_relu(x, 0.3))
case("elu", lambda mb, x: mb.elu(x=x, alpha=0.7), lambda x: F.elu(x, 0.7))
case(
    "sigmoid_hard",
    lambda mb, x: mb.sigmoid_hard(x=x, alpha=1 / 6, beta=0.5),
    F.hardsigmoid,
)
case(
    "thresholded_relu",
    lambda mb, x: mb.thresholded_relu(x=x, alpha=0.5),
    lambda x: torch.where(x >= 0.5, x, 0),
)
case(
    "clamped_relu",
    lambda mb, x: mb.clamped_relu(x=x, alpha=0.3, beta=2.0),
    lambda x: torch.where(x >= 0, x.clamp(max=2), (0.3 * x).clamp(max=2)),
)
case(
    "linear_activation",
    lambda mb, x: mb.linear_activation(x=x, alpha=0.3, beta=2.0),
    lambda x: 0.3 * x + 2,
)
case(
    "scaled_tanh",
    lambda mb, x: mb.scaled_tanh(x=x, alpha=0.3, beta=2.0),
    lambda x: 0.3 * torch.tanh(2 * x),
)
ALPHA, BETA = np.array([0.1, 0.4], np.float32), np.array([1.5, 0.5], np.float32)
case("prelu", lambda mb, x: mb.prelu(x=x, alpha=ALPHA), lambda x: F.prelu(x, torch.tensor(ALPHA)))
case(
    "softplus_parametric",
    lambda mb, x: mb.softplus_parametric(x=x, alpha=ALPHA, beta=BETA),
    lambda x: (
        torch.tensor(ALPHA).view(1, 2, 1, 1) * F.softplus(x * torch.tensor(BETA).view(1, 2, 1, 1))
    ),
)
for mode, oracle in {
    "EXACT": F.gelu,
    "TANH_APPROXIMATION": lambda x: F.gelu(x, approximate="tanh"),
    "SIGMOID_APPROXIMATION": lambda x: x * torch.sigmoid(1.702 * x),
}.items():
    case("gelu", lambda mb, x, mode=mode: mb.gelu(x=x, mode=mode), oracle, note=mode)
for axis in (-1, 1):
    case(
        "softmax",
        lambda mb, x, axis=axis: mb.softmax(x=x, axis=axis),
        lambda x, axis=axis: x.softmax(axis),
        note=f"axis {axis}",
    )


def binary(kind: str, oracle, x: Array, y: Array, note: str = "") -> None:
    case(kind, lambda mb, x, y: getattr(mb, kind)(x=x, y=y), oracle, x, y, note=note)


LEFT, RIGHT = ramp(2, 3, 4), ramp(3, 1, low=-1.5, high=1.7)
INTS = np.array([[-7, -2, 0], [3, 5, 8]], np.int32)
DIVISORS = np.array([[2, -3, 4], [-2, 3, 5]], np.int32)
BOOLS = np.array([[True, True], [False, False]])
for kind, oracle in {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "real_div": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "floor_div": torch.floor_divide,
    "mod": torch.remainder,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "less": torch.lt,
    "less_equal": torch.le,
    "equal": torch.eq,
    "not_equal": torch.ne,
}.items():
    binary(kind, oracle, LEFT, RIGHT)
    if kind != "real_div":
        binary(kind, oracle, INTS, DIVISORS, "integers")
binary("pow", torch.pow, POSITIVE, ramp(5))
case("add", lambda mb, x: mb.add(x=x, y=np.float32(2.5)), lambda x: x + 2.5, note="constant")
for kind, oracle in {
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_xor": torch.logical_xor,
}.items():
    binary(kind, oracle, BOOLS, BOOLS.T.copy())
unary("logical_not", torch.logical_not, BOOLS)
case(
    "select",
    lambda mb, c, a, b: mb.select(cond=c, a=a, b=b),
    torch.where,
    BOOLS,
    ramp(2, 2),
    ramp(2, 2, low=5, high=9),
)
for dtype, wanted in {"int32": torch.int32, "bool": torch.bool, "fp32": torch.float32}.items():
    case(
        "cast",
        lambda mb, x, dtype=dtype: mb.cast(x=x, dtype=dtype),
        lambda x, wanted=wanted: x.to(wanted),
        note=f"to {dtype}",
    )
case(
    "cast", lambda mb, x: mb.cast(x=x, dtype="fp32"), lambda x: x.float(), INTS, note="from int32"
)
case(
    "fill_like",
    lambda mb, x: mb.fill_like(ref_tensor=x, value=2.5),
    lambda x: torch.full_like(x, 2.5),
)


def same(x: torch.Tensor, kernel: int, stride: int, lower: bool = False) -> torch.Tensor:
    """TensorFlow's SAME, written out."""
    pads = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total - total // 2, total // 2] if lower else [total // 2, total - total // 2]
    return F.pad(x, pads)


KERNEL, BIAS = ramp(6, 4, 3, 3), ramp(6)
THIN = ramp(4, 1, 3, 3)
for size in (7, 8):
    X = ramp(1, 4, size, size)
    for stride in (1, 2):
        for pad_type in ("same", "same_lower"):
            case(
                "conv",
                lambda mb, x, s=stride, p=pad_type: mb.conv(
                    x=x, weight=KERNEL, bias=BIAS, strides=[s, s], pad_type=p
                ),
                lambda x, s=stride, p=pad_type: F.conv2d(
                    same(x, 3, s, p == "same_lower"), torch.tensor(KERNEL), torch.tensor(BIAS), s
                ),
                X,
                note=f"{pad_type} stride {stride} on {size}",
            )
        case(
            "conv",
            lambda mb, x, s=stride: mb.conv(
                x=x, weight=THIN, groups=4, strides=[s, s], pad_type="custom", pad=[0, 1, 2, 1]
            ),
            lambda x, s=stride: F.conv2d(
                F.pad(x, (2, 1, 0, 1)), torch.tensor(THIN), None, s, groups=4
            ),
            X,
            note=f"depthwise, unequal pads, stride {stride} on {size}",
        )
        case(
            "max_pool",
            lambda mb, x, s=stride: mb.max_pool(
                x=x, kernel_sizes=[3, 3], strides=[s, s], pad_type="same"
            ),
            lambda x, s=stride: F.max_pool2d(
                F.pad(x, _same_pads(x, 3, s), value=-torch.inf), 3, s
            ),
            X,
            note=f"same stride {stride} on {size}",
        )
        for ceil in (False, True):
            for include in (True, False):
                case(
                    "avg_pool",
                    lambda mb, x, s=stride, c=ceil, i=include: mb.avg_pool(
                        x=x,
                        kernel_sizes=[3, 3],
                        strides=[s, s],
                        pad_type="custom",
                        pad=[1, 1, 1, 1],
                        ceil_mode=c,
                        exclude_padding_from_average=not i,
                    ),
                    lambda x, s=stride, c=ceil, i=include: F.avg_pool2d(x, 3, s, 1, c, i),
                    X,
                    note=f"ceil {ceil}, padding counts {include}, stride {stride} on {size}",
                )
            case(
                "max_pool",
                lambda mb, x, s=stride, c=ceil: mb.max_pool(
                    x=x,
                    kernel_sizes=[2, 2],
                    strides=[s, s],
                    pad_type="custom",
                    pad=[1, 1, 1, 1],
                    ceil_mode=c,
                ),
                lambda x, s=stride, c=ceil: F.max_pool2d(x, 2, s, 1, 1, c),
                X,
                note=f"ceil {ceil}, stride {stride} on {size}",
            )


def _same_pads(x: torch.Tensor, kernel: int, stride: int) -> list[int]:
    padded = same(torch.ones_like(x), kernel, stride)
    total = padded.shape[-1] - x.shape[-1]
    return [total // 2, total - total // 2] * 2


case(
    "conv",
    lambda mb, x: mb.conv(x=x, weight=KERNEL, dilations=[2, 2], pad_type="same", strides=[2, 1]),
    lambda x: F.conv2d(F.pad(x, (2, 2, 1, 2)), torch.tensor(KERNEL), None, (2, 1), dilation=2),
    ramp(1, 4, 8, 8),
    note="dilated, strides unequal",
)
case(
    "conv",
    lambda mb, x: mb.conv(x=x, weight=KERNEL[..., 0], pad_type="valid"),
    lambda x: F.conv1d(x, torch.tensor(KERNEL[..., 0])),
    ramp(2, 4, 8),
    note="one dimension",
)
case(
    "avg_pool",
    lambda mb, x: mb.avg_pool(x=x, kernel_sizes=[4, 2], pad_type="valid"),
    lambda x: F.avg_pool2d(x, (4, 2), 1),
    ramp(1, 2, 4, 6),
    note="valid",
)
case(
    "l2_pool",
    lambda mb, x: mb.l2_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid"),
    lambda x: F.avg_pool2d(x * x, 2).mul(4).sqrt(),
    ramp(1, 2, 4, 6),
)
TRANSPOSED = ramp(4, 3, 3, 3)


case(
    "conv_transpose",
    lambda mb, x: mb.conv_transpose(
        x=x, weight=TRANSPOSED, strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1]
    ),
    lambda x: F.conv_transpose2d(x, torch.tensor(TRANSPOSED), None, 2, 1),
    ramp(1, 4, 5, 5),
)
case(
    "conv_transpose",
    lambda mb, x: mb.conv_transpose(
        x=x,
        weight=TRANSPOSED,
        strides=[2, 2],
        pad_type="custom",
        pad=[1, 1, 1, 1],
        output_shape=[1, 3, 10, 10],
    ),
    lambda x: F.conv_transpose2d(x, torch.tensor(TRANSPOSED), None, 2, 1, 1),
    ramp(1, 4, 5, 5),
    note="output shape",
)
WEIGHT = ramp(3, 5)
for shape in ((2, 5), (2, 4, 5)):
    case(
        "linear",
        lambda mb, x: mb.linear(x=x, weight=WEIGHT, bias=BIAS[:3]),
        lambda x: F.linear(x, torch.tensor(WEIGHT), torch.tensor(BIAS[:3])),
        ramp(*shape),
        note=f"rank {len(shape)}",
    )
for kind in ("linear", "matmul"):
    case(
        kind,
        lambda mb, x, k=kind: (
            mb.linear(x=x, weight=INTS) if k == "linear" else mb.matmul(x=x, y=INTS.T.copy())
        ),
        lambda x: x @ torch.tensor(INTS).T,
        DIVISORS,
        note="integers",
    )
case("matmul", lambda mb, x, y: mb.matmul(x=x, y=y), torch.matmul, ramp(2, 3, 4), ramp(4, 5))
case(
    "matmul",
    lambda mb, x, y: mb.matmul(x=x, y=y, transpose_x=True, transpose_y=True),
    lambda x, y: x.mT @ y.mT,
    ramp(2, 4, 3),
    ramp(2, 5, 4),
    note="transposed",
)
case(
    "einsum",
    lambda mb, x, y: mb.einsum(values=(x, y), equation="abcd,adce->abce"),
    lambda x, y: torch.einsum("abcd,adce->abce", x, y),
    ramp(1, 2, 3, 4),
    ramp(1, 4, 3, 2),
)

MEAN, VARIANCE = ramp(4), ramp(4, low=0.5, high=2)
case(
    "batch_norm",
    lambda mb, x: mb.batch_norm(
        x=x, mean=MEAN, variance=VARIANCE, gamma=BIAS[:4], beta=BIAS[2:], epsilon=1e-3
    ),
    lambda x: F.batch_norm(x, *map(torch.tensor, (MEAN, VARIANCE, BIAS[:4], BIAS[2:])), eps=1e-3),
    ramp(2, 4, 3, 3),
)
case(
    "batch_norm",
    lambda mb, x: mb.batch_norm(x=x, mean=MEAN, variance=VARIANCE),
    lambda x: F.batch_norm(x, torch.tensor(MEAN), torch.tensor(VARIANCE)),
    ramp(2, 4, 3, 3),
    note="bare",
)
case(
    "instance_norm",
    lambda mb, x: mb.instance_norm(x=x, gamma=BIAS[:4], beta=BIAS[2:]),
    lambda x: F.instance_norm(x, None, None, torch.tensor(BIAS[:4]), torch.tensor(BIAS[2:])),
    ramp(2, 4, 3, 3),
)
case(
    "layer_norm",
    lambda mb, x: mb.layer_norm(x=x, axes=[-1], gamma=BIAS[:4], beta=BIAS[2:], epsilon=1e-3),
    lambda x: F.layer_norm(x, (4,), torch.tensor(BIAS[:4]), torch.tensor(BIAS[2:]), 1e-3),
    ramp(2, 3, 4),
)
case(
    "layer_norm",
    lambda mb, x: mb.layer_norm(x=x, axes=[1], gamma=BIAS[:4], beta=BIAS[2:]),
    lambda x: F.layer_norm(
        x.permute(0, 2, 3, 1), (4,), torch.tensor(BIAS[:4]), torch.tensor(BIAS[2:])
    ).permute(0, 3, 1, 2),
    ramp(2, 4, 3, 2),
    note="over channels",
)
case(
    "l2_norm",
    lambda mb, x: mb.l2_norm(x=x, epsilon=1e-6),
    lambda x: x / (x.square().sum((1, 2, 3), True) + 1e-6).sqrt(),
    ramp(2, 4, 3, 2),
)
for size, shape in itertools.product((2, 3, 4, 9), ((1, 5, 2, 2), (2, 5, 3), (1, 5, 2, 1, 2))):
    case(
        "local_response_norm",
        lambda mb, x, n=size: mb.local_response_norm(x=x, size=n, alpha=0.3, beta=0.6, k=2.0),
        lambda x, n=size: F.local_response_norm(x, n, 0.3, 0.6, 2.0),
        ramp(*shape),
        note=f"{size}, rank {len(shape)}",
    )

for kind, oracle in {
    "reduce_mean": lambda x, d, k: x.mean(d, k),
    "reduce_sum": lambda x, d, k: x.sum(d, k),
    "reduce_max": lambda x, d, k: x.amax(d, k),
    "reduce_min": lambda x, d, k: x.amin(d, k),
    "reduce_l1_norm": lambda x, d, k: x.abs().sum(d, k),
    "reduce_l2_norm": lambda x, d, k: x.square().sum(d, k).sqrt(),
    "reduce_sum_square": lambda x, d, k: x.square().sum(d, k),
    "reduce_log_sum": lambda x, d, k: x.sum(d, k).log(),
    "reduce_log_sum_exp": lambda x, d, k: x.logsumexp(d, k),
    "reduce_prod": lambda x, d, k: x.flatten(2).prod(2).view(2, 3, *[1] * 2 * k),
}.items():
    for keep in (False, True):
        case(
            kind,
            lambda mb, x, kind=kind, k=keep: getattr(mb, kind)(x=x, axes=[2, 3], keep_dims=k),
            lambda x, f=oracle, k=keep: f(x, (2, 3), k),
            ramp(2, 3, 2, 3, low=0.1, high=1.5),
            note=f"keep {keep}",
        )
case(
    "reduce_mean",
    lambda mb, x: mb.reduce_mean(x=x, axes=[-1], keep_dims=False),
    lambda x: x.mean(-1),
    ramp(2, 3, 4),
    note="last axis",
)
for kind, oracle in {"reduce_argmax": torch.argmax, "reduce_argmin": torch.argmin}.items():
    case(
        kind,
        lambda mb, x, kind=kind: getattr(mb, kind)(x=x, axis=1, keep_dims=True),
        lambda x, f=oracle: f(x, 1, True).int(),
        ramp(2, 5, 3),
    )

BOX = ramp(2, 3, 4)
case("reshape", lambda mb, x: mb.reshape(x=x, shape=[4, -1]), lambda x: x.reshape(4, -1), BOX)
case(
    "reshape",
    lambda mb, x: mb.reshape(x=x, shape=[0, -1]),
    lambda x: x.reshape(3, 8),
    BOX,
    note="0 counts from the right",
)
case("flatten2d", lambda mb, x: mb.flatten2d(x=x, axis=2), lambda x: x.reshape(6, 4), BOX)
case("squeeze", lambda mb, x: mb.squeeze(x=x, axes=[1]), lambda x: x.squeeze(1), ramp(2, 1, 1, 3))
case("squeeze", lambda mb, x: mb.squeeze(x=x), torch.squeeze, ramp(2, 1, 1, 3), note="all")
case(
    "expand_dims",
    lambda mb, x: mb.expand_dims(x=x, axes=[0, -1]),
    lambda x: x[None, ..., None],
    BOX,
)
case(
    "transpose",
    lambda mb, x: mb.transpose(x=x, perm=[2, 0, -2]),
    lambda x: x.permute(2, 0, 1),
    BOX,
)
case(
    "concat",
    lambda mb, x, y: mb.concat(values=(x, y), axis=-2),
    lambda x, y: torch.cat((x, y), 1),
    BOX,
    ramp(2, 1, 4),
)
case(
    "concat",
    lambda mb, x, y: mb.concat(values=(x, y), axis=-2, interleave=True),
    lambda x, y: torch.stack((x, y), 2).reshape(2, 6, 4),
    BOX,
    BOX[::-1].copy(),
    note="interleaved",
)
case(
    "concat",
    lambda mb, x: mb.concat(
        values=[mb.squeeze(x=each) for each in mb.split(x=x, num_splits=3, axis=0)], axis=0
    ),
    lambda x: x,
    np.float32([3, 1, 2]),
    note="of numbers",
)
case(
    "stack",
    lambda mb, x, y: mb.stack(values=(x, y), axis=1),
    lambda x, y: torch.stack((x, y), 1),
    BOX,
    BOX[::-1].copy(),
)
case(
    "split",
    lambda mb, x: mb.split(x=x, split_sizes=[1, 3], axis=-1),
    lambda x: x.split([1, 3], -1),
    BOX,
)
case(
    "split",
    lambda mb, x: mb.split(x=x, num_splits=3, axis=1),
    lambda x: x.chunk(3, 1),
    BOX,
    note="equal",
)
case(
    "slice_by_index",
    lambda mb, x: mb.slice_by_index(x=x, begin=[0, 1, -3], end=[2, 3, -1]),
    lambda x: x[0:2, 1:3, -3:-1],
    BOX,
)
case(
    "slice_by_index",
    lambda mb, x: mb.slice_by_index(
        x=x,
        begin=[-1, 0, 3],
        end=[0, 0, 0],
        stride=[1, 2, 1],
        begin_mask=[False, True, False],
        end_mask=[False, True, True],
        squeeze_mask=[True, False, False],
    ),
    lambda x: x[-1, ::2, 3:],
    BOX,
    note="masks",
)
case(
    "slice_by_index",
    lambda mb, x: mb.slice_by_index(
        x=x,
        begin=[0, 0, 0],
        end=[0, 0, 0],
        stride=[1, 1, -2],
        begin_mask=[True] * 3,
        end_mask=[True] * 3,
    ),
    lambda x: x.flip(2)[..., ::2],
    BOX,
    note="backwards",
)
case(
    "slice_by_size",
    lambda mb, x: mb.slice_by_size(x=x, begin=[1, 0, 2], size=[1, 2, -1]),
    lambda x: x[1:2, 0:2, 2:],
    BOX,
)
case(
    "pad",
    lambda mb, x: mb.pad(x=x, pad=[0, 1, 2, 0], mode="constant", constant_val=7.0),
    lambda x: F.pad(x, (2, 0, 0, 1), value=7.0),
    BOX,
)
for mode in ("reflect", "replicate"):
    case(
        "pad",
        lambda mb, x, mode=mode: mb.pad(x=x, pad=[0, 1, 2, 0], mode=mode),
        lambda x, mode=mode: F.pad(x[None], (2, 0, 0, 1), mode)[0],
        BOX,
        note=mode,
    )
case("tile", lambda mb, x: mb.tile(x=x, reps=[2, 1, 3]), lambda x: x.tile(2, 1, 3), BOX)
case("reverse", lambda mb, x: mb.reverse(x=x, axes=[0, 2]), lambda x: x.flip(0, 2), BOX)
case("reverse", lambda mb, x: mb.reverse(x=x), lambda x: x.flip(0, 1, 2), BOX, note="all")
case(
    "gather",
    lambda mb, x: mb.gather(x=x, indices=np.int32([2, 0]), axis=1),
    lambda x: x[:, [2, 0]],
    BOX,
)
PLANES = ramp(1, 8, 2, 4)
case(
    "pixel_shuffle",
    lambda mb, x: mb.pixel_shuffle(x=x, upscale_factor=2),
    lambda x: F.pixel_shuffle(x, 2),
    PLANES,
)
case(
    "depth_to_space",
    lambda mb, x: mb.depth_to_space(x=x, block_size=2),
    lambda x: x.view(1, 2, 2, 2, 2, 4).permute(0, 3, 4, 1, 5, 2).reshape(1, 2, 4, 8),
    PLANES,
)
case(
    "space_to_depth",
    lambda mb, x: mb.space_to_depth(x=x, block_size=2),
    lambda x: x.view(1, 8, 1, 2, 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(1, 32, 1, 2),
    PLANES,
)

case(
    "upsample_nearest_neighbor",
    lambda mb, x: mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=3),
    lambda x: F.interpolate(x, scale_factor=(2, 3)),
    PLANES,
)
for size in ((3, 7), (1, 5), (5, 3), (4, 8)):
    case(
        "resize_nearest_neighbor",
        lambda mb, x, s=size: mb.resize_nearest_neighbor(
            x=x, target_size_height=s[0], target_size_width=s[1]
        ),
        lambda x, s=size: F.interpolate(x, s, mode="nearest-exact"),
        PLANES,
        note=f"{size}",
    )
for aligned in (True, False):
    case(
        "upsample_bilinear",
        lambda mb, x, a=aligned: mb.upsample_bilinear(
            x=x, scale_factor_height=2, scale_factor_width=3, align_corners=a
        ),
        lambda x, a=aligned: F.interpolate(
            x, scale_factor=(2, 3), mode="bilinear", align_corners=a
        ),
        PLANES,
        note=f"aligned {aligned}",
    )
    mode = "STRICT_ALIGN_CORNERS" if aligned else "UNALIGN_CORNERS"
    case(
        "resize_bilinear",
        lambda mb, x, m=mode: mb.resize_bilinear(
            x=x, target_size_height=3, target_size_width=7, sampling_mode=m
        ),
        lambda x, a=aligned: F.interpolate(x, (3, 7), mode="bilinear", align_corners=a),
        PLANES,
        note=mode,
    )
    case(
        "resize",
        lambda mb, x, m=mode: mb.resize(
            x=x,
            shape=[3, 7],
            resized_dims=np.uint32(2),
            interpolation_mode="LINEAR",
            sampling_mode=m,
        ),
        lambda x, a=aligned: F.interpolate(x, (3, 7), mode="bilinear", align_corners=a),
        PLANES,
        note=mode,
    )
case(
    "resize",
    lambda mb, x: mb.resize(
        x=x, shape=[0, 7], resized_dims=np.uint32(2), sampling_mode="UNALIGN_CORNERS"
    ),
    lambda x: F.interpolate(x, (2, 7), mode="bilinear"),
    PLANES,
    note="0 keeps the size",
)
case(
    "resize_bilinear",
    lambda mb, x: mb.resize_bilinear(x=x, target_size_height=2, target_size_width=5),
    lambda x: torch.tensor([[[[0.0, 0.4, 0.8, 1.0, 1.0]] * 2]]),
    np.array([[[[0.0, 1.0]]]], np.float32),
    note="DEFAULT, as documented",
)

SCALES, ZEROS = np.array([0.1, 0.25], np.float32), np.array([3, -5], np.int8)
case(
    "quantize",
    lambda mb, x: mb.quantize(input=x, scale=np.float32(0.05), output_dtype="int8"),
    lambda x: (x / 0.05).round().clamp(-128, 127).to(torch.int8),
)
case(
    "quantize",
    lambda mb, x: mb.quantize(
        input=x, scale=SCALES, zero_point=ZEROS, axis=1, output_dtype="int8"
    ),
    lambda x: (
        (
            (x / torch.tensor(SCALES).view(1, 2, 1, 1)).round()
            + torch.tensor(ZEROS).view(1, 2, 1, 1)
        )
        .clamp(-128, 127)
        .to(torch.int8)
    ),
    note="per channel",
)


def _there_and_back(mb: Any, x: Any, dtype: str, **options: Any) -> Any:
    """A program takes and gives no int8, so what is dequantized is made by `quantize`."""
    return mb.dequantize(input=mb.quantize(input=x, output_dtype=dtype, **options), **options)


case(
    "dequantize",
    lambda mb, x: _there_and_back(
        mb, x, "uint8", scale=np.float32(0.02), zero_point=np.uint8(128)
    ),
    lambda x: torch.fake_quantize_per_tensor_affine(x, 0.02, 128, 0, 255),
)
case(
    "dequantize",
    lambda mb, x: _there_and_back(mb, x, "int8", scale=SCALES, zero_point=ZEROS, axis=1),
    lambda x: torch.fake_quantize_per_channel_affine(
        x, torch.tensor(SCALES), torch.tensor(ZEROS).int(), 1, -128, 127
    ),
    note="per channel",
)

QUERY, KEY, VALUE = ramp(1, 2, 3, 4), ramp(1, 2, 5, 4), ramp(1, 2, 5, 6)
MASK = ramp(3, 5) > -1
for mask in (None, MASK, ramp(2, 1, 5)):
    case(
        "scaled_dot_product_attention",
        lambda mb, q, k, v, m=mask: mb.scaled_dot_product_attention(
            query=q, key=k, value=v, **({} if m is None else {"attn_mask": m})
        ),
        lambda q, k, v, m=mask: F.scaled_dot_product_attention(
            q, k, v, None if m is None else torch.tensor(m)
        ),
        QUERY,
        KEY,
        VALUE,
        note="" if mask is None else str(mask.dtype),
        opset="iOS18",
    )
