"""Programs that choose and repeat, against the same in Python; what is counted of them."""

from pathlib import Path

import numpy as np
import pytest

from export.mil.cost import cost
from export.mil.ops import control_flow
from export.mil.program import Function
from export.mil.read.model import read
from export.mil.read.specification import proto
from mobilenet.common.errors import UnsupportedError
from programs import run_package, save

X = np.array([[1.0, -2.0, 3.0]], np.float32)
WEIGHT = np.arange(12, dtype=np.float32).reshape(4, 3) - 5
ONE = np.array([1], np.float32)


def package(tmp_path: Path, build, *inputs: np.ndarray, opset: str = "iOS17") -> Path:
    return save(tmp_path / "m.mlpackage", build, inputs, opset=opset)


def answers(path: Path, *inputs, precision="float32") -> list[np.ndarray]:
    feeds = {f"x{at}": value for at, value in enumerate(inputs)}
    return [*run_package(path, feeds, precision).values()]


def function_of(path: Path) -> Function:
    return read(path).function()


def positive(mb, x):
    return mb.greater(x=mb.reduce_sum(x=x, keep_dims=False), y=np.float32(0))


def choosing(mb, x):
    """Two values, one of them from around the branches as it is."""
    around = mb.add(x=x, y=np.float32(10))
    return mb.cond(
        pred=positive(mb, x),
        _true_fn=lambda: (mb.linear(x=around, weight=WEIGHT), mb.relu(x=x)),
        _false_fn=lambda: (mb.linear(x=x, weight=2 * WEIGHT), around),
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_a_branch_is_chosen_by_what_was_computed(sign, tmp_path):
    x = sign * X
    first, second = answers(package(tmp_path, choosing, X), x)
    if sign > 0:
        np.testing.assert_array_equal(first, (x + 10) @ WEIGHT.T)
        np.testing.assert_array_equal(second, np.maximum(x, 0))
    else:
        np.testing.assert_array_equal(first, 2 * x @ WEIGHT.T)
        np.testing.assert_array_equal(second, x + 10)


def test_of_two_branches_the_larger_count_is_told(tmp_path):
    def build(mb, x):
        return mb.cond(
            pred=positive(mb, x),
            _true_fn=lambda: mb.linear(x=x, weight=WEIGHT),
            _false_fn=lambda: mb.linear(
                x=mb.linear(x=x, weight=np.ones((5, 3), np.float32)),
                weight=np.ones((4, 5), np.float32),
            ),
        )

    costs = cost(function_of(package(tmp_path, build, X)))
    assert (costs.macs, costs.unknown_macs) == (5 * 3 + 4 * 5, ())
    assert costs.parameters == (12 + 4) + (15 + 5) + (20 + 4)  # with their biases
    (layer,) = [layer for layer in costs.ops if layer.op.type == "cond"]
    assert (layer.macs, layer.output_shape) == (35, (1, 4))


def power(mb, base, exponent):
    """base ** exponent, by so many multiplications."""
    return mb.while_loop(
        _cond=lambda result, count: mb.less(x=count, y=exponent),
        _body=lambda result, count: (mb.mul(x=result, y=base), mb.add(x=count, y=ONE)),
        loop_vars=(ONE, np.array([0], np.float32)),
    )


@pytest.mark.parametrize("exponent", [0, 1, 5])
def test_a_loop_runs_as_often_as_its_condition_says(exponent, tmp_path):
    path = package(tmp_path, power, ONE, ONE)
    result, count = answers(path, np.float32([3]), np.float32([exponent]))
    assert (result.tolist(), count.tolist()) == ([3**exponent], [exponent])


def test_loops_in_loops_and_branches_in_them(tmp_path):
    def build(mb, x):
        def inner(total, times):
            return mb.while_loop(
                _cond=lambda total, left: mb.greater(x=left, y=np.int32(0)),
                _body=lambda total, left: (mb.add(x=total, y=x), mb.sub(x=left, y=np.int32(1))),
                loop_vars=(total, times),
            )[0]

        def body(total, count):
            odd = mb.equal(x=mb.mod(x=count, y=np.int32(2)), y=np.int32(1))
            total = mb.cond(
                pred=odd,
                _true_fn=lambda: inner(total, count),
                _false_fn=lambda: mb.mul(x=total, y=np.float32(-1)),
            )
            return total, mb.add(x=count, y=np.int32(1))

        return mb.while_loop(
            _cond=lambda total, count: mb.less(x=count, y=np.int32(6)), _body=body,
            loop_vars=(mb.identity(x=x), mb.add(x=np.int32(0), y=np.int32(0))),
        )  # fmt: skip

    total = X.copy()
    for count in range(6):
        total = total + count * X if count % 2 else -total
    got, count = answers(package(tmp_path, build, X), X)
    np.testing.assert_array_equal(got, total)
    assert count.tolist() == [6]


def test_a_loop_that_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(control_flow, "MAX_TURNS", 7)
    path = package(tmp_path, power, ONE, ONE)
    assert answers(path, np.float32([2]), np.float32([7]))[0] == 2**7
    with pytest.raises(UnsupportedError, match="'while_loop_0 after 7 turns'"):
        answers(path, np.float32([2]), np.float32([8]))


def test_what_is_carried_may_grow(tmp_path):
    def build(mb, x):
        return mb.while_loop(
            _cond=lambda grown, count: mb.less(x=count, y=np.int32(3)),
            _body=lambda grown, count: (
                mb.concat(values=(grown, grown), axis=0), mb.add(x=count, y=np.int32(1))
            ),
            loop_vars=(x, np.int32(0)),
        )[0]  # fmt: skip

    path = package(tmp_path, build, X)
    (got,) = answers(path, X)
    np.testing.assert_array_equal(got, np.tile(X, (8, 1)))
    assert {layer.output_shape for layer in cost(function_of(path)).ops} == {None}


def test_how_often_a_loop_multiplies_is_not_known(tmp_path):
    square = np.eye(3, dtype=np.float32)

    def build(mb, x):
        return mb.while_loop(
            _cond=positive_of(mb), _body=lambda x: mb.linear(x=x, weight=square), loop_vars=(x,)
        )

    def positive_of(mb):
        return lambda x: positive(mb, x)

    costs = cost(function_of(package(tmp_path, build, X)))
    assert (costs.macs, len(costs.unknown_macs)) == (0, 1)
    assert costs.parameters == 9 + 3
    assert cost(function_of(package(tmp_path, power, ONE, ONE))).unknown_macs == ()


def test_halves_are_rounded_in_blocks_as_well(tmp_path):
    def build(mb, x):
        half = mb.cast(x=x, dtype="fp16")
        tripled = mb.cond(
            pred=positive(mb, x),
            _true_fn=lambda: mb.mul(x=half, y=np.float16(3)),
            _false_fn=lambda: mb.mul(x=half, y=np.float16(5)),
        )
        return mb.cast(x=tripled, dtype="fp32")

    x = np.float32([0.1, 0.7])
    (got,) = answers(package(tmp_path, build, x), x, precision="declared")
    np.testing.assert_array_equal(got, (x.astype(np.float16) * np.float16(3)).astype(np.float32))


def test_constants_of_one_name_are_refused(tmp_path):
    path = package(tmp_path, choosing, X)
    specification = path / "Data/com.apple.CoreML/model.mlmodel"
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    function = model.mlProgram.functions["main"]
    operations = function.block_specializations[function.opset].operations
    blocks = next(operation.blocks for operation in operations if operation.type == "cond")
    names = [
        next(op.outputs[0] for op in block.operations if op.type == "const") for block in blocks
    ]
    names[1].name = names[0].name
    specification.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedError, match="is the name of several constants"):
        read(path)
