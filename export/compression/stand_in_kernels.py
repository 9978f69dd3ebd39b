"""Kernels of the size that learned ones will have, for a file whose bytes are counted."""

import numpy as np

from export.compression import kernels
from export.compression.forms import LayerForm
from export.compression.kernels import CompressedKernel


def stand_in(
    kernel_shape: tuple[int, ...], form: LayerForm, dtype: type[np.floating]
) -> CompressedKernel:
    """Of a kernel (out, in / groups, kH, kW), in whole numbers or a palette."""
    outputs, inputs = kernel_shape[:2]
    rng = np.random.default_rng(0)  # equal constants might be stored once
    bits = int(form.method.removeprefix("int").removeprefix("palette"))
    if form.method.startswith("int"):
        codes = rng.integers(-1, 2, kernel_shape)
        scales = rng.random((outputs, inputs // (form.group or inputs))).astype(dtype)
        return kernels.quantized(codes, scales, bits)
    tables = rng.random((outputs // (form.group or outputs), 2**bits)).astype(dtype)
    return kernels.clustered(rng.integers(0, 2**bits, kernel_shape), tables)
