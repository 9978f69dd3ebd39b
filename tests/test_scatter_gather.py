"""What is taken from places and put there: values, shapes and half precision, against numpy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export.mil.read.model import read
from mobilenet.common.errors import UserError
from op_cases import OpCase, ramp
from op_checks import answers, check, groups
from programs import run_package, save

Array = np.ndarray
CASES: list[OpCase] = []
DATA, CUBE = ramp(4, 5), ramp(3, 4, 5)
MODES: dict[str, Callable[[Any, Any], Any]] = {
    "update": lambda _, new: new, "add": np.add, "sub": np.subtract, "mul": np.multiply,
    "div": np.divide, "max": np.maximum, "min": np.minimum,
}  # fmt: skip


def case(kind: str, note: str, build, oracle, *inputs: Array, opset: str = "iOS17") -> None:
    CASES.append(OpCase(kind, build, inputs, oracle, f"{note} {opset}", opset))


def ints(*values: Any) -> Array:
    return np.array(values, np.int32)


def taken(x: Array, indices: Array, axis: int, batch: int) -> Array:
    """`gather` by its definition: one picture of the batch after the other."""
    if batch == 0:
        return np.take(x, indices, axis)
    return np.stack([taken(*pair, axis - 1, batch - 1) for pair in zip(x, indices, strict=True)])


for opset in ("iOS15", "iOS16", "iOS17", "iOS18"):
    case("gather", "run-time indices", lambda mb, x, i: mb.gather(x=x, indices=i, axis=-1),
         lambda x, i: np.take(x.numpy(), i.numpy(), -1), CUBE, ints([4, 0], [2, 2]),
         opset=opset)  # fmt: skip
    case("gather_along_axis", "", lambda mb, x, i: mb.gather_along_axis(x=x, indices=i, axis=1),
         lambda x, i: x.gather(1, i.long()), DATA, ints([0], [4], [2], [2]),
         opset=opset)  # fmt: skip
    case(
        "gather_nd",
        "",
        lambda mb, x, i: mb.gather_nd(x=x, indices=i),
        lambda x, i: x[i[..., 0], i[..., 1]],
        CUBE,
        ints([[2, 3], [0, 0]]),
        opset=opset,
    )
for dtype in ("int8", "uint8", "int16", "uint16"):
    case("gather", dtype,
         lambda mb, x, i, d=dtype: mb.gather(x=x, indices=mb.cast(x=i, dtype=d), axis=1),
         lambda x, i: x[:, i], CUBE, ints(3, 0))  # fmt: skip
    case("gather_along_axis", dtype,
         lambda mb, x, i, d=dtype: mb.gather_along_axis(x=x, indices=mb.cast(x=i, dtype=d)),
         lambda x, i: x.gather(0, i.long()), DATA, ints([3, 0, 1, 2, 1]))  # fmt: skip
    case("gather_nd", dtype,
         lambda mb, x, i, d=dtype: mb.gather_nd(x=x, indices=mb.cast(x=i, dtype=d)),
         lambda x, i: x[i[:, 0]], CUBE, ints([2], [0]))  # fmt: skip
    case("gather", f"of {dtype}",
         lambda mb, x, i, d=dtype: mb.cast(
             x=mb.gather(x=mb.cast(x=x, dtype=d), indices=i), dtype="int32"),
         lambda x, i: x[i], ints([3, 7], [2, 100]), ints(1, 1, 0))  # fmt: skip
for axis, batch in ((1, 1), (2, 1), (3, 2), (2, 2), (-1, 1)):
    x, indices = ramp(2, 3, 4, 5), np.random.default_rng(batch).integers(0, 3, (2, 3, 2))
    case("gather", f"batch {batch}, axis {axis}",
         lambda mb, x, i, a=axis, b=batch: mb.gather(x=x, indices=i, axis=a, batch_dims=b),
         lambda x, i, a=axis, b=batch: taken(x.numpy(), i.numpy(), a % 4, b),
         x, indices.astype(np.int32))  # fmt: skip
case("gather", "one index", lambda mb, x: mb.gather(x=x, indices=np.int32(2), axis=1),
     lambda x: x[:, 2], DATA)  # fmt: skip
case("gather", "below zero", lambda mb, x, i: mb.gather(x=x, indices=i, axis=1),
     lambda x, i: x[:, [-1, 0]], DATA, ints(-1, 0), opset="iOS16")  # fmt: skip
case("gather_nd", "batch", lambda mb, x, i: mb.gather_nd(x=x, indices=i, batch_dims=1),
     lambda x, i: torch.stack([x[0, 3, 1], x[1, 0, 4], x[2, 2, 2]]), CUBE,
     ints([3, 1], [0, 4], [2, 2]))  # fmt: skip


def put(kind: str, mode: str) -> Callable[..., Array]:
    """A scatter by its definition: one place after the other, in order."""

    def oracle(data: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor) -> Array:
        result, new, change = data.numpy().copy(), updates.numpy(), MODES[mode]
        for at in np.ndindex(*indices.shape[: -1 if kind == "scatter_nd" else None]):
            place: tuple[Any, ...] = (slice(None), int(indices[at]))
            if kind == "scatter_nd":
                place = tuple(indices[at].tolist())
            elif kind == "scatter_along_axis":
                place = (at[0], int(indices[at]))
            source = at if kind != "scatter" else (slice(None), *at)
            result[place] = change(result[place], new[source])
        return result

    return oracle


PUT = {
    "scatter": (ints(4, 1, 4), ramp(4, 3, low=0.5, high=3), {"axis": 1}),
    "scatter_along_axis": (ints(*[[4, 1, 4]] * 4), ramp(4, 3, low=0.5, high=3), {"axis": -1}),
    "scatter_nd": (ints([3], [0], [3]), ramp(3, 5, low=0.5, high=3), {}),
}
for kind, (indices, updates, options) in PUT.items():
    for mode in MODES:
        case(kind, mode,
             lambda mb, d, i, u, k=kind, m=mode, o=options: getattr(mb, k)(
                 data=d, indices=i, updates=u, mode=m, **o),
             put(kind, mode), DATA, indices, updates)  # fmt: skip
    case(kind, "integers, by itself",
         lambda mb, d, i, u, k=kind, o=options: getattr(mb, k)(
             data=d, indices=i, updates=u, **o),
         put(kind, "add"), ints(*np.arange(20).reshape(4, 5)), indices,
         ints(*np.arange(updates.size).reshape(updates.shape)), opset="iOS15")  # fmt: skip


@pytest.mark.parametrize("cases", groups(CASES))
def test_operation(cases: list[OpCase], tmp_path: Path) -> None:
    check(cases, tmp_path)


@pytest.mark.parametrize("place", [-1, 5])
@pytest.mark.parametrize("kind", ["gather", "gather_along_axis", "gather_nd", "scatter"])
def test_a_place_that_does_not_exist_is_refused(kind: str, place: int, tmp_path: Path) -> None:
    """Since iOS 17 numbers below zero are such as well."""
    indices = {"gather_nd": ints([place]), "gather_along_axis": ints([place] * 5)}.get(
        kind, ints(place)
    )

    def build(mb, x, i):
        if kind == "scatter":
            return mb.scatter(data=x, indices=i, updates=np.ones((1, 5), np.float32))
        return getattr(mb, kind)(x=x, indices=i)

    path = save(tmp_path / "p.mlpackage", build, [DATA, indices])
    with pytest.raises(UserError, match=f"cannot be run here on these values: .*{kind}"):
        run_package(path, {"x0": DATA, "x1": indices})


def test_integers_are_not_divided(tmp_path: Path) -> None:
    def divide(mb, x):
        return mb.scatter(data=x, indices=[0], updates=ints([2, 2]), mode="div")

    function = read(save(tmp_path / "d.mlpackage", divide, [ints([5, -5])])).function()
    with pytest.raises(UserError, match=r"scatter .* with a division of integers"):
        answers(function, [ints([5, -5])])
