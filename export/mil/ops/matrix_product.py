"""Products of matrices. Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/linear.py`."""

import math

import numpy as np

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape


def _linear_shape(call: Call) -> list[Shape]:
    return [(*call.shape("x")[:-1], call.shape("weight")[0])]


def _linear_macs(call: Call) -> int:
    return math.prod(call.output_shape()) * call.shape("weight")[1]


@lowers("linear", shape=_linear_shape, macs=_linear_macs)
def linear(call: Lowering) -> str:
    """x tensor<[*D, D_in], T>, weight tensor<[D_out, D_in], T>, bias tensor<[D_out], T>
    -> tensor<[*D, D_out], T>: x weight^T + bias."""
    if len(call.tensor_type().shape) == 2 and call.tensor_type().dtype.startswith("float"):
        return call.emit("Gemm", call["x"], call["weight"], call.get("bias"), transB=1)
    transposed = call.emit("Transpose", call["weight"], perm=[1, 0])
    product = call.emit("MatMul", call["x"], transposed)
    bias = call.get("bias")
    return product if bias is None else call.emit("Add", product, bias)


def _matrices(call: Call) -> tuple[Shape, Shape]:
    """Shapes of both operands as they are multiplied: a vector is a row of x, a column of y."""
    x, y = call.shape("x"), call.shape("y")
    if call.flag("transpose_x", False) and len(x) > 1:
        x = (*x[:-2], x[-1], x[-2])
    if call.flag("transpose_y", False) and len(y) > 1:
        y = (*y[:-2], y[-1], y[-2])
    return ((1, *x) if len(x) == 1 else x), ((*y, 1) if len(y) == 1 else y)


def _matmul_shape(call: Call) -> list[Shape]:
    x, y = _matrices(call)
    rows = (x[-2],) if call.rank("x") > 1 else ()
    columns = (y[-1],) if call.rank("y") > 1 else ()
    return [(*np.broadcast_shapes(x[:-2], y[:-2]), *rows, *columns)]


def _matmul_macs(call: Call) -> int:
    return math.prod(call.output_shape()) * _matrices(call)[0][-1]


@lowers("matmul", shape=_matmul_shape, macs=_matmul_macs)
def matmul(call: Lowering) -> str:
    """x tensor<[*D, M, K], T>, y tensor<[*D, K, N], T> -> tensor<[*D, M, N], T>: the product of
    the last two dimensions, broadcast over the others; a vector loses its dimension."""
    operands = []
    for name in ("x", "y"):
        operand, rank = call[name], call.rank(name)
        if call.flag(f"transpose_{name}", False) and rank > 1:
            axes = [*range(rank - 2), rank - 1, rank - 2]
            operand = call.emit("Transpose", operand, perm=axes)
        operands.append(operand)
    return call.emit("MatMul", *operands)


def _einsum_sizes(call: Call) -> dict[str, int]:
    """Size of each axis by its letter; an axis of 1 is broadcast."""
    sizes: dict[str, int] = {}
    operands = call.text("equation", "").split("->")[0].split(",")
    for letters, shape in zip(operands, call.all_shapes("values"), strict=True):
        for letter, size in zip(letters.strip(), shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return sizes


def _einsum_shape(call: Call) -> list[Shape]:
    sizes, result = _einsum_sizes(call), call.text("equation", "").split("->")[1]
    return [tuple(sizes[letter] for letter in result.strip())]


def _einsum_macs(call: Call) -> int:
    return math.prod(_einsum_sizes(call).values())


@lowers("einsum", shape=_einsum_shape, macs=_einsum_macs)
def einsum(call: Lowering) -> str:
    """values Tuple[tensor<[*D, C, H, W1], T>, tensor<[*D, W1, H, W2], T>]
    -> tensor<[*D, C, H, W2], T>, by `equation`."""
    return call.emit("Einsum", *call.many("values"), equation=call.text("equation", ""))


def _attention_shape(call: Call) -> list[Shape]:
    return [(*call.shape("query")[:-1], call.shape("value")[-1])]


def _attention_macs(call: Call) -> int:
    *batch, queries, depth = call.shape("query")
    keys, depth_out = call.shape("key")[-2], call.shape("value")[-1]
    return math.prod(batch) * queries * keys * (depth + depth_out)


@lowers("scaled_dot_product_attention", shape=_attention_shape, macs=_attention_macs)
def scaled_dot_product_attention(call: Lowering) -> str:
    """query tensor<[B, *D, L, E], T>, key tensor<[B, *D, S, E], T>, value tensor<[B, *D, S, EV],
    T>, attn_mask tensor<[*M, S], M> -> tensor<[B, *D, L, EV], T>: softmax(query key^T / sqrt(E)
    + mask) value; where a mask of truth values is false, nothing is looked at (coremltools,
    `defs/iOS18/transformers.py`)."""
    rank = call.rank("key")
    keys = call.emit("Transpose", call["key"], perm=[*range(rank - 2), rank - 1, rank - 2])
    scale = call.constant(1 / math.sqrt(call.shape("query")[-1]))
    scores = call.emit("Mul", call.emit("MatMul", call["query"], keys), scale)
    if call.has("attn_mask"):
        mask = call["attn_mask"]
        if call.tensor_type("attn_mask").dtype == "bool":
            mask = call.emit("Where", mask, call.constant(0.0), call.constant(-np.inf))
        scores = call.emit("Add", scores, mask)
    return call.emit("MatMul", call.emit("Softmax", scores, axis=-1), call["value"])
