"""Kernels as compressed constants, in arrays: the numbers that coremltools' passes store."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.compression import weights
from export.compression.stored_weights import stored_shapes
from export.coremltools_import import coremltools
from export.mil.read import constexpr
from export.spec import ExportSpec
from mobilenet.checkpoint import Checkpoint, Layer

Array = NDArray[Any]
QUANTIZED, CLUSTERED = "constexpr_blockwise_shift_scale", "constexpr_lut_to_dense"


class CompressedKernel(NamedTuple):
    """What one of MIL's operations makes a kernel (out, in / groups, kH, kW) from."""

    form: str  # the operation
    operands: dict[str, Array]  # its own: `data` and `scale`, or `indices` and `lut`
    bits: int  # of an element of `data` or `indices`

    def dense(self, elements: int) -> Array:
        """The kernel as it is computed with."""
        return constexpr.dense(self.form, self.operands, elements)[-1]


def compressed_network(
    original: Checkpoint, folded: Checkpoint, spec: ExportSpec, dtype: type[np.floating]
) -> tuple[Checkpoint, dict[str, CompressedKernel]]:
    """`folded` with the biases that belong to its compressed kernels; and these, by layer.

    Raises `ConfigError` where no layer is large enough.
    """
    block, shapes = weights.block_size(folded, spec), stored_shapes(folded.config, spec)
    kernels = {
        name: compressed(
            folded.layers[name].kernel.astype(dtype).reshape(shapes[name]),
            str(spec.compress),
            block,
        )
        for name in weights.compressed_layers(folded, spec)
    }
    stored = {}
    for name, layer in folded.layers.items():
        kernel = kernels[name].dense(layer.kernel.size) if name in kernels else layer.kernel
        rounded = kernel.astype(dtype).astype(np.float32)
        stored[name] = Layer(rounded.reshape(layer.kernel.shape), layer.bias)
    return weights.with_corrected_biases(original, folded, stored), kernels


def compressed(kernel: Array, method: str, block: int | None) -> CompressedKernel:
    """`kernel` (out, in / groups, kH, kW) in the form `method` (int8, int4, palette2, ...).

    `block` input channels share a scale, or all of them.
    """
    if method.startswith("palette"):
        return _clustered(kernel, int(method.removeprefix("palette")))
    return _quantized(kernel, int(method.removeprefix("int")), block or kernel.shape[1])


def _quantized(kernel: Array, bits: int, block: int) -> CompressedKernel:
    """To equal steps on both sides of zero, in the arithmetic of the kernel's own type."""
    steps = 2 ** (bits - 1) - 1
    blocks = kernel.reshape(len(kernel), kernel.shape[1] // block, -1)
    scale = np.abs(blocks).max(axis=2, keepdims=True) / kernel.dtype.type(steps)
    data = np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale > 0)
    data = np.round(data).clip(-steps, steps).astype(np.int8)
    operands = {"data": data.reshape(kernel.shape), "scale": scale[..., None]}
    return CompressedKernel(QUANTIZED, operands, bits)


def _clustered(kernel: Array, bits: int) -> CompressedKernel:
    """To the nearest of 2**bits values: of kernels as large as ours, the best that there are.

    By the pass that Core ML's packages go through, which takes arrays too.
    """
    coremltools(torch=False)
    from coremltools.optimize.coreml._quantization_passes import palettize_weights

    result = palettize_weights.blockwise_compress(kernel, "KMEANS", bits, [0] * kernel.ndim)
    return CompressedKernel(CLUSTERED, {"indices": result.indices, "lut": result.lut}, bits)
