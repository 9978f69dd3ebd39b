"""Elements in another order, parts taken and replaced, against numpy and PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from op_cases import OpCase, ramp
from op_checks import check, groups

Array = np.ndarray
CASES: list[OpCase] = []
DATA, CUBE, PICTURE = ramp(4, 5), ramp(3, 4, 5), ramp(2, 3, 4, 6)


def case(kind: str, note: str, build, oracle, *inputs: Array, opset: str = "iOS17") -> None:
    CASES.append(OpCase(kind, build, inputs, oracle, f"{note} {opset}", opset))


def ints(*values: Any) -> Array:
    return np.array(values, np.int32)


def turned(x: torch.Tensor, lengths: torch.Tensor, sequence: int, batch: int) -> torch.Tensor:
    """`reverse_sequence` by its definition."""
    rows = x.movedim((batch, sequence), (0, 1)).clone()
    for row, length in zip(rows, lengths.tolist(), strict=True):
        row[:length] = row[:length].flip(0)
    return rows.movedim((0, 1), (batch, sequence))


for sequence, batch in ((1, 0), (0, 1), (2, 0), (-1, 1)):
    length = ints(*[0, 3, 4, 2][: CUBE.shape[batch]])
    length = np.minimum(length, CUBE.shape[sequence])
    for values, dtype in ((CUBE, "int32"), ((CUBE * 9).astype(np.int32), "int16")):
        case("reverse_sequence", f"{sequence} of {batch}, {dtype}",
             lambda mb, x, n, s=sequence, b=batch, d=dtype: mb.reverse_sequence(
                 x=x, lengths=mb.cast(x=n, dtype=d), seq_axis=s, batch_axis=b),
             lambda x, n, s=sequence, b=batch: turned(x, n, s, b), values, length)  # fmt: skip
for axis, size, stride in ((1, 2, 1), (-1, 3, 2), (0, 3, 1)):
    case("sliding_windows", f"{axis} {size} {stride}",
         lambda mb, x, a=axis, n=size, s=stride: mb.sliding_windows(
             x=x, axis=a, size=n, stride=s),
         lambda x, a=axis, n=size, s=stride: x.unfold(a, n, s).movedim(-1, a % 3 + 1),
         CUBE)  # fmt: skip
case("pixel_unshuffle", "", lambda mb, x: mb.pixel_unshuffle(x=x, downscale_factor=np.uint32(2)),
     lambda x: F.pixel_unshuffle(x, 2), PICTURE, opset="iOS16")  # fmt: skip
case("reshape_like", "two references",
     lambda mb, x, a, b: mb.reshape_like(
         x=x, ref_tensors=(a, b), begins=(0, 1), ends=(2, 0), end_masks=(False, True)),
     lambda x, a, b: x.reshape(2, 3, 4, 5), ramp(6, 20), ramp(2, 3, 7), ramp(9, 4, 5),
     opset="iOS16")  # fmt: skip
case("reshape", "more 0s than axes", lambda mb, x: mb.reshape(x=x, shape=[1, 0, -1, 0]),
     lambda x: x.reshape(1, 1, 4, 5), DATA)  # fmt: skip
case("reshape", "run-time shape", lambda mb, x, s: mb.reshape(x=x, shape=s),
     lambda x, s: x.reshape(10, 2, 1), DATA, ints(10, -1, 1))  # fmt: skip
case("space_to_batch", "",
     lambda mb, x: mb.space_to_batch(x=x, block_shape=[2, 3], paddings=[[1, 1], [2, 1]]),
     lambda x: (F.pad(x, (2, 1, 1, 1)).view(2, 3, 3, 2, 3, 3).permute(3, 5, 0, 1, 2, 4)
                .reshape(12, 3, 3, 3)), PICTURE)  # fmt: skip
case("batch_to_space", "",
     lambda mb, x: mb.batch_to_space(x=x, block_shape=[2, 3], crops=[[1, 0], [0, 2]]),
     lambda x: (x.view(2, 3, 2, 3, 4, 6).permute(2, 3, 4, 0, 5, 1).reshape(2, 3, 8, 18)
                [:, :, 1:, :-2]), ramp(12, 3, 4, 6))  # fmt: skip
for height, width in (((1, 2), (0, 3)), ((0, 0), (2, 1))):
    case("crop", f"{height} {width}",
         lambda mb, x, h=height, w=width: mb.crop(x=x, crop_height=h, crop_width=w),
         lambda x, h=height, w=width: x[..., h[0] : 4 - h[1], w[0] : 6 - w[1]],
         PICTURE)  # fmt: skip

case("tile", "run-time repetitions", lambda mb, x, r: mb.tile(x=x, reps=r),
     lambda x, r: x.tile(2, 1), DATA, ints(2, 1))  # fmt: skip
case("pad", "run-time amounts", lambda mb, x, p: mb.pad(x=x, pad=p, constant_val=1.5),
     lambda x, p: F.pad(x, (1, 2, 0, 3), value=1.5), DATA, ints(0, 3, 1, 2))  # fmt: skip

SLICES: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "plain": ({"begin": [0, 1, -3], "end": [2, 3, -1]}, np.s_[0:2, 1:3, -3:-1]),
    "masks": ({"begin": [1, 9, 1], "end": [3, 9, 9], "begin_mask": [False, True, False],
               "end_mask": [False, True, True]}, np.s_[1:3, :, 1:]),
    "one of an axis": ({"begin": [-1, 0, 2], "end": [0, 4, 9],
                        "squeeze_mask": [True, False, True]}, np.s_[-1, 0:4, 2]),
    "strides": ({"begin": [2, 0, 4], "end": [0, 4, 0], "stride": [-1, 2, -2]},
                np.s_[2:0:-1, 0:4:2, 4:0:-2]),
    "backwards": ({"begin": [0, 0, 0], "end": [0, 0, 0], "stride": [1, -1, -3],
                   "begin_mask": [True] * 3, "end_mask": [True] * 3},
                  np.s_[:, ::-1, ::-3]),
}  # fmt: skip
for note, (bounds, place) in SLICES.items():
    known = {name: value for name, value in bounds.items() if name not in ("begin", "end")}
    begin, end = ints(*bounds["begin"]), ints(*bounds["end"])
    taken = CUBE[place]
    case("slice_by_index", note, lambda mb, x, b=bounds: mb.slice_by_index(x=x, **b),
         lambda x, p=place: x.numpy()[p], CUBE)  # fmt: skip
    case("slice_by_index", f"{note}, run-time bounds",
         lambda mb, x, b, e, k=known: mb.slice_by_index(x=x, begin=b, end=e, **k),
         lambda x, b, e, p=place: x.numpy()[p], CUBE, begin, end)  # fmt: skip

    def replaced(x: torch.Tensor, new: torch.Tensor, *_: Any, p: Any = place) -> Array:
        result = x.numpy().copy()
        result[p] = new.numpy()
        return result

    update = ramp(*taken.shape, low=7, high=9)
    case("slice_update", note, lambda mb, x, u, b=bounds: mb.slice_update(x=x, update=u, **b),
         replaced, CUBE, update, opset="iOS18")  # fmt: skip
    case("slice_update", f"{note}, run-time bounds",
         lambda mb, x, u, b, e, k=known: mb.slice_update(x=x, update=u, begin=b, end=e, **k),
         replaced, CUBE, update, begin, end, opset="iOS18")  # fmt: skip
for begin, size, place in (
    ([1, 0, 2], [1, 2, -1], np.s_[1:2, 0:2, 2:]), ([-2, -1, -3], [2, 1, 2], np.s_[-2:, -1:, 2:4])
):  # fmt: skip
    case("slice_by_size", f"{begin} {size}",
         lambda mb, x, b=begin, s=size: mb.slice_by_size(x=x, begin=b, size=s),
         lambda x, p=place: x.numpy()[p], CUBE)  # fmt: skip
    case("slice_by_size", f"{begin} {size}, run-time bounds",
         lambda mb, x, b, s: mb.slice_by_size(x=x, begin=b, size=s),
         lambda x, b, s, p=place: x.numpy()[p], CUBE, ints(*begin), ints(*size))  # fmt: skip


@pytest.mark.parametrize("cases", groups(CASES))
def test_operation(cases: list[OpCase], tmp_path: Path) -> None:
    check(cases, tmp_path)
