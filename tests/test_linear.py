"""Reading, inspecting, lowering and comparing take time in proportion to a model's size."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from export.inspect.inspect import inspect
from export.mil.cost import cost
from export.mil.onnx import to_onnx
from export.mil.read.model import read
from export.verify.diff import diff
from model_messages import ProgramMessage, image

SHAPE = (1, 3, 8, 8)
COUNT = 60
MOST = 2.2  # times the lines of Python for twice the operations


def chain(path: Path, count: int) -> Path:
    """Scales and shifts of a picture, one after the other."""
    program, last = ProgramMessage(), "image"
    program.const("half", 0.5)
    for number in range(count):
        last = program.op("mul", f"value{number}", SHAPE, x=last, y="half")
    return program.gives(last).save(path / f"chain{count}.mlpackage")


def moves(path: Path, count: int) -> Path:
    """A long way of values that are only moved, with a softmax after each."""
    program = ProgramMessage()
    last = program.op("relu", "first", SHAPE, x="image")
    program.const("axis", -1)
    for number in range(count):
        last = program.op("identity", f"value{number}", SHAPE, x=last)
        program.op("softmax", f"softmax{number}", SHAPE, x=last, axis="axis")
    return program.gives(last).save(path / f"moves{count}.mlpackage")


def wide(path: Path, count: int) -> Path:
    """Many operations on one value, joined at the end, and all of them given out."""
    program = ProgramMessage()
    names = [program.op("relu", f"value{number}", SHAPE, x="image") for number in range(count)]
    program.const("axis", 1)
    program.op("concat", "joined", (1, 3 * count, 8, 8), values=names, axis="axis")
    return program.gives(*names, "joined").save(path / f"wide{count}.mlpackage")


def in_place(path: Path, count: int) -> Path:
    """A network of the old format whose layers write what they read."""
    model = image()
    model.specificationVersion = 4
    for _ in range(count):
        layer = model.neuralNetwork.layers.add(name="layer", input=["image"], output=["image"])
        layer.activation.ReLU.SetInParent()
        step = model.neuralNetwork.preprocessing.add(featureName="image")
        step.scaler.channelScale = 0.5
    feature = model.description.output.add(name="image")
    feature.type.multiArrayType.dataType = 65568
    file = path / f"in_place{count}.mlmodel"
    file.write_bytes(model.SerializeToString())
    return file


def _lower(path: Path) -> None:
    to_onnx(read(path).function(), "declared")


def _compare(path: Path) -> None:
    diff(path, path)


MODELS = (chain, moves, wide, in_place)
WORK: dict[str, Callable[[Path], object]] = {"inspect": inspect, "onnx": _lower}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("work", WORK)
def test_work_grows_with_the_model(model: Callable[..., Path], work: str, tmp_path: Path) -> None:
    WORK[work](model(tmp_path, 1))  # imports are not counted
    once, twice = (_lines(WORK[work], model(tmp_path, count)) for count in (COUNT, 2 * COUNT))
    assert once > COUNT
    assert twice <= MOST * once


def test_a_comparison_grows_with_the_model(tmp_path: Path) -> None:
    diff(chain(tmp_path, 1), chain(tmp_path, 1))
    once, twice = (_lines(_compare, chain(tmp_path, count)) for count in (COUNT, 2 * COUNT))
    assert twice <= MOST * once


def test_names_are_looked_up_in_no_list(tmp_path: Path) -> None:
    """What C code compares is in no count of lines: the names count it themselves."""
    function = read(wide(tmp_path, COUNT)).function()
    outputs = tuple(_CountingName(name) for name in function.outputs)
    _CountingName.compared = 0
    cost(replace(function, outputs=outputs))
    assert _CountingName.compared <= 4 * COUNT


class _CountingName(str):
    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        _CountingName.compared += 1
        return str.__eq__(self, other)


def _lines(work: Callable[[Path], object], path: Path) -> int:
    """Lines of our code that `work` runs, each turn of a loop among them."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "/export/" not in frame.f_code.co_filename:
            return None
        count += event in ("line", "call")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(path)
    finally:
        sys.settrace(before)
    return count
