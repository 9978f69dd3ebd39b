"""Dense values of compressed constants.

One function for each operation and style: iOS 16 packs flat bytes and gives the shape apart,
iOS 18 has arrays of small integers. Formulas: the docstrings of coremltools'
`converters/mil/mil/ops/defs/iOS16/constexpr_ops.py` and `iOS18/compression.py`. Arithmetic is
float32, rounded once to the type of the scale.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.mil.program import Constant, TensorType, Value
from export.mil.read.blobs import unpack
from export.package.model_files import REMAKE
from mobilenet.common.errors import PackageError, UnsupportedError

Array = NDArray[Any]
Operands = Mapping[str, Array]

MAX_ELEMENTS = 1 << 28  # of one dense value: a GiB in float32
MAX_EXPANSION = 64  # elements of one stored byte: 8 vectors of a palette of one bit


def loader(
    form: str, operands: Mapping[str, Constant], output: TensorType, last: TensorType, at: int = 0
) -> Callable[[], Value]:
    """How to make the output number `at` of the operation `form`; `last` is its last output."""

    def load() -> Value:
        if form not in supported():
            raise UnsupportedError(
                f"{output.name!r} is compressed by {form!r}, which is not known here",
                "export it with the compression of coremltools 9 or older",
            )
        stored = sum(constant.size_bytes for constant in operands.values())
        most = min(MAX_EXPANSION * stored, MAX_ELEMENTS)
        if not 0 <= last.elements <= most:
            raise PackageError(
                f"{output.name!r} is declared with {last.elements} elements",
                f"{stored} bytes can be decompressed to {most}",
            )
        values = {name: constant.load() for name, constant in operands.items()}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        try:
            return dense(form, arrays, last.elements)[at].reshape(output.shape)
        except (ValueError, IndexError, KeyError, ZeroDivisionError) as error:
            raise PackageError(
                f"{output.name!r} cannot be decompressed by {form}: {error}",
                REMAKE,
            ) from error

    return load


def dense(form: str, operands: Operands, elements: int) -> tuple[Array, ...]:
    """All outputs of the operation `form`; the last one has `elements` elements.

    Raises `ValueError`, `IndexError` or `KeyError` when the operands do not belong together.
    """
    flat_style = "shape" in operands
    outputs = (_FLAT if flat_style else _SHAPED)[form](operands, elements)
    if outputs[-1].size != elements:
        raise ValueError(f"{outputs[-1].size} elements instead of {elements}")
    return outputs


def supported() -> frozenset[str]:
    """Names of the operations that can be decompressed."""
    return frozenset(_SHAPED) | frozenset(_FLAT)


def _cast(operands: Operands, _: int) -> tuple[Array]:
    return (operands["source_val"].astype(np.float32),)  # the one type there is


def _affine(operands: Operands, _: int) -> tuple[Array]:
    data, scale = operands["quantized_data"], operands["scale"]

    def along_axis(values: Array) -> Array:
        shape = [1] * data.ndim
        if values.size > 1:
            shape[int(operands["axis"])] = values.size
        return values.astype(np.float32).reshape(shape)

    values = data.astype(np.float32)
    values -= along_axis(operands["zero_point"])
    values *= along_axis(scale)
    return (values.astype(scale.dtype),)


def _blockwise(operands: Operands, _: int) -> tuple[Array]:
    offset, bias = operands.get("offset"), operands.get("bias")
    return (_shift_scale(operands["data"], operands["scale"], offset, bias),)


def _lut_flat(operands: Operands, elements: int) -> tuple[Array]:
    table = operands["lut"]
    indices = unpack(operands["indices"].reshape(-1), table.size.bit_length() - 1, elements)
    return (table[indices].reshape(operands["shape"].astype(np.int64)),)


def _lut(operands: Operands, elements: int) -> tuple[Array]:
    return (_look_up(operands["indices"], operands, elements),)


def _sparse_flat(operands: Operands, elements: int) -> tuple[Array]:
    mask = unpack(operands["mask"].reshape(-1), 1, elements)
    shape = operands["shape"].astype(np.int64)
    return (_scatter(mask.reshape(shape), operands["nonzero_data"]),)


def _sparse(operands: Operands, _: int) -> tuple[Array]:
    return (_scatter(operands["mask"], operands["nonzero_data"]),)


def _lut_to_sparse(operands: Operands, elements: int) -> tuple[Array, Array]:
    mask, vector = operands["indices_mask"], operands["lut"].shape[-1]
    indices = _scatter(mask, operands["indices_nonzero_data"])
    if mask.size * vector > MAX_ELEMENTS:
        raise ValueError(f"{mask.size} vectors of {vector} elements")
    if vector > 1:
        mask = np.repeat(mask, vector, int(operands["vector_axis"]))
    if np.count_nonzero(mask) != elements:
        raise ValueError(f"the mask has {np.count_nonzero(mask)} ones, not {elements}")
    return mask, _look_up(indices, operands, mask.size)[mask != 0]


def _sparse_blockwise(operands: Operands, _: int) -> tuple[Array, Array]:
    mask = operands["data_mask"]
    data = _scatter(mask, operands["nonzero_data"])
    return mask, _shift_scale(data, operands["scale"], operands.get("offset"))[mask != 0]


def _shift_scale(
    data: Array, scale: Array, offset: Array | None, bias: Array | None = None
) -> Array:
    """scale * (data - offset) + bias, each repeated to the shape of data; Core AI has a bias."""
    result = data.astype(np.float32)
    if offset is not None:
        result -= _repeated(offset.astype(np.float32), data.shape)
    result *= _repeated(scale.astype(np.float32), data.shape)
    if bias is not None:
        result += _repeated(bias.astype(np.float32), data.shape)
    return result.astype(scale.dtype)


def _look_up(indices: Array, operands: Operands, elements: int) -> Array:
    """The table's vector for each index; the table has a block for each group of indices."""
    table = operands["lut"]  # [blocks along each axis of indices ..., 2**bits, vector]
    *blocks, _, vector = table.shape
    if indices.size * vector != elements or len(blocks) != indices.ndim:
        raise ValueError(f"indices {indices.shape} and table {table.shape} give no {elements}")
    if indices.size and int(indices.max()) >= table.shape[-2]:
        raise IndexError(f"index {int(indices.max())} into a table of {table.shape[-2]}")
    if max(blocks) == 1:
        vectors = table.reshape(-1, vector)[indices]
    else:
        grid = np.ogrid[tuple(slice(size) for size in indices.shape)]
        block = [at // (size // count)
                 for at, size, count in zip(grid, indices.shape, blocks, strict=True)]  # fmt: skip
        vectors = table[(*block, indices)]
    if vector == 1:
        return vectors[..., 0]
    axis = int(operands["vector_axis"]) % indices.ndim
    shape = [size * vector if at == axis else size for at, size in enumerate(indices.shape)]
    return np.moveaxis(vectors, -1, axis + 1).reshape(shape)


def _scatter(mask: Array, nonzero: Array) -> Array:
    result = np.zeros(mask.shape, nonzero.dtype)
    result[mask != 0] = nonzero
    return result


def _repeated(values: Array, shape: tuple[int, ...]) -> Array:
    """Each block's value for all of its elements; axes of one block are left to broadcasting."""
    for axis, (count, size) in enumerate(zip(values.shape, shape, strict=True)):
        if count not in (1, size):
            values = np.repeat(values, size // count, axis)
    return values


_Rule = Callable[[Operands, int], tuple[Array, ...]]
_FLAT: dict[str, _Rule] = {
    "constexpr_lut_to_dense": _lut_flat,
    "constexpr_sparse_to_dense": _sparse_flat,
}
_SHAPED: dict[str, _Rule] = {
    "constexpr_cast": _cast,
    "constexpr_affine_dequantize": _affine,
    "constexpr_blockwise_shift_scale": _blockwise,
    "constexpr_lut_to_dense": _lut,
    "constexpr_sparse_to_dense": _sparse,
    "constexpr_lut_to_sparse": _lut_to_sparse,
    "constexpr_sparse_blockwise_shift_scale": _sparse_blockwise,
}
