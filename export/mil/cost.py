"""What a program costs, counted from its operations: nothing is measured or guessed.

A MAC is one multiply-accumulate of a convolution or matrix product, counted over all of its
outputs, padding included: the convention of the MobileNet paper, and of
`torch.utils.flop_counter` (two FLOPs each), the tests' oracle. Elementwise arithmetic has none.
An operation in neither table has an *unknown* number: None, never 0.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from export.mil import shapes as shape_rules
from export.mil.program import BITS, Constant, Function, Op, TensorType
from export.mil.shapes import Operands, Shape, Shapes

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
class Cost:
    """The cost of a function. `unknown_macs` names the operations that `macs` leaves out."""

    ops: tuple[OpCost, ...]
    macs: int
    unknown_macs: tuple[str, ...]
    parameters: int  # a weight that several operations share counts once
    weight_bytes: dict[str, int]  # by how they are stored
    activation_bytes: int | None  # of all values, as if none were freed
    peak_activation_bytes: int | None  # most that is alive at once, in the order of the file


def cost(function: Function) -> Cost:
    """Count everything in `function`, at the default size of a flexible input."""
    shapes = shape_rules.infer(function)
    ops = tuple(_op_cost(function, op, shapes) for op in function.ops)
    weights = _unique(weight for op in function.ops for weight in learned(function, op))
    by_form: dict[str, int] = {}
    for weight in weights:
        form = stored_as(weight)
        by_form[form] = by_form.get(form, 0) + weight.size_bytes
    sizes = [op.activation_bytes for op in ops]
    return Cost(
        ops=ops,
        macs=sum(op.macs or 0 for op in ops),
        unknown_macs=tuple(op.op.name for op in ops if op.macs is None),
        parameters=sum(weight.type.elements for weight in weights),
        weight_bytes=by_form,
        activation_bytes=None if None in sizes else sum(size or 0 for size in sizes),
        peak_activation_bytes=_peak(function, shapes),
    )


def learned(function: Function, op: Op) -> Iterator[Constant]:
    """The constants of `op` that are weights: floating point and not single numbers."""
    for arguments in op.inputs.values():
        for given in arguments:
            constant = given if isinstance(given, Constant) else function.constants.get(given)
            if constant is not None and _is_weight(op, constant):
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
    return op.type not in shape_rules.BINARY or kind.elements > PIXEL_CHANNELS


def _table_size(table: Constant) -> int:
    """Entries of a look-up table: flat (iOS 16), or [..., entries, vector] (iOS 18)."""
    shape = table.type.shape
    return shape[0] if len(shape) == 1 else shape[-2]


def _op_cost(function: Function, op: Op, shapes: Shapes) -> OpCost:
    weights = _unique(learned(function, op))
    largest = max(weights, key=lambda weight: weight.type.elements, default=None)
    computed = [a for given in op.inputs.values() for a in given if isinstance(a, str)]
    computed = [name for name in computed if name not in function.constants]
    return OpCost(
        op=op,
        input_shape=shapes.get(computed[0]) if computed else None,
        output_shape=shapes.get(op.outputs[0].name) if op.outputs else None,
        macs=macs(function, op, shapes),
        parameters=sum(weight.type.elements for weight in weights),
        weight_bytes=sum(weight.size_bytes for weight in weights),
        stored_as="" if largest is None else stored_as(largest),
        activation_bytes=_total(_bytes(output, shapes) for output in op.outputs),
    )


def macs(function: Function, op: Op, shapes: Shapes) -> int | None:
    """Multiply-accumulates of `op`; None when its kind or a shape is not known."""
    if op.type in WITHOUT_MACS:
        return 0
    rule = RULES.get(op.type)
    if rule is None:
        return None
    try:
        return rule(Operands(op, shapes, function.constants))
    except (KeyError, IndexError, ValueError, ArithmeticError):
        return None


def _bytes(value: TensorType, shapes: Shapes) -> int | None:
    if value.dtype not in BITS:
        return 0 if value.dtype in ("string", "dictionary") else None
    shape = shapes.get(value.name)
    return None if shape is None else -(-math.prod(shape) * BITS[value.dtype] // 8)


def _total(sizes: Iterable[int | None]) -> int | None:
    found = list(sizes)
    return None if None in found else sum(size or 0 for size in found)


def _unique(constants: Iterable[Constant]) -> list[Constant]:
    """Each stored weight once, also where several operations or copies share it."""
    return list({(c.type.name, c.location): c for c in constants}.values())


def _peak(function: Function, shapes: Shapes) -> int | None:
    """Most bytes alive at once when every value is freed after its last use."""
    sizes = {value.name: _bytes(value, shapes) for value in function.types().values()}
    if None in sizes.values():
        return None
    last_use = {
        given: at
        for at, op in enumerate(function.ops)
        for arguments in op.inputs.values()
        for given in arguments
        if isinstance(given, str)
    }
    alive = sum(sizes[value.name] or 0 for value in function.inputs)
    peak = alive
    for at, op in enumerate(function.ops):
        alive += sum(sizes[output.name] or 0 for output in op.outputs)
        peak = max(peak, alive)
        used = {a for given in op.inputs.values() for a in given if isinstance(a, str)}
        freed = {name for name in used if last_use[name] == at and name not in function.outputs}
        alive -= sum(sizes.get(name) or 0 for name in freed)
    return peak


def _conv(o: Operands) -> int:
    return math.prod(_output(o)) * math.prod(o.shape("weight")[1:])


def _conv_transpose(o: Operands) -> int:
    return math.prod(o.shape("x")) * math.prod(o.shape("weight")[1:])


def _linear(o: Operands) -> int:
    return math.prod(_output(o)) * o.shape("weight")[1]


def _matmul(o: Operands) -> int:
    return math.prod(_output(o)) * o.shape("x")[-2 if o.integer("transpose_x", 0) else -1]


def _einsum(o: Operands) -> int:
    left, right = o.text("equation", "").split("->")[0].split(",")
    sizes = dict(zip(left.strip(), o.shape("values", 0), strict=True))
    sizes |= dict(zip(right.strip(), o.shape("values", 1), strict=True))
    return math.prod(sizes.values())


def _attention(o: Operands) -> int:
    *_, queries, depth = query = o.shape("query")
    keys, out = o.shape("key")[-2], o.shape("value")[-1]
    return math.prod(query[:-2]) * queries * keys * (depth + out)


def _output(o: Operands) -> Shape:
    return o.shapes[o.op.outputs[0].name]


RULES: dict[str, Callable[[Operands], int]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _linear,
    "matmul": _matmul,
    "einsum": _einsum,
    "scaled_dot_product_attention": _attention,
}
# Arithmetic per element, comparisons, and moving data. Not here, and so unknown: recurrent
# layers, control flow, custom layers, and whatever a later version brings.
WITHOUT_MACS = shape_rules.UNARY | shape_rules.BINARY | shape_rules.REDUCTIONS | frozenset((
    "affine", "argsort", "avg_pool", "batch_to_space", "classify", "concat", "crop",
    "crop_resize", "depth_to_space", "expand_dims", "fill", "fill_like", "flatten2d", "gather",
    "gather_along_axis", "gather_nd", "l2_pool", "max_pool", "non_maximum_suppression",
    "non_zero", "one_hot", "pad", "pixel_shuffle", "pixel_unshuffle", "range_1d", "read_state",
    "resample", "reshape", "reshape_like", "resize", "resize_bilinear",
    "resize_nearest_neighbor", "scatter", "scatter_along_axis", "scatter_nd", "shape",
    "slice_by_index", "slice_by_size", "slice_update", "sliding_windows", "space_to_batch",
    "space_to_depth", "split", "squeeze", "stack", "tile", "topk", "transpose",
    "upsample_bilinear", "upsample_nearest_neighbor", "write_state", "coreml_update_state",
))  # fmt: skip
