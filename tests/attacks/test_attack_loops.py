"""Programs of a few bytes that would run for ever, or fill the memory, when they run.

Claims: a loop that does not end is ended; a list does not grow to what an input says, or to what
the file says; blocks in blocks are read to a depth that the stack bears. All cost one line.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.mil.ops import control_flow
from export.mil.read.model import read
from export.mil.read.specification import proto
from mobilenet.common.errors import PackageError, UnsupportedError, UserError
from programs import run_package, save

X = np.array([1], np.float32)
HUGE = 1 << 30


def as_index(mb: Any, x: Any) -> Any:
    return mb.cast(x=mb.squeeze(x=x), dtype="int32")


def endless(mb: Any, x: Any) -> Any:
    return mb.while_loop(
        _cond=lambda x: mb.less(x=x, y=np.float32([9])), _body=lambda x: mb.square(x=x),
        loop_vars=(x,),
    )  # fmt: skip


def written_far_away(mb: Any, x: Any) -> Any:
    made = mb.list_write(ls=mb.make_list(elem_shape=(1,)), index=as_index(mb, x), value=x)
    return mb.list_length(ls=made)


def scattered_far_away(mb: Any, x: Any) -> Any:
    indices = mb.cast(x=x, dtype="int32")
    value = mb.expand_dims(x=x, axes=[0])
    made = mb.list_scatter(ls=mb.make_list(elem_shape=(1,)), indices=indices, value=value)
    return mb.list_length(ls=made)


def made_long(mb: Any, x: Any) -> Any:
    made = mb.make_list(init_length=as_index(mb, x), elem_shape=(1,))
    return mb.list_length(ls=made)


@pytest.mark.parametrize(
    ("build", "value", "reason"),
    [
        (endless, 1, "after 1,000 turns"),
        (written_far_away, HUGE, "with a length above 1,048,576"),
        (scattered_far_away, HUGE, "with a length above 1,048,576"),
        (made_long, HUGE, "with a length above 1,048,576"),
    ],
)
def test_what_a_run_would_take_without_end(
    build: Callable[..., Any],
    value: float,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(control_flow, "MAX_TURNS", 1000)
    path = save(tmp_path / "m.mlpackage", build, [X])
    assert run_package(path, {"x0": np.float32([4])})  # a sound value is answered
    with pytest.raises(UnsupportedError, match=reason) as caught:
        run_package(path, {"x0": np.float32([value])})
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("depth", [20, 40, 1000])
def test_blocks_in_blocks(depth: int, tmp_path: Path) -> None:
    model = proto("Model_pb2").Model()
    model.specificationVersion = 8
    function = model.mlProgram.functions["main"]
    function.opset = "CoreML7"
    block = function.block_specializations["CoreML7"]
    for _ in range(depth):
        operation = block.operations.add(type="cond")
        operation.outputs.add(name="y")
        block = operation.blocks.add()
    path = tmp_path / "deep.mlmodel"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError) as caught:
        read(path)
    assert isinstance(caught.value, PackageError)
