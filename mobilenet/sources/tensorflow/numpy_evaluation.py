"""What operations behind a network compute, in numpy: for values that are given in their midst.

A detector's postprocessing decides what its numbers mean. It is run on numbers that tell.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant
from mobilenet.sources.stored import Allowance
from mobilenet.sources.tensorflow.operations import FLOAT, Operand, TfOperation
from mobilenet.sources.tensorflow.tensor_values import constant_of

Array = NDArray[Any]
NOT_READ = "stands behind a detector's network, and is no operation of boxes that is read here"
MAX_PARTS = 64  # of one value
MAX_NUMBERS = 1 << 24  # of all results: 90 classes of 1917 boxes take 5 million
_BINARY: dict[str, Callable[..., Any]] = {
    "Add": np.add, "AddV2": np.add, "Sub": np.subtract, "Mul": np.multiply,
    "RealDiv": np.true_divide, "Minimum": np.minimum, "Maximum": np.maximum,
    "Greater": np.greater, "GreaterEqual": np.greater_equal,
}  # fmt: skip
_UNARY: dict[str, Callable[..., Any]] = {
    "Identity": np.asarray, "Sqrt": np.sqrt, "Exp": np.exp, "ZerosLike": np.zeros_like,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "Shape": lambda x: np.array(x.shape, np.int64),
    "Rank": lambda x: np.array(x.ndim), "Size": lambda x: np.array(x.size), "Where": np.argwhere,
}  # fmt: skip


class GraphEvaluation:
    """Results of a graph's operations, each computed once; floats in float64.

    `feeds` are values of its midst, behind which nothing is looked at.
    """

    def __init__(
        self, operations: Mapping[str, TfOperation], held: Mapping[str, FileConstant],
        feeds: Mapping[Operand, Array],
    ) -> None:  # fmt: skip
        self._operations, self._held = operations, held
        self._values: dict[Operand, Array] = dict(feeds)
        self._numbers, self._allowance = 0, Allowance()

    def value(self, read: Operand) -> Array:
        """Of one result. Raises `CheckpointError` naming the operation that is not computed."""
        waiting, opened = [read], set[Operand]()
        while waiting:
            last = waiting[-1]
            if last in self._values:
                waiting.pop()
                continue
            op = self._operations.get(last.operation)
            if op is None:
                raise CheckpointError(
                    f"the graph has no {last.key[:100]}", "is the file complete?"
                )
            missing = [each for each in op.inputs if each not in self._values]
            if not missing:
                self._keep(op)
            elif last not in opened:
                opened.add(last)
                waiting += missing
                continue
            if last not in self._values:  # it reads itself, or has no such result
                raise op.refused(NOT_READ)
        return self._values[read]

    def _keep(self, op: TfOperation) -> None:
        inputs = [self._values[read] for read in op.inputs]
        try:
            with np.errstate(all="ignore"):
                results = self._computed(op, inputs)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise op.refused(f"computes with shapes {[x.shape for x in inputs][:4]}") from error
        self._numbers += sum(result.size for result in results)
        for place, result in enumerate(results):
            self._values[Operand(op.name, place)] = result

    def _computed(self, op: TfOperation, inputs: Sequence[Array]) -> Sequence[Array]:
        if op.name in self._held or op.kind == "Const":
            return [self._constant(op)]
        self._check_room(op, _most_numbers(op, inputs))
        if op.kind in _BINARY and len(inputs) == 2:
            return [np.asarray(_BINARY[op.kind](*inputs))]
        if op.kind in _UNARY and len(inputs) == 1:
            return [np.asarray(_UNARY[op.kind](inputs[0]))]
        if op.kind not in _MOVES:
            raise op.refused(NOT_READ)
        results = _MOVES[op.kind](op, inputs)
        return results if isinstance(results, list) else [np.asarray(results)]

    def _check_room(self, op: TfOperation, numbers: int) -> None:
        """Before they are made."""
        if self._numbers + numbers > MAX_NUMBERS:
            raise op.refused(f"computes over {MAX_NUMBERS:,} numbers of boxes")

    def _constant(self, op: TfOperation) -> Array:
        constant = self._held.get(op.name) or constant_of(op, self._allowance)[0]
        self._check_room(op, math.prod(constant.shape))
        values = constant.load()
        return values.astype(np.float64) if values.dtype.kind == "f" else values


def _most_numbers(op: TfOperation, inputs: Sequence[Array]) -> int:
    """How many an operation makes of its inputs, at most."""
    match op.kind:
        case "Fill":
            return math.prod(int(side) for side in inputs[0])
        case "Tile":
            return inputs[0].size * math.prod(int(side) for side in inputs[1])
        case "Range":
            start, limit, delta = (float(value) for value in inputs)
            return math.ceil((limit - start) / delta)
        case "GatherV2":
            value, places, axis = inputs
            return int(places.size * (value.size // max(value.shape[_axis(axis)], 1)))
        case kind if kind in _BINARY:
            return math.prod(np.broadcast_shapes(*(x.shape for x in inputs)))
    return sum(x.size * max(x.ndim, 1) for x in inputs)


def _cast(op: TfOperation, inputs: Sequence[Array]) -> Array:
    kind = np.float64 if op.attribute("DstT", int) == FLOAT else np.int64
    return inputs[0].astype(kind)


def _axis(value: Array) -> int:
    return int(value.reshape(-1)[0])


def _slice(_: TfOperation, inputs: Sequence[Array]) -> Array:
    value, begins, sizes = inputs
    cuts = (
        slice(int(begin), None if size == -1 else int(begin + size))
        for begin, size in zip(begins, sizes, strict=True)
    )
    return value[tuple(cuts)]


def _strided_slice(op: TfOperation, inputs: Sequence[Array]) -> Array:
    value, begins, ends, steps = inputs
    masks = {key: op.attribute(f"{key}_mask", int, 0) for key in ("begin", "end", "shrink_axis")}
    for key in ("ellipsis_mask", "new_axis_mask"):
        op.must_be(key, 0, 0)
    cuts: list[int | slice] = []
    for place, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        starts_at_end, ends_at_end, is_one = (mask >> place & 1 for mask in masks.values())
        start, stop = None if starts_at_end else int(begin), None if ends_at_end else int(end)
        cuts.append(int(begin) if is_one else slice(start, stop, int(step)))
    return np.asarray(value[tuple(cuts)])


def _squeeze(op: TfOperation, inputs: Sequence[Array]) -> Array:
    axes = op.attributes.get("squeeze_dims") or op.attributes.get("axis")
    return np.squeeze(inputs[0], axes)


def _unpack(op: TfOperation, inputs: Sequence[Array]) -> list[Array]:
    parts = np.moveaxis(inputs[0], op.attribute("axis", int, 0), 0)
    if len(parts) != op.attribute("num", int) or len(parts) > MAX_PARTS:
        raise ValueError("another number of parts")
    return list(parts)


def _split(op: TfOperation, inputs: Sequence[Array]) -> list[Array]:
    axis, value = inputs
    return np.split(value, min(op.attribute("num_split", int), MAX_PARTS + 1), _axis(axis))


_MOVES: dict[str, Callable[[TfOperation, Sequence[Array]], Array | list[Array]]] = {
    "Cast": _cast, "Slice": _slice, "StridedSlice": _strided_slice, "Squeeze": _squeeze,
    "Unpack": _unpack, "Split": _split,
    "Pack": lambda op, x: np.stack(x, op.attribute("axis", int, 0)),
    "ConcatV2": lambda _, x: np.concatenate(x[:-1], _axis(x[-1])),
    "Reshape": lambda _, x: x[0].reshape([int(side) for side in x[1]]),
    "ExpandDims": lambda _, x: np.expand_dims(x[0], _axis(x[1])),
    "Transpose": lambda _, x: x[0].transpose([int(axis) for axis in x[1]]),
    "GatherV2": lambda _, x: x[0].take(x[1], _axis(x[2])),
    "Tile": lambda _, x: np.tile(x[0], [int(side) for side in x[1]]),
    "Fill": lambda _, x: np.full([int(side) for side in x[0]], x[1]),
    "Range": lambda _, x: np.arange(*(value.item() for value in x)),
}  # fmt: skip
