"""What a program costs, counted from its operations: nothing is measured or guessed.

A MAC is one multiply-accumulate of a convolution or matrix product, counted over all of its
outputs, padding included: the convention of the MobileNet paper, and of
`torch.utils.flop_counter` (two FLOPs each), the tests' oracle. Elementwise arithmetic has none.
An operation that `export.mil.ops` does not know has an *unknown* number: None, never 0.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from export.mil.ops import OPERATIONS
from export.mil.ops.call import CALL_ERRORS, Call
from export.mil.ops.elementwise import broadcast
from export.mil.program import BITS, Constant, Function, Op, Shape, TensorType
from export.mil.shapes import infer

Shapes = Mapping[str, Shape]

PIXEL_CHANNELS = 4  # an elementwise constant this small scales pixels or scores: not learned


@dataclass(frozen=True)
class OpCost:
    """The cost of one operation; None where it is not known."""

    op: Op
    input_shape: Shape | None  # of the first input that is computed
    output_shape: Shape | None
    macs: int | None
    parameters: int  # weights as the network has them, however they are stored
    weight_bytes: int  # in the file
    stored_as: str  # "float16", "int8", "4-bit palette", ...; "" without weights
    activation_bytes: int | None  # of its outputs


@dataclass(frozen=True)
class FunctionCost:
    """The cost of a function. `unknown_macs` names the operations that `macs` leaves out."""

    ops: tuple[OpCost, ...]
    macs: int
    unknown_macs: tuple[str, ...]
    parameters: int  # a weight that several operations share counts once
    weight_bytes: dict[str, int]  # by how they are stored
    activation_bytes: int | None  # of all values, as if none were freed
    peak_activation_bytes: int | None  # most that is alive at once, in the order of the file


def cost(function: Function) -> FunctionCost:
    """Count everything in `function`, at the default size of a flexible input."""
    shapes = infer(function)
    ops = tuple(_op_cost(function, op, shapes) for op in function.ops)
    weights = _unique(weight for op in function.ops for weight in learned(function, op))
    by_form: dict[str, int] = {}
    for weight in weights:
        form = stored_as(weight)
        by_form[form] = by_form.get(form, 0) + weight.size_bytes
    return FunctionCost(
        ops=ops,
        macs=sum(op.macs or 0 for op in ops),
        unknown_macs=tuple(op.op.name for op in ops if op.macs is None),
        parameters=sum(weight.type.elements for weight in weights),
        weight_bytes=by_form,
        activation_bytes=_total(op.activation_bytes for op in ops),
        peak_activation_bytes=_peak(function, shapes),
    )


def learned(function: Function, op: Op) -> Iterator[Constant]:
    """The constants of `op` that are weights: floating point and not single numbers.

    Those inside of its blocks are among them.
    """
    for inner in op.within():
        for argument in (each for arguments in inner.inputs.values() for each in arguments):
            constant = function.known(argument)
            if constant is not None and _is_weight(inner, constant):
                yield constant


def stored_as(weight: Constant) -> str:
    """How the file holds it: its type, or what it is decompressed from."""
    if weight.form == "const":
        return weight.type.dtype
    operands = weight.operands
    if "lut" in operands:
        words = f"{(_table_size(operands['lut']) - 1).bit_length()}-bit palette"
        sparse = "sparse" in weight.form
    else:
        data = operands.get("quantized_data") or operands.get("data")
        data = data or operands.get("nonzero_data") or operands.get("source_val")
        words = stored_as(data) if data is not None else weight.form
        sparse = "nonzero_data" in operands
    return words if not sparse or words.startswith("sparse") else f"sparse {words}"


def _is_weight(op: Op, constant: Constant) -> bool:
    kind = constant.type
    if not kind.dtype.startswith(("float", "bfloat")) or not kind.shape or -1 in kind.shape:
        return False
    operation = OPERATIONS.get(op.type)
    elementwise = operation is not None and operation.shape is broadcast
    return not elementwise or kind.elements > PIXEL_CHANNELS


def _table_size(table: Constant) -> int:
    """Entries of a look-up table: flat (iOS 16), or [..., entries, vector] (iOS 18)."""
    shape = table.type.shape
    return shape[0] if len(shape) == 1 else shape[-2]


def _op_cost(function: Function, op: Op, shapes: Shapes) -> OpCost:
    weights = _unique(learned(function, op))
    largest = max(weights, key=lambda weight: weight.type.elements, default=None)
    computed = [name for name in _names(op) if name not in function.constants]
    return OpCost(
        op=op,
        input_shape=shapes.get(computed[0]) if computed else None,
        output_shape=shapes.get(op.outputs[0].name) if op.outputs else None,
        macs=macs(function, op, shapes),
        parameters=sum(weight.type.elements for weight in weights),
        weight_bytes=sum(weight.size_bytes for weight in weights),
        stored_as="" if largest is None else stored_as(largest),
        activation_bytes=_total(_bytes(value, shapes) for value in op.values()),
    )


def macs(function: Function, op: Op, shapes: Shapes) -> int | None:
    """Multiply-accumulates of `op`; None when its kind or a shape is not known.

    Of a `cond` those of the branch that has more; how often a `while_loop` runs is not known.
    """
    if op.blocks:
        return _macs_within(function, op, shapes)
    operation = OPERATIONS.get(op.type)
    if operation is None or operation.macs is None:
        return None
    try:
        return operation.macs(Call(op, shapes, function.constants))
    except CALL_ERRORS:
        return None


def _macs_within(function: Function, op: Op, shapes: Shapes) -> int | None:
    counts = [_total(macs(function, inner, shapes) for inner in block.ops) for block in op.blocks]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or (op.type != "cond" and any(known)):
        return None
    return max(known)


def _names(op: Op) -> Iterator[str]:
    """Of the values that `op` and its blocks take, without those written in place."""
    return (argument for argument in op.arguments() if isinstance(argument, str))


def _bytes(value: TensorType, shapes: Shapes) -> int | None:
    if value.dtype not in BITS:
        return 0 if value.dtype in ("string", "dictionary") else None
    shape = shapes.get(value.name)
    return None if shape is None else -(-math.prod(shape) * BITS[value.dtype] // 8)


def _total(sizes: Iterable[int | None]) -> int | None:
    counted = list(sizes)
    return None if None in counted else sum(size or 0 for size in counted)


def _unique(constants: Iterable[Constant]) -> list[Constant]:
    """Each stored weight once, also where several operations or copies share it."""
    return list({(c.type.name, c.location): c for c in constants}.values())


def _peak(function: Function, shapes: Shapes) -> int | None:
    """None where the size of a value is not known."""
    sizes = {name: _bytes(value, shapes) for name, value in function.all_types().items()}
    known = {name: size for name, size in sizes.items() if size is not None}
    return peak(function, known, frozenset(function.outputs)) if len(known) == len(sizes) else None


def peak(function: Function, sizes: Mapping[str, int], kept: Collection[str]) -> int:
    """Most bytes alive at once when every value but those `kept` is freed after its last use.

    What is computed in a block is all counted as long as the block runs.
    """
    outer = function.types().keys() - {state.name for state in function.states}
    last_use = {name: at for at, op in enumerate(function.ops) for name in _names(op)}
    alive = most = sum(sizes[value.name] for value in (*function.inputs, *function.states))
    for at, op in enumerate(function.ops):
        alive += sum(sizes[output.name] for output in op.outputs)
        within = sum(sizes[value.name] for block in op.blocks for value in block.values())
        most = max(most, alive + within)
        freed = {name for name in _names(op) if last_use[name] == at and name not in kept}
        alive -= sum(sizes.get(name, 0) for name in freed & outer)
    return most
