"""Branches and loops of the old format, against Python's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.inspect.inspect import inspect
from mobilenet.common.errors import UnsupportedError
from old_format import save_layers
from programs import run_package

X = np.array([1, 2, 3], np.float32)


def inner(builder: Any, network: Any) -> Any:
    return type(builder)(nn_spec=network)


def line(builder: Any, x: str, y: str, slope: float, shift: float) -> None:
    builder.add_activation(f"{x}_{y}", "LINEAR", x, y, [slope, shift])


def answers(path: Path, **inputs: Any) -> NDArray[Any]:
    """What the only output is; `inspect` finds nothing in a sound file."""
    (value,) = run_package(path, {k: np.float32(v) for k, v in inputs.items()}).values()
    assert isinstance(value, np.ndarray)
    assert inspect(path).findings == ()
    return value


@pytest.mark.parametrize("otherwise", [True, False])
def test_branch(otherwise: bool, tmp_path: Path) -> None:
    def add(builder: Any) -> None:
        builder.add_copy("c", "x", "y")
        branch = builder.add_branch("b", "c").branch
        line(inner(builder, branch.ifBranch), "x", "y", 10, 0)
        if otherwise:
            line(inner(builder, branch.elseBranch), "x", "y", 1, 10)

    path = save_layers(tmp_path / "b.mlmodel", {"x": X, "c": X[:1]}, add)
    np.testing.assert_allclose(answers(path, x=X, c=[-0.5]), 10 * X)
    np.testing.assert_allclose(answers(path, x=X, c=[1e-7]), X + 10 if otherwise else X)


@pytest.mark.parametrize("computed", [False, True])
def test_a_loop_of_so_many_rounds(computed: bool, tmp_path: Path) -> None:
    def add(builder: Any) -> None:
        builder.add_copy("c", "x", "y")
        if computed:
            loop = builder.add_loop("l", input_name="n").loop
        else:
            loop = builder.add_loop("l", max_iterations=5).loop
        body = inner(builder, loop.bodyNetwork)
        line(body, "y", "z", 2, 1)
        body.add_copy("d", "z", "y")

    path = save_layers(tmp_path / "l.mlmodel", {"x": X, "n": X[:1]}, add)
    for count in (0, 3) if computed else (5,):
        wanted = 2.0**count * X + 2**count - 1
        np.testing.assert_allclose(answers(path, x=X, n=[count]), wanted)


def test_a_loop_by_a_condition_whose_values_the_body_takes(tmp_path: Path) -> None:
    def add(builder: Any) -> None:
        builder.add_copy("c", "x", "y")
        loop = builder.add_loop("l", condition="go").loop
        test = inner(builder, loop.conditionNetwork)
        test.add_reduce_sum("s", "y", "total", axes=[0], keepdims=True)
        test.add_less_than("t", ["total"], "go", alpha=100)
        body = inner(builder, loop.bodyNetwork)
        body.add_add_broadcastable("a", ["y", "total"], "z")
        body.add_copy("d", "z", "y")

    path = save_layers(tmp_path / "w.mlmodel", {"x": X}, add)
    for x in (X, X + 50):
        wanted = x
        while wanted.sum() < 100:
            wanted = wanted + wanted.sum()
        np.testing.assert_allclose(answers(path, x=x), wanted)


def test_break_and_continue(tmp_path: Path) -> None:
    """Sums 1, 2, ... without 3, until 6 is reached."""

    def add(builder: Any) -> None:
        for name in ("i", "y"):
            builder.add_load_constant_nd(name, name, np.zeros(1), (1,))
        body = inner(builder, builder.add_loop("l", max_iterations=50).loop.bodyNetwork)
        line(body, "i", "j", 1, 1)
        body.add_copy("ci", "j", "i")
        body.add_equal("e", ["i"], "skip", alpha=3)
        inner(builder, body.add_branch("b", "skip").branch.ifBranch).add_loop_continue("n")
        body.add_equal("f", ["i", "x"], "stop")
        inner(builder, body.add_branch("d", "stop").branch.ifBranch).add_loop_break("k")
        body.add_add_broadcastable("a", ["y", "i"], "z")
        body.add_copy("cy", "z", "y")

    path = save_layers(tmp_path / "k.mlmodel", {"x": X[:1]}, add)
    np.testing.assert_allclose(answers(path, x=[6]), [1 + 2 + 4 + 5])
    np.testing.assert_allclose(answers(path, x=[0]), [50 * 51 / 2 - 3])


def test_a_loop_within_a_branch_within_a_loop(tmp_path: Path) -> None:
    def add(builder: Any) -> None:
        builder.add_copy("c", "x", "y")
        body = inner(builder, builder.add_loop("l", max_iterations=3).loop.bodyNetwork)
        body.add_greater_than("g", ["y"], "large", alpha=10)
        branch = body.add_branch("b", "large").branch
        inner(builder, branch.ifBranch).add_loop_break("k")
        within = inner(builder, branch.elseBranch).add_loop("m", max_iterations=2).loop
        deep = inner(builder, within.bodyNetwork)
        line(deep, "y", "z", 3, 0)
        deep.add_copy("d", "z", "y")

    path = save_layers(tmp_path / "n.mlmodel", {"x": X[:1]}, add)
    for x, wanted in ((1.0, 81), (2.0, 18), (11.0, 11), (0.01, 7.29)):
        np.testing.assert_allclose(answers(path, x=[x]), [wanted], rtol=1e-5)


def test_loops_within_one_another(tmp_path: Path) -> None:
    def add(builder: Any) -> None:
        builder.add_copy("c", "x", "y")
        body = inner(builder, builder.add_loop("l", max_iterations=3).loop.bodyNetwork)
        deep = inner(builder, body.add_loop("m", input_name="x").loop.bodyNetwork)
        line(deep, "y", "z", 1, 1)
        deep.add_copy("d", "z", "y")
        line(body, "y", "w", 2, 0)
        body.add_copy("e", "w", "y")

    path = save_layers(tmp_path / "n.mlmodel", {"x": X[:1]}, add)
    np.testing.assert_allclose(answers(path, x=[2]), [((2 + 2) * 2 + 2) * 4 + 4])


def test_what_a_loop_carries_may_grow(tmp_path: Path) -> None:
    def add(builder: Any) -> None:
        builder.add_copy("c", "x", "y")
        body = inner(builder, builder.add_loop("l", max_iterations=2).loop.bodyNetwork)
        body.add_concat_nd("a", ["y", "y"], "z", 0)
        body.add_copy("d", "z", "y")

    path = save_layers(tmp_path / "g.mlmodel", {"x": X}, add)
    np.testing.assert_allclose(answers(path, x=X), np.tile(X, 4))


def test_what_only_a_loop_gives_is_not_given_behind_it(tmp_path: Path) -> None:
    def add(builder: Any) -> None:
        line(
            inner(builder, builder.add_loop("l", input_name="x").loop.bodyNetwork), "x", "y", 1, 0
        )

    path = save_layers(tmp_path / "h.mlmodel", {"x": X[:1]}, add)
    with pytest.raises(UnsupportedError, match="may not run"):
        answers(path, x=[1])


def test_a_loop_without_an_end_is_refused(tmp_path: Path) -> None:
    def add(builder: Any) -> None:
        builder.add_copy("c", "x", "y")
        builder.add_loop("l")

    path = save_layers(tmp_path / "e.mlmodel", {"x": X}, add)
    with pytest.raises(UnsupportedError, match=r"layer\.loop"):
        answers(path, x=X)
