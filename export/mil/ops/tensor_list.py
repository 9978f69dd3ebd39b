"""Lists of tensors of one shape, each a tensor of one axis more: how many they are is known when
the model runs.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/control_flow.py`. A list grows when
something is written behind its end; between stand zeros.
"""

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.elementwise import CASTS
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape

MAX_LENGTH = 1 << 20


def _check_length(call: Call, parameter: str, more: int = 0) -> None:
    """Refuse a length that would fill the memory, where it is known by now."""
    if not call.is_constant(parameter):
        return
    length = max(call.ints(parameter), default=0) + more
    if length > MAX_LENGTH:
        raise call.unsupported(f"a length of {length:,}")


def _bounded(call: Lowering, length: str) -> str:
    """`length`, (1,), int64; the run ends here if it would fill the memory."""
    too_long = call.emit("Greater", length, call.int64([MAX_LENGTH]))
    zero = call.zero_unless(too_long, f"with a length above {MAX_LENGTH:,}")
    return call.emit("Add", length, zero)


def _element(call: Call) -> list[int]:
    """Shape of an element, which is given number by number."""
    sizes = call.all_arrays("elem_shape")
    if any(size.dtype.kind not in "iu" for size in sizes):
        raise call.unsupported("elements of a shape that is told at run time")
    return [int(number) for size in sizes for number in size.reshape(-1)]


def _element_of(call: Call) -> Shape:
    """Shape of an element of `ls`."""
    return call.shape_of(call.argument("ls"))[1:]


def _made_shape(call: Call) -> list[Shape]:
    return [(-1, *_element(call))]


@lowers("make_list", shape=_made_shape)
def make_list(call: Lowering) -> str:
    """init_length tensor<[], i32> -> List[tensor<[*elem_shape], T>]: so many, all zero."""
    dtype = CASTS[call.text("dtype", "fp32")]
    if call.has("init_length"):
        _check_length(call, "init_length")
    length = call["init_length"] if call.has("init_length") else call.constant(1, np.int32)
    first = _bounded(call, call.cast(call.reshape(length, [1]), "int64"))
    shape = call.emit("Concat", first, call.int64(_element(call)), axis=0)
    return call.emit("Expand", call.cast(call.constant(0), dtype), shape)


def _number_shape(_: Call) -> list[Shape]:
    return [()]


@lowers("list_length", shape=_number_shape)
def list_length(call: Lowering) -> str:
    """ls List[tensor<[*d], T>] -> tensor<[], i32>."""
    return call.cast(call.reshape(_length(call), []), "int32")


def _read_shape(call: Call) -> list[Shape]:
    return [_element_of(call)]


@lowers("list_read", shape=_read_shape)
def list_read(call: Lowering) -> str:
    """ls List[tensor<[*d], T>], index tensor<[], i32> -> tensor<[*d], T>."""
    return call.emit("Gather", call["ls"], call.reshape(call["index"], []))


def _gathered_shape(call: Call) -> list[Shape]:
    return [(*call.shape_of(call.argument("indices")), *_element_of(call))]


@lowers("list_gather", shape=_gathered_shape)
def list_gather(call: Lowering) -> str:
    """ls List[tensor<[*d], T>], indices tensor<[K], i32> -> tensor<[K, *d], T>."""
    return call.emit("Gather", call["ls"], call["indices"])


def _same_list(call: Call) -> list[Shape]:
    return [(-1, *_element_of(call))]


@lowers("list_write", shape=_same_list)
def list_write(call: Lowering) -> str:
    """ls List[tensor<[*d], T>], index tensor<[], i32>, value tensor<[*d], T>
    -> List[tensor<[*d], T>]: with `value` at `index`."""
    _check_length(call, "index", 1)
    value = call.emit("Unsqueeze", call["value"], call.int64([0]))
    return _written(call, call.reshape(call["index"], [1]), value)


@lowers("list_scatter", shape=_same_list)
def list_scatter(call: Lowering) -> str:
    """ls List[tensor<[*d], T>], indices tensor<[K], i32>, value tensor<[K, *d], T>
    -> List[tensor<[*d], T>]: with each of `value` at its index."""
    _check_length(call, "indices", 1)
    return _written(call, call["indices"], call["value"])


def _written(call: Lowering, indices: str, values: str) -> str:
    """The list with `values`, (K, *d), at `indices`, (K,)."""
    indices, zero = call.cast(indices, "int64"), call.int64([0])
    needed = call.emit("Add", call.emit("ReduceMax", indices), call.int64([1]))
    missing = call.emit("Max", call.emit("Sub", _bounded(call, needed), _length(call)), zero)
    amounts = call.emit("Concat", zero, missing, axis=0)
    grown = call.emit("Pad", call["ls"], amounts, None, zero)
    places = call.emit("Unsqueeze", indices, call.int64([1]))
    return call.emit("ScatterND", grown, places, values)


def _length(call: Lowering) -> str:
    """(1,), int64."""
    return call.emit("Shape", call["ls"], start=0, end=1)
