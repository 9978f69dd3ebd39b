"""Values that a program computes of shapes alone: known before it runs, once its inputs are fixed.

They say how a flexible model cuts and reshapes: rows of positions, the size of a map to enlarge.
Only exact arithmetic is done here, as numpy does it. Semantics: coremltools,
`converters/mil/mil/ops/defs`.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.mil.ops.call import CALL_ERRORS, Call
from export.mil.ops.elementwise import CASTS
from export.mil.program import BITS, Constant, TensorType, is_fixed

Array = NDArray[Any]

MAX_ELEMENTS = 1 << 16  # of one value; a shape has five

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum,
    "minimum": np.minimum, "floor_div": np.floor_divide, "mod": np.mod, "equal": np.equal,
    "not_equal": np.not_equal, "greater": np.greater, "greater_equal": np.greater_equal,
    "less": np.less, "less_equal": np.less_equal, "logical_and": np.logical_and,
    "logical_or": np.logical_or, "real_div": np.divide,
}  # fmt: skip
UNARY: dict[str, Callable[[Any], Any]] = {
    "identity": np.asarray, "floor": np.floor, "ceil": np.ceil, "logical_not": np.logical_not,
    "abs": np.abs,
}  # fmt: skip
REDUCTIONS: dict[str, Callable[..., Any]] = {
    "reduce_prod": np.prod, "reduce_sum": np.sum, "reduce_max": np.max, "reduce_min": np.min,
}  # fmt: skip


def value_of(call: Call) -> Constant | None:
    """What an operation of one output gives.

    None where that is known at run time alone, is large, or cannot be held exactly.
    """
    if len(call.op.outputs) != 1 or call.op.blocks:
        return None
    (output,) = call.op.outputs
    try:
        if not _is_small(call, output):
            return None
        exact = _evaluated(call)
    except CALL_ERRORS:
        return None
    if exact is None or output.dtype not in BITS:
        return None
    known = np.asarray(exact, output.dtype)
    if not np.array_equal(known, exact):
        return None
    return Constant(TensorType(output.name, output.dtype, known.shape), lambda: known)


def _is_small(call: Call, output: TensorType) -> bool:
    """Whether all that is taken is known, and has few elements, as what is given.

    Those that make as many as they are told look at it themselves.
    """
    sizes = [constant.type.elements for constant in _constants(call)]
    if not is_fixed(output.shape) and call.op.type not in ("fill", "range_1d"):
        return False
    return max(0, output.elements, *sizes) <= MAX_ELEMENTS


def _constants(call: Call) -> Iterator[Constant]:
    """All that an operation takes, except for the `x` whose shape is asked for."""
    for parameter, arguments in call.op.inputs.items():
        if (call.op.type, parameter) != ("shape", "x"):
            yield from (a if isinstance(a, Constant) else call.constants[a] for a in arguments)


def _evaluated(call: Call) -> Array | None:
    kind = call.op.type
    if kind == "shape":
        return np.array(call.shape("x"))
    if kind in BINARY:
        return np.asarray(BINARY[kind](call.array("x"), call.array("y")))
    if kind in UNARY:
        return np.asarray(UNARY[kind](call.array("x")))
    if kind in REDUCTIONS:
        axes = tuple(call.ints("axes", range(call.array("x").ndim)))
        kept = call.flag("keep_dims", False)
        return np.asarray(REDUCTIONS[kind](call.array("x"), axis=axes, keepdims=kept))
    return MOVES[kind](call) if kind in MOVES else None


def _cast(call: Call) -> Array:
    return call.array("x").astype(CASTS[call.text("dtype", "")])


def _gather(call: Call) -> Array:
    if call.integer("batch_dims", 0):
        raise call.unsupported("batch_dims")
    return np.take(call.array("x"), call.array("indices"), axis=call.integer("axis", 0))


def _concat(call: Call) -> Array:
    if call.flag("interleave", False):
        raise call.unsupported("interleave")
    values = map(np.atleast_1d, call.all_arrays("values"))  # a scalar is joined as one element
    return np.concatenate([*values], axis=call.integer("axis"))


def _slice_by_index(call: Call) -> Array:
    x = call.array("x")
    none = [0] * x.ndim
    masks = (call.ints(mask, none) for mask in ("begin_mask", "end_mask", "squeeze_mask"))
    strides = call.ints("stride", [1] * x.ndim)
    bounds = zip(call.ints("begin"), call.ints("end"), strides, *masks, strict=True)
    places = tuple(
        begin
        if single
        else slice(None if all_before else begin, None if all_behind else end, step)
        for begin, end, step, all_before, all_behind, single in bounds
    )
    return np.asarray(x[places])


def _slice_by_size(call: Call) -> Array:
    places = tuple(
        slice(begin, None if size == -1 else begin + size)
        for begin, size in zip(call.ints("begin"), call.ints("size"), strict=True)
    )
    return np.asarray(call.array("x")[places])


def _range(call: Call) -> Array:
    start, end, step = (call.array(name).reshape(-1)[0] for name in ("start", "end", "step"))
    if not 0 <= (end - start) / step <= MAX_ELEMENTS:
        raise call.unsupported("so many numbers")
    return np.arange(start, end, step, start.dtype)


def _fill(call: Call) -> Array:
    shape = call.ints("shape")
    if not 0 <= math.prod(shape) <= MAX_ELEMENTS:
        raise call.unsupported("so many numbers")
    return np.full(shape, call.array("value").reshape(-1)[0])


MOVES: dict[str, Callable[[Call], Array]] = {
    "cast": _cast,
    "concat": _concat,
    "expand_dims": lambda call: np.expand_dims(call.array("x"), tuple(call.ints("axes"))),
    "fill": _fill,
    "gather": _gather,
    "range_1d": _range,
    "reshape": lambda call: call.array("x").reshape(call.ints("shape")),
    "select": lambda call: np.where(call.array("cond"), call.array("a"), call.array("b")),
    "slice_by_index": _slice_by_index,
    "slice_by_size": _slice_by_size,
    "squeeze": lambda call: np.squeeze(
        call.array("x"), tuple(call.ints("axes")) if call.has("axes") else None
    ),
    "stack": lambda call: np.stack(call.all_arrays("values"), axis=call.integer("axis")),
    "transpose": lambda call: np.transpose(call.array("x"), call.ints("perm")),
}
