"""Lists of tensors, as loops write them, against lists of Python."""

from pathlib import Path

import numpy as np
import pytest

from export.mil.read.model import read
from export.mil.shapes import infer
from mobilenet.common.errors import UnsupportedError
from programs import run_package, save

A, B = np.float32([1, 3]), np.float32([2, 4])


def run(tmp_path: Path, build, *inputs: np.ndarray, precision="float32") -> list[np.ndarray]:
    path = save(tmp_path / "l.mlpackage", build, inputs)
    feeds = {f"x{at}": value for at, value in enumerate(inputs)}
    return [*run_package(path, feeds, precision).values()]


def test_a_list_is_zero_until_written_and_grows(tmp_path):
    def build(mb, a, b):
        new = mb.make_list(init_length=2, elem_shape=(2,))
        written = mb.list_write(ls=mb.list_write(ls=new, index=0, value=a), index=4, value=b)
        scattered = mb.list_scatter(
            ls=written, indices=[2, 1], value=np.float32([[-1, -2], [-4, -5]])
        )
        more = mb.list_scatter(ls=scattered, indices=[6, 0], value=np.float32([[7, 8], [9, 9]]))
        return (
            mb.list_read(ls=new, index=1),
            mb.list_gather(ls=written, indices=[4, 3, 0]),
            mb.list_gather(ls=more, indices=[0, 1, 2, 3, 4, 5, 6]),
            mb.list_length(ls=new), mb.list_length(ls=written), mb.list_length(ls=more),
        )  # fmt: skip

    first, written, more, *lengths = run(tmp_path, build, A, B)
    assert first.tolist() == [0, 0]
    assert written.tolist() == [[2, 4], [0, 0], [1, 3]]
    assert more.tolist() == [[9, 9], [-4, -5], [-1, -2], [0, 0], [2, 4], [0, 0], [7, 8]]
    assert [int(length[0]) for length in lengths] == [2, 5, 7]
    assert {length.dtype for length in lengths} == {np.dtype(np.int32)}


@pytest.mark.parametrize("dtype", ["int32", "bool", "fp16"])
def test_elements_of_other_types(dtype, tmp_path):
    def build(mb, a):
        value = mb.cast(x=a, dtype=dtype)
        made = mb.make_list(init_length=1, elem_shape=(2,), dtype=dtype)
        read = mb.list_read(ls=mb.list_write(ls=made, index=1, value=value), index=1)
        return mb.cast(x=read, dtype="fp32")

    values = np.float32([0.1, 0])
    kinds = {"int32": np.int32, "bool": np.bool_, "fp16": np.float16}
    (got,) = run(tmp_path, build, values, precision="declared")
    np.testing.assert_array_equal(got, values.astype(kinds[dtype]).astype(np.float32))


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_loop_appends(times, tmp_path):
    """As TensorFlow's TensorArray does."""

    def build(mb, limit, step):
        def body(count, kept, total):
            total = mb.add(x=total, y=step)
            return (
                mb.add(x=count, y=np.int32(1)),
                mb.list_write(ls=kept, index=count, value=total),
                total,
            )

        _, kept, _ = mb.while_loop(
            _cond=lambda count, kept, total: mb.less(x=mb.cast(x=count, dtype="fp32"), y=limit),
            _body=body,
            loop_vars=(
                np.int32(0), mb.make_list(init_length=1, elem_shape=(2,)), mb.identity(x=step)
            ),
        )  # fmt: skip
        length = mb.list_length(ls=kept)
        return mb.list_gather(ls=kept, indices=[0]), length

    first, length = run(tmp_path, build, np.float32([times]), A)
    assert first.tolist() == ([(2 * A).tolist()] if times else [[0, 0]])
    assert length.tolist() == [max(times, 1)]


def test_what_is_taken_from_a_list_has_the_shape_of_its_elements(tmp_path):
    def build(mb, a):
        made = mb.list_write(ls=mb.make_list(elem_shape=(2,)), index=0, value=a)
        return mb.relu(x=mb.list_read(ls=made, index=0))

    function = read(save(tmp_path / "s.mlpackage", build, [A])).function()
    shapes = {op.type: infer(function).get(op.outputs[0].name) for op in function.ops}
    assert shapes == {"make_list": None, "list_write": None, "list_read": (2,), "relu": (2,)}


def test_elements_of_a_shape_that_is_not_known_are_refused(tmp_path):
    def build(mb, a):
        made = mb.list_write(ls=mb.make_list(elem_shape=("rows",)), index=0, value=a)
        return mb.list_read(ls=made, index=0)

    with pytest.raises(UnsupportedError, match="shape that is told at run time"):
        run(tmp_path, build, A)


@pytest.mark.parametrize("at_write", [True, False])
def test_a_list_that_would_fill_the_memory_is_refused(at_write, tmp_path):
    def build(mb, a):
        made = mb.make_list(init_length=1 if at_write else 1 << 30, elem_shape=(2,))
        made = mb.list_write(ls=made, index=1 << 30 if at_write else 0, value=a)
        return mb.list_read(ls=made, index=0)

    with pytest.raises(UnsupportedError, match="with a length of 1,073,741,82"):
        run(tmp_path, build, A)
