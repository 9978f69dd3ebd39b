"""Operations on each element, of one value or of two that are broadcast."""

import numpy as np

from export.mil.ops.graph import ONNX_TYPES
from export.mil.ops.operation import Call, lowers

# MIL's name -> ONNX's. Where rounding is concerned: both `round`s go to even at the half.
UNARY = {
    "abs": "Abs", "acos": "Acos", "asin": "Asin", "atan": "Atan", "atanh": "Atanh",
    "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf", "exp": "Exp", "floor": "Floor",
    "identity": "Identity", "logical_not": "Not", "round": "Round", "sign": "Sign", "sin": "Sin",
    "sinh": "Sinh", "sqrt": "Sqrt", "tan": "Tan",
}  # fmt: skip
BINARY = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "real_div": "Div", "maximum": "Max",
    "minimum": "Min", "pow": "Pow", "equal": "Equal", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "less": "Less", "less_equal": "LessOrEqual",
    "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor",
}  # fmt: skip
CASTS = {
    "fp16": "float16", "fp32": "float32", "int32": "int32", "int16": "int16",
    "uint16": "uint16", "int8": "int8", "uint8": "uint8", "bool": "bool",
}  # fmt: skip


def _unary(call: Call) -> str:
    return call.emit(UNARY[call.op.type], call["x"])


def _binary(call: Call) -> str:
    return call.emit(BINARY[call.op.type], call["x"], call["y"])


lowers(*UNARY)(_unary)
lowers(*BINARY)(_binary)


@lowers("not_equal")
def not_equal(call: Call) -> str:
    return call.emit("Not", call.emit("Equal", call["x"], call["y"]))


@lowers("mod")
def mod(call: Call) -> str:
    """x - floor(x / y) y: the sign is that of y, as in Python."""
    if call.tensor_type().dtype == "int32":
        return call.emit("Mod", call["x"], call["y"])
    whole = call.emit("Floor", call.emit("Div", call["x"], call["y"]))
    return call.emit("Sub", call["x"], call.emit("Mul", whole, call["y"]))


@lowers("floor_div")
def floor_div(call: Call) -> str:
    if call.tensor_type().dtype == "int32":  # ONNX divides integers towards zero
        whole = call.emit("Sub", call["x"], mod(call))
        return call.emit("Div", whole, call["y"])
    return call.emit("Floor", call.emit("Div", call["x"], call["y"]))


@lowers("square")
def square(call: Call) -> str:
    return call.emit("Mul", call["x"], call["x"])


@lowers("exp2")
def exp2(call: Call) -> str:
    return call.emit("Pow", call.constant(2), call["x"])


@lowers("inverse")
def inverse(call: Call) -> str:
    """1 / (x + epsilon)."""
    shifted = call.emit("Add", call["x"], call.constant(call.number("epsilon", 1e-4)))
    return call.emit("Reciprocal", shifted)


@lowers("rsqrt")
def rsqrt(call: Call) -> str:
    """1 / sqrt(x + epsilon)."""
    shifted = call.emit("Add", call["x"], call.constant(call.number("epsilon", 1e-12)))
    return call.emit("Reciprocal", call.emit("Sqrt", shifted))


@lowers("log")
def log(call: Call) -> str:
    """log(x + epsilon)."""
    epsilon = call.constant(call.number("epsilon", 1e-45))
    return call.emit("Log", call.emit("Add", call["x"], epsilon))


@lowers("threshold")
def threshold(call: Call) -> str:
    """max(x, alpha)."""
    return call.emit("Max", call["x"], call.constant(call.number("alpha")))


@lowers("select")
def select(call: Call) -> str:
    return call.emit("Where", call["cond"], call["a"], call["b"])


@lowers("cast")
def cast(call: Call) -> str:
    wanted = CASTS.get(call.text("dtype", ""))
    given = call.tensor_type().dtype
    if wanted is None:
        raise call.unsupported(f"dtype {call.text('dtype', '')!r}")
    floats = {"float16", "float32"}
    if wanted == given or {wanted, given} <= floats:
        return call["x"]  # the graph computes both in float32, and rounds where it is declared
    return call.emit("Cast", call["x"], to=ONNX_TYPES[wanted])


@lowers("fill_like")
def fill_like(call: Call) -> str:
    value = call.array("value").reshape(-1)[0]
    shape = call.constant(call.shape("ref_tensor"), np.int64)
    return call.emit("Expand", call.constant(value, value.dtype.type), shape)
