"""Compressed kernels as Core ML stores them: the operations that make them dense again.

Which ones goes by the opset. Until iOS 17 bytes are packed here and the shape is given apart;
since iOS 18 arrays have elements of less than a byte, and a kernel several scales or tables.
Sources: coremltools, `iOS16/constexpr_ops.py`, `iOS18/compression.py`.
"""

from typing import Any

import numpy as np

from export.compression.kernels import CLUSTERED, QUANTIZED, CompressedKernel


def compressed_weight(mb: Any, kernel: CompressedKernel, name: str, *, packed: bool) -> Any:
    """The dense kernel called `name`, of coremltools' Builder `mb`; `packed`: until iOS 17."""
    if packed:
        return _packed(mb, kernel, name)
    operands = dict(kernel.operands)
    part = next(iter(operands))
    operands[part] = _narrowed(operands[part], kernel.bits)
    return getattr(mb, kernel.form)(**operands, name=name)


def _packed(mb: Any, kernel: CompressedKernel, name: str) -> Any:
    from coremltools.optimize._utils import pack_elements_into_bits

    operands, elements = kernel.operands, kernel.elements
    if kernel.form == QUANTIZED:
        scale = operands["scale"].reshape(-1)
        return mb.constexpr_affine_dequantize(
            quantized_data=elements, scale=scale, zero_point=np.zeros(scale.shape, np.int8),
            axis=np.int32(0), name=name,
        )  # fmt: skip
    shape, flat = (
        np.array(elements.shape, np.uint32),
        pack_elements_into_bits(elements, kernel.bits),
    )
    if kernel.form == CLUSTERED:
        lut = operands["lut"].reshape(-1)
        return mb.constexpr_lut_to_dense(indices=flat, lut=lut, shape=shape, name=name)
    nonzero = operands["nonzero_data"]
    return mb.constexpr_sparse_to_dense(mask=flat, nonzero_data=nonzero, shape=shape, name=name)


def _narrowed(values: np.ndarray[Any, np.dtype[Any]], bits: int) -> Any:
    """Of coremltools' type for elements of `bits`, which numpy has as bytes."""
    from coremltools.converters.mil.mil import types

    kind = f"{'int' if values.dtype.kind == 'i' else 'uint'}{bits}"
    return values.astype(types.nptype_from_builtin(types.string_to_builtin(kind)))
