"""Operations on each element, of one value or of two that are broadcast.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/elementwise_unary.py` and
`elementwise_binary.py`, `iOS17/elementwise_unary.py`.
"""

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers, same_shape
from export.mil.program import Shape

# MIL's name -> ONNX's. Where rounding is concerned: both `round`s go to even at the half.
UNARY = {
    "abs": "Abs", "acos": "Acos", "asin": "Asin", "atan": "Atan", "atanh": "Atanh",
    "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf", "exp": "Exp", "floor": "Floor",
    "identity": "Identity", "logical_not": "Not", "round": "Round", "sign": "Sign", "sin": "Sin",
    "sinh": "Sinh", "sqrt": "Sqrt", "tan": "Tan",
    "layer.acosh": "Acosh", "layer.asinh": "Asinh",  # of the old format alone
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


@lowers(*UNARY, shape=same_shape)
def unary(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: ONNX has the same operation."""
    return call.emit(UNARY[call.op.type], call["x"])


def broadcast(call: Call) -> list[Shape]:
    """Of `x` and `y`, as numpy does it."""
    return [np.broadcast_shapes(call.shape("x"), call.shape("y"))]


@lowers(*BINARY, shape=broadcast)
def binary(call: Lowering) -> str:
    """x tensor<[*D1], T>, y tensor<[*D2], T> -> tensor<[*D_out], T or bool>: ONNX has the same
    operation."""
    return call.emit(BINARY[call.op.type], call["x"], call["y"])


@lowers("not_equal", shape=broadcast)
def not_equal(call: Lowering) -> str:
    """x tensor<[*D1], T>, y tensor<[*D2], T> -> tensor<[*D_out], bool>."""
    return call.emit("Not", call.emit("Equal", call["x"], call["y"]))


@lowers("mod", shape=broadcast)
def mod(call: Lowering) -> str:
    """x tensor<[*D1], T>, y tensor<[*D2], T> -> tensor<[*D_out], T>: x - floor(x / y) y, so the
    sign is that of y, as in Python."""
    if call.tensor_type().dtype == "int32":
        return call.emit("Mod", call["x"], call["y"])
    whole = call.emit("Floor", call.emit("Div", call["x"], call["y"]))
    return call.emit("Sub", call["x"], call.emit("Mul", whole, call["y"]))


@lowers("floor_div", shape=broadcast)
def floor_div(call: Lowering) -> str:
    """x tensor<[*D1], T>, y tensor<[*D2], T> -> tensor<[*D_out], T>: floor(x / y)."""
    if call.tensor_type().dtype == "int32":  # ONNX divides integers towards zero
        whole = call.emit("Sub", call["x"], mod(call))
        return call.emit("Div", whole, call["y"])
    return call.emit("Floor", call.emit("Div", call["x"], call["y"]))


@lowers("square", shape=same_shape)
def square(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: x x."""
    return call.emit("Mul", call["x"], call["x"])


@lowers("exp2", shape=same_shape)
def exp2(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: 2 to the power of x."""
    return call.emit("Pow", call.constant_like(2), call["x"])


@lowers("inverse", shape=same_shape)
def inverse(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: 1 / (x + epsilon)."""
    shifted = call.emit("Add", call["x"], call.constant(call.number("epsilon", 1e-4)))
    return call.emit("Reciprocal", shifted)


@lowers("rsqrt", shape=same_shape)
def rsqrt(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: 1 / sqrt(x + epsilon)."""
    shifted = call.emit("Add", call["x"], call.constant(call.number("epsilon", 1e-12)))
    return call.emit("Reciprocal", call.emit("Sqrt", shifted))


@lowers("log", shape=same_shape)
def log(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: log(x + epsilon)."""
    epsilon = call.constant(call.number("epsilon", 1e-45))
    return call.emit("Log", call.emit("Add", call["x"], epsilon))


@lowers("threshold", shape=same_shape)
def threshold(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], T>: max(x, alpha)."""
    return call.emit("Max", call["x"], call.constant_like(call.number("alpha")))


def _select_shape(call: Call) -> list[Shape]:
    return [np.broadcast_shapes(*(call.shape(name) for name in ("cond", "a", "b")))]


@lowers("select", shape=_select_shape)
def select(call: Lowering) -> str:
    """cond tensor<[*D1], bool>, a tensor<[*D2], T>, b tensor<[*D3], T> -> tensor<[*D_out], T>."""
    dtype, chosen = call.tensor_type("a").dtype, [call["a"], call["b"]]
    if dtype not in ("bool", "int16", "uint16"):
        return call.emit("Where", call["cond"], *chosen)
    wide = [call.cast(value, "int32") for value in chosen]  # ONNX Runtime chooses no narrow ones
    return call.cast(call.emit("Where", call["cond"], *wide), dtype)


@lowers("cast", shape=same_shape)
def cast(call: Lowering) -> str:
    """x tensor<[*d], T> -> tensor<[*d], dtype>."""
    target = CASTS.get(call.text("dtype", ""))
    source = call.tensor_type().dtype
    if target is None:
        raise call.unsupported(f"dtype {call.text('dtype', '')!r}")
    if target == source or {target, source} <= {"float16", "float32"}:
        return call["x"]  # the graph computes both in float32, and rounds where it is declared
    return call.cast(call["x"], target)
