"""Whole numbers that a graph computes on its way to a shape: they are known before it runs.

Sides that the file leaves free stay marked as such; the batch is 1.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mobilenet.graph import FileConstant
from mobilenet.sources.tensorflow.operations import TfOperation
from mobilenet.sources.tensorflow.operator_translation import FREE, TfValue, whole_numbers

Whole = NDArray[np.int64]
_BINARY: dict[str, Callable[[Whole, Whole], Whole]] = {
    "Add": np.add, "AddV2": np.add, "Sub": np.subtract, "Mul": np.multiply,
    "FloorDiv": np.floor_divide, "Maximum": np.maximum, "Minimum": np.minimum,
}  # fmt: skip


def shape_of_value(op: TfOperation, inputs: tuple[TfValue, ...]) -> TfValue:
    """`Shape`, as a constant."""
    return _whole(op, np.array([FREE if side is None else side for side in inputs[0].shape]))


def folded(op: TfOperation, inputs: tuple[TfValue, ...]) -> TfValue | None:
    """The result of an operation on whole constants alone; None for others."""
    is_folded = op.kind in _BINARY or op.kind in _FOLDED
    if not inputs or not is_folded or not all(v.constant and v.is_whole for v in inputs):
        return None
    arrays = [whole_numbers(op, value, "whole numbers") for value in inputs]
    if op.kind in _FOLDED:
        return _whole(op, _FOLDED[op.kind](op, arrays))
    left, right = arrays
    if FREE in left or FREE in right or (op.kind == "FloorDiv" and not right.all()):
        raise op.refused("computes with a side that the file leaves free")
    if left.shape != right.shape and left.ndim and right.ndim:
        raise op.refused(f"computes with shapes {left.shape} and {right.shape}")
    return _whole(op, np.asarray(_BINARY[op.kind](left, right)))


def _whole(op: TfOperation, array: Whole) -> TfValue:
    stored = array.astype(np.int64)
    return TfValue(op.name, array.shape, True, FileConstant(array.shape, lambda: stored))


def _pack(op: TfOperation, arrays: list[Whole]) -> Whole:
    op.must_be("axis", 0, 0)
    if any(array.shape != arrays[0].shape for array in arrays):
        raise op.refused("packs values of several shapes")
    return np.stack(arrays)


def _concat(op: TfOperation, arrays: list[Whole]) -> Whole:
    if any(array.ndim != 1 for array in arrays[:-1]) or arrays[-1].ravel().tolist() not in (
        [0],
        [-1],
    ):
        raise op.refused("joins whole numbers of several axes")
    return np.concatenate(arrays[:-1])


def _gather(op: TfOperation, arrays: list[Whole]) -> Whole:
    numbers, places = arrays[0], arrays[1]
    if numbers.ndim != 1 or (places < 0).any() or (places >= len(numbers)).any():
        raise op.refused(f"takes places {places.tolist()} of {numbers.tolist()}")
    return np.asarray(numbers[places])


def _slice(op: TfOperation, arrays: list[Whole]) -> Whole:
    numbers, begin, end, step = arrays
    for key in ("ellipsis_mask", "new_axis_mask"):
        op.must_be(key, 0, 0)
    if numbers.ndim != 1 or not begin.size == end.size == step.size == 1 or not step.all():
        raise op.refused("cuts whole numbers of several axes")
    if op.attribute("shrink_axis_mask", int, 0) & 1:
        place = int(begin[0])
        if not -len(numbers) <= place < len(numbers):
            raise op.refused(f"takes place {place} of {numbers.tolist()}")
        return np.asarray(numbers[place])
    start = None if op.attribute("begin_mask", int, 0) & 1 else int(begin[0])
    stop = None if op.attribute("end_mask", int, 0) & 1 else int(end[0])
    return np.asarray(numbers[start : stop : int(step[0])])


def _product(op: TfOperation, arrays: list[Whole]) -> Whole:
    if FREE in arrays[0]:
        raise op.refused("multiplies a side that the file leaves free")
    op.must_be("keep_dims", False, False)
    return np.asarray(np.prod(arrays[0]))


def _expand(op: TfOperation, arrays: list[Whole]) -> Whole:
    if arrays[0].ndim or arrays[1].ravel().tolist() not in ([0], [-1]):
        raise op.refused("adds an axis to whole numbers of several axes")
    return arrays[0].reshape(1)


_FOLDED: dict[str, Callable[[TfOperation, list[Whole]], Whole]] = {
    "Pack": _pack, "ConcatV2": _concat, "GatherV2": _gather, "StridedSlice": _slice,
    "Prod": _product, "ExpandDims": _expand,
}  # fmt: skip
