"""What running a function here would take, by arithmetic, before any of it is taken.

A file of a kilobyte may say that a value is repeated a billion times, or that a kernel of a
million places slides over it. What a program declares of its values is not believed alone: the
shape rules say what the operations make of the inputs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from export.mil.cost import macs, peak
from export.mil.ops.call import CALL_ERRORS, Call
from export.mil.program import Function, Op, Shape, is_fixed
from export.mil.shapes import infer, output_shapes
from mobilenet.common.errors import UnsupportedError

BYTES = 4  # of an element: everything is computed in float32
MAX_WEIGHT_BYTES = 1 << 32  # in a file beside the graph, and mapped from there
MAX_VALUE_BYTES = 1 << 29  # at once, the values that are given out among them
MAX_OUTPUTS = 20_000  # ONNX Runtime looks each up among all
MAX_WORK = 1 << 42  # multiplications and elements: minutes of one core


def check(function: Function, extra_outputs: Sequence[str] = ()) -> None:
    """Raise `UnsupportedError` for a function that takes more than a machine should give.

    `extra_outputs` are values that are given beside the function's own, and so are kept.
    """
    shapes = _shapes(function)
    sizes = {name: BYTES * math.prod(shapes.get(name, (0,))) for name in function.all_types()}
    kept = frozenset((*function.outputs, *extra_outputs))
    _refuse("outputs", len(kept), MAX_OUTPUTS)
    _refuse("bytes of weights", BYTES * sum(_weights(function)), MAX_WEIGHT_BYTES)
    _refuse("bytes for its values", peak(function, sizes, kept), MAX_VALUE_BYTES)
    _refuse("steps of arithmetic", sum(_work(function, shapes)), MAX_WORK)


def check_together(functions: Sequence[Function]) -> None:
    """Raise `UnsupportedError` where the models of a pipeline hold too many weights in all."""
    weights = sum(sum(_weights(function)) for function in functions)
    _refuse("bytes of weights", BYTES * weights, MAX_WEIGHT_BYTES)


def _refuse(what: str, count: int, most: int) -> None:
    if count > most:
        raise UnsupportedError(
            f"the model takes {count:,} {what}: at most {most:,} can be run here",
            "Core ML on a Mac may run it; is a size in it what it should be?",
        )


def _shapes(function: Function) -> dict[str, Shape]:
    """Of each value the larger of what is declared and what the rules make of the inputs.

    Values of which neither is known are absent.
    """
    declared = infer(function)
    blocks = [block for op in function.all_ops() for block in op.blocks]
    entering = (
        *function.inputs,
        *function.states,
        *(value for block in blocks for value in block.inputs),
    )
    shapes = {value.name: declared[value.name] for value in entering if value.name in declared}
    for op in _inner_first(function.ops):
        computed = output_shapes(op, shapes, function.constants) or []
        for output, rule in zip_longest(op.outputs, computed[: len(op.outputs)]):
            known = [declared.get(output.name), rule]
            fixed = [shape for shape in known if shape is not None and is_fixed(shape)]
            if fixed:
                shapes[output.name] = max(fixed, key=math.prod)
    return shapes


def _inner_first(ops: Sequence[Op]) -> Iterator[Op]:
    """The operations in order; those in the blocks of one come before it."""
    for op in ops:
        for block in op.blocks:
            yield from _inner_first(block.ops)
        yield op


def _weights(function: Function) -> Iterator[int]:
    """Elements of each constant that an operation takes."""
    seen: set[int] = set()
    for argument in (each for op in function.ops for each in op.arguments()):
        constant = function.known(argument)
        if constant is not None and id(constant) not in seen:
            seen.add(id(constant))
            yield max(constant.type.elements, 0)


def _work(function: Function, shapes: Mapping[str, Shape]) -> Iterator[int]:
    """Multiply-accumulates, and the elements of each output times its window, by operation.

    What is in a loop is counted once: how often it runs is not known.
    """
    for op in function.all_ops():
        yield macs(function, op, shapes) or 0
        elements = sum(math.prod(shapes.get(output.name, (0,))) for output in op.outputs)
        yield elements * _window(Call(op, shapes, function.constants))


def _window(call: Call) -> int:
    """Elements that are looked at for one of the output's: in pooling, local normalization, and
    where each box is held against all."""
    parameter = "size" if call.op.type == "local_response_norm" else "kernel_sizes"
    try:
        if call.op.type == "non_maximum_suppression":
            return max(call.shape("boxes")[1:])
        return abs(math.prod(call.ints(parameter, [1])))
    except CALL_ERRORS:
        return 1
