"""What is made from sizes and places, counted up and put in order, against numpy and PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export.mil.ops.lowering import MAX_ELEMENTS
from export.mil.read.model import read
from export.mil.shapes import infer
from mobilenet.common.errors import UnsupportedError
from op_cases import OpCase, ramp
from op_checks import check, groups
from program_changes import blank
from programs import run_package, save

Array = np.ndarray
CASES: list[OpCase] = []
DATA, CUBE = ramp(4, 5), ramp(3, 4, 5)


def case(kind: str, note: str, build, oracle, *inputs: Array, opset: str = "iOS17") -> None:
    CASES.append(OpCase(kind, build, inputs, oracle, f"{note} {opset}", opset))


def ints(*values: Any) -> Array:
    return np.array(values, np.int32)


for bounds in ((0, 7, 2), (5, -4, -3), (2, 2, 1)):
    case("range_1d", f"{bounds}", lambda mb, e, b=bounds: mb.range_1d(
             start=b[0], end=mb.squeeze(x=e), step=b[2]),
         lambda e, b=bounds: np.arange(b[0], int(e), b[2]).astype("i4"),
         ints(bounds[1]))  # fmt: skip
case("range_1d", "floats", lambda mb, s: mb.range_1d(
         start=mb.squeeze(x=s), end=np.float32(2), step=np.float32(.5)),
     lambda s: np.arange(float(s), 2, 0.5).astype("f4"), np.float32([-1.25]))  # fmt: skip
for value in (np.float32(2.5), np.int32(-3), np.bool_(True)):
    name = type(value).__name__
    case("fill", f"run-time shape, {name}", lambda mb, s, v=value: mb.fill(shape=s, value=v),
         lambda s, v=value: np.full(s.tolist(), v), ints(2, 3))  # fmt: skip
    case("fill_like", name, lambda mb, x, v=value: mb.fill_like(ref_tensor=x, value=v),
         lambda x, v=value: np.full(x.shape, v), CUBE, opset="iOS16")  # fmt: skip
case("shape", "", lambda mb, x: mb.add(x=mb.shape(x=x), y=1), lambda _: ints(4, 5, 6), CUBE)
for axis in (-1, 0, 1):
    for on, off in ((np.float32(2), np.float32(-1)), (np.int32(1), np.int32(0)), (True, False)):
        case("one_hot", f"axis {axis}, {on} {off}",
             lambda mb, i, a=axis, on=on, off=off: mb.one_hot(
                 indices=i, one_hot_vector_size=4, axis=a, on_value=on, off_value=off),
             lambda i, a=axis, on=on, off=off: np.moveaxis(
                 np.where(np.eye(4, dtype=bool)[i.numpy()], on, off), -1, a),
             ints([3, 0, 1], [1, 1, 2]))  # fmt: skip
case("one_hot", "run-time size, nothing at -1 and 5",
     lambda mb, i, n: mb.one_hot(indices=i, one_hot_vector_size=mb.squeeze(x=n)),
     lambda i, n: ints([0] * 3, [1, 0, 0], [0] * 3), ints(-1, 0, 5), ints(3))  # fmt: skip
for values in (np.float32([[0, 1.5], [-2, 0]]), ints([0, 7], [0, 1])):
    case("non_zero", f"{values.dtype}", lambda mb, x: mb.non_zero(x=x),
         lambda x: x.nonzero().int(),
         values)  # fmt: skip
case("non_zero", "truth", lambda mb, x: mb.non_zero(x=mb.greater(x=x, y=np.float32(0))),
     lambda x: (x > 0).nonzero().int(), CUBE)  # fmt: skip
for lower, upper in ((0, -1), (-1, 0), (1, 2), (0, 0), (-1, -1)):
    case("band_part", f"{lower} {upper}",
         lambda mb, x, lo=lower, up=upper: mb.add(x=mb.band_part(x=x, lower=lo, upper=up), y=0.0),
         lambda x, lo=lower, up=upper: (
             x.triu(-lo if lo >= 0 else -9).tril(up if up >= 0 else 9)), CUBE)  # fmt: skip
for exclusive in (False, True):
    for reverse in (False, True):
        for values, axis in ((CUBE, 1), (ints([1, 2, 3], [4, 5, 6]), 0), (DATA, -1)):
            case("cumsum", f"exclusive {exclusive}, reverse {reverse}, axis {axis}",
                 lambda mb, x, a=axis, e=exclusive, r=reverse: mb.cumsum(
                     x=x, axis=a, exclusive=e, reverse=r),
                 lambda x, a=axis, e=exclusive, r=reverse: summed(x.numpy(), a, e, r),
                 values)  # fmt: skip
for ascending in (False, True):
    for values, axis in ((CUBE, 1), (CUBE, -1), (ints([3, 9, -4], [4, 0, 6]), 0)):
        case("argsort", f"ascending {ascending}, axis {axis}, {values.dtype}",
             lambda mb, x, a=axis, up=ascending: mb.argsort(x=x, axis=a, ascending=up),
             lambda x, a=axis, up=ascending: (x if up else -x).argsort(a), values)  # fmt: skip
for dtype in ("int8", "uint8", "int16", "uint16", "int32"):
    case("topk", dtype,
         lambda mb, x, d=dtype: [
             mb.cast(x=y, dtype="int32") for y in mb.topk(x=mb.cast(x=x, dtype=d), k=np.int8(2))],
         lambda x: [v.int() for v in x.topk(2)], ints([3, 99, 14], [4, 0, 6]))  # fmt: skip
case("reduce_argmax", "uint16", lambda mb, x: mb.cast(
         dtype="int32", x=mb.reduce_argmax(x=x, axis=1, output_dtype="uint16")),
     lambda x: x.argmax(1).int(), ints([3, 99, 14], [4, 0, 6]))  # fmt: skip


def summed(x: Array, axis: int, exclusive: bool, reverse: bool) -> Array:
    """`cumsum` by its definition, element by element."""
    x = np.flip(x, axis) if reverse else x
    parts = [
        np.take(x, range(end + (not exclusive)), axis).sum(axis, keepdims=True, dtype=x.dtype)
        for end in range(x.shape[axis])
    ]
    sums = np.concatenate(parts, axis)
    return np.flip(sums, axis) if reverse else sums


@pytest.mark.parametrize("cases", groups(CASES))
def test_operation(cases: list[OpCase], tmp_path: Path) -> None:
    check(cases, tmp_path)


def test_a_size_that_only_the_run_tells_is_unknown(tmp_path: Path) -> None:
    def build(mb, x):
        places = mb.non_zero(x=x)
        return mb.gather_nd(x=x, indices=places), mb.shape(x=places)

    path = save(tmp_path / "n.mlpackage", build, [DATA])
    function = read(path).function()
    assert set(infer(function)) == {"x0", function.outputs[1]}
    results = run_package(path, {"x0": np.maximum(DATA, 0)})
    np.testing.assert_array_equal(results[function.outputs[0]], DATA[DATA > 0])
    assert results[function.outputs[1]].tolist() == [np.count_nonzero(DATA > 0), 2]


def test_what_follows_takes_a_size_that_the_run_tells(tmp_path: Path) -> None:
    def build(mb, x):
        places = mb.transpose(x=mb.non_zero(x=x), perm=[1, 0])  # (2, N)
        rows, _ = mb.split(x=places, num_splits=2, axis=0)
        values = mb.gather(x=x, indices=mb.squeeze(x=rows, axes=[0]))  # (N, 5)
        normal = mb.layer_norm(x=values, axes=[1], gamma=np.ones(5, np.float32))
        sums = mb.reduce_sum(x=mb.concat(values=[values, normal], axis=1), axes=[1])
        pieces = mb.flatten2d(x=mb.expand_dims(x=mb.softmax(x=values), axes=[1]), axis=-1)
        return sums, mb.argsort(x=sums), mb.slice_by_size(x=pieces, begin=[1, 0], size=[-1, 2])

    path = save(tmp_path / "n.mlpackage", build, [DATA])
    function = read(path).function()
    results = run_package(path, {"x0": np.maximum(DATA, 0)})
    sums, order, pieces = (results[name] for name in function.outputs)
    values = torch.tensor(np.maximum(DATA, 0)[np.nonzero(DATA > 0)[0]])
    expected = values.sum(1) + torch.nn.functional.layer_norm(values, (5,)).sum(1)
    np.testing.assert_allclose(sums, expected.numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(sums[order], -np.sort(-sums))
    np.testing.assert_allclose(pieces, values.softmax(1).numpy()[1:, :2], rtol=1e-5)


@pytest.mark.parametrize("kind", ["fill", "range_1d", "one_hot"])
def test_what_would_take_too_much_is_refused_before_it_is_made(kind: str, tmp_path: Path) -> None:
    def build(mb, x):
        if kind == "fill":
            return mb.fill(shape=x, value=1.0)
        size = mb.squeeze(x=x)
        if kind == "range_1d":
            return mb.range_1d(start=0, end=size, step=1)
        return mb.one_hot(indices=[0], one_hot_vector_size=size)

    path = save(tmp_path / "f.mlpackage", build, [ints(0)])
    with pytest.raises(UnsupportedError, match=r"of more than 134,217,728 elements"):
        run_package(path, {"x0": ints(MAX_ELEMENTS + 100)})


def test_of_equal_values_the_first_comes_first(tmp_path: Path) -> None:
    values = np.float32(np.random.default_rng(0).integers(0, 3, (1, 200)))
    path = save(tmp_path / "a.mlpackage", lambda mb, x: mb.argsort(x=x), [values])
    (order,) = run_package(path, {"x0": values}).values()
    np.testing.assert_array_equal(order, np.argsort(-values, kind="stable"))
    assert torch.tensor(order).dtype == torch.int32


@pytest.mark.parametrize("kind", ["random_normal", "random_categorical"])
def test_random_numbers_are_refused_with_the_reason(kind: str, tmp_path: Path) -> None:
    def build(mb, x):
        if kind == "random_normal":
            return mb.add(x=x, y=mb.random_normal(shape=[4, 5]))
        return mb.random_categorical(x=x, size=3)

    path = save(tmp_path / "r.mlpackage", build, [DATA])
    with pytest.raises(UnsupportedError, match=rf"{kind} \(1\)") as caught:
        run_package(path, {"x0": DATA})
    assert "no other generator" in caught.value.hint
    function = read(path).function()
    assert infer(blank(function)) == {name: t.shape for name, t in function.types().items()}
