"""Forms of operations that MobileNets do not have: integers, vectors, other ranks, transposed
convolutions of pad_type same. Against numpy and PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from op_cases import OpCase, ramp, same
from op_checks import check, groups

Array = np.ndarray
CASES: list[OpCase] = []
INTS = np.array([[-7, -2, 0], [3, 5, 8]], np.int32)
DIVISORS = np.array([[2, -3, 4], [-2, 3, 5]], np.int32)
KERNEL = ramp(4, 3, 3, 3)


def case(kind: str, note: str, build, oracle, *inputs: Array, opset: str = "iOS17") -> None:
    CASES.append(OpCase(kind, build, inputs, oracle, f"{note} {opset}", opset))


for kind, oracle in {
    "abs": torch.abs, "sign": torch.sign, "square": torch.square, "exp2": lambda x: 2**x,
}.items():  # fmt: skip
    case(kind, "integers", lambda mb, x, k=kind: getattr(mb, k)(x=x), oracle,
         abs(INTS) if kind == "exp2" else INTS)  # fmt: skip
case("threshold", "integers", lambda mb, x: mb.threshold(x=x, alpha=np.int32(2)),
     lambda x: x.clamp(min=2), INTS)  # fmt: skip
case("real_div", "integers", lambda mb, x, y: mb.real_div(x=x, y=y),
     lambda x, y: (x / y).trunc().int(), INTS, DIVISORS)  # fmt: skip
case("pow", "integers", lambda mb, x, y: mb.pow(x=x, y=y), lambda x, y: x**y, INTS, abs(DIVISORS))
case("select", "truth values",
     lambda mb, x: mb.select(
         cond=mb.greater(x=x, y=0), a=mb.less(x=x, y=4), b=mb.greater(x=x, y=-5)),
     lambda x: torch.where(x > 0, x < 4, x > -5), INTS)  # fmt: skip
REDUCED = {
    "reduce_mean": lambda x: x.double().mean(1).trunc(), "reduce_max": lambda x: x.amax(1),
    "reduce_min": lambda x: x.amin(1), "reduce_prod": lambda x: x.prod(1),
    "reduce_sum": lambda x: x.sum(1), "reduce_sum_square": lambda x: x.square().sum(1),
    "reduce_l1_norm": lambda x: x.abs().sum(1),
}  # fmt: skip
for kind, oracle in REDUCED.items():
    case(kind, "integers", lambda mb, x, k=kind: getattr(mb, k)(x=x, axes=[1], keep_dims=False),
         lambda x, f=oracle: f(x).int(), INTS)  # fmt: skip
MOVED: dict[str, tuple[dict[str, Any], Any]] = {
    "reverse": ({}, lambda x: x.flip(0, 1)),
    "transpose": ({"perm": [1, 0]}, lambda x: x.T),
    "expand_dims": ({"axes": [0]}, lambda x: x[None]),
    "reshape": ({"shape": [6]}, lambda x: x.reshape(6)),
    "slice_by_index": ({"begin": [0, 1], "end": [2, 3]}, lambda x: x[:, 1:3]),
    "sliding_windows": ({"axis": 1, "size": 2}, lambda x: x.unfold(1, 2, 1)),
}
for dtype in ("int8", "uint8", "int16", "uint16"):
    for kind, (options, oracle) in MOVED.items():
        case(kind, dtype, lambda mb, x, k=kind, o=options, d=dtype: mb.cast(
                 x=getattr(mb, k)(x=mb.cast(x=x, dtype=d), **o), dtype="int32"),
             oracle, abs(INTS))  # fmt: skip
for axes in ([0, 2], [1]):
    case("layer_norm", f"axes {axes}", lambda mb, x, a=axes: mb.layer_norm(x=x, axes=a),
         lambda x, a=axes: (
             (x - x.mean(a, True)) / (x.var(a, unbiased=False, keepdim=True) + 1e-5).sqrt()),
         ramp(2, 3, 4))  # fmt: skip
for shape in ((2, 3, 4), (2, 2, 3, 2, 2)):
    case("l2_norm", f"rank {len(shape)}", lambda mb, x: mb.l2_norm(x=x, epsilon=np.float32(1e-3)),
         lambda x: x / (x.square().sum((-3, -2, -1), True) + 1e-3).sqrt(),
         ramp(*shape))  # fmt: skip
case("instance_norm", "rank 3", lambda mb, x: mb.instance_norm(x=x, epsilon=np.float32(1e-3)),
     lambda x: F.instance_norm(x, eps=1e-3), ramp(2, 3, 6))  # fmt: skip
case("matmul", "vector", lambda mb, x, y: mb.matmul(x=x, y=y), torch.matmul, ramp(4),
     ramp(4, 5))  # fmt: skip
case("conv", "rank 5", lambda mb, x: mb.conv(
         x=x, weight=KERNEL[:, :2, :2, :2, None], strides=[2, 1, 2], pad_type="valid"),
     lambda x: F.conv3d(x, torch.tensor(KERNEL[:, :2, :2, :2, None]), None, (2, 1, 2)),
     ramp(1, 2, 4, 3, 4))  # fmt: skip
for rank in (1, 3):
    for kind in ("max_pool", "avg_pool"):
        case(kind, f"rank {rank + 2}", lambda mb, x, k=kind, r=rank: getattr(mb, k)(
                 x=x, kernel_sizes=[2] * r, strides=[2] * r, pad_type="valid"),
             lambda x, k=kind, r=rank: getattr(F, f"{k}{r}d")(x, 2, 2),
             ramp(1, 2, *(6, 5, 7)[:rank]))  # fmt: skip


def transposed(x: torch.Tensor, stride: int) -> torch.Tensor:
    """TensorFlow's SAME: the gradient of a convolution whose output has the size of x."""
    whole = torch.zeros(1, 3, *(stride * size for size in x.shape[2:]), requires_grad=True)
    convolved = F.conv2d(same(whole, 3, stride), torch.tensor(KERNEL), None, stride)
    (gradient,) = torch.autograd.grad(convolved, whole, x)
    return gradient


for stride in (1, 2, 3, 4):
    case("conv_transpose", f"same, stride {stride}", lambda mb, x, s=stride: mb.conv_transpose(
             x=x, weight=KERNEL, strides=[s, s], pad_type="same"),
         lambda x, s=stride: transposed(x, s), ramp(1, 4, 5, 6))  # fmt: skip


@pytest.mark.parametrize("cases", groups(CASES))
def test_operation(cases: list[OpCase], tmp_path: Path) -> None:
    check(cases, tmp_path)
