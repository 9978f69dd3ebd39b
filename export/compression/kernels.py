"""Kernels as compressed constants, in arrays: the numbers that a file holds."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.compression import weights
from export.compression.forms import LayerForm
from export.compression.stored_weights import stored_shapes
from export.coremltools_import import coremltools
from export.mil.read import constexpr
from export.spec import ExportSpec
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.common.errors import ConfigError

Array = NDArray[Any]
QUANTIZED, CLUSTERED = "constexpr_blockwise_shift_scale", "constexpr_lut_to_dense"
SPARSE = "constexpr_sparse_to_dense"


class CompressedKernel(NamedTuple):
    """What one of MIL's operations makes a kernel (out, in / groups, kH, kW) from."""

    form: str  # the operation
    operands: dict[str, Array]
    """Its own: `data` (of the kernel's shape, int8) and `scale` (out, blocks, 1, 1); `indices` (of
    the kernel's shape, uint8) and `lut` (groups, 1, 1, 1, 2**bits, 1); `mask` (of the kernel's
    shape, uint8) and `nonzero_data`. Scales, tables and values are of the package's type."""
    bits: int  # of an element of `data`, `indices` or `mask`

    @property
    def elements(self) -> Array:
        """The operand with a number for each weight."""
        return next(iter(self.operands.values()))

    @property
    def layer_form(self) -> LayerForm:
        """Which form it is of; the percent of zeros is rounded, to one that can be asked for."""
        outputs, inputs = self.elements.shape[:2]
        if self.form == SPARSE:
            zeros = 1 - self.operands["nonzero_data"].size / self.elements.size
            return LayerForm(f"prune{min(max(round(100 * zeros), 1), 99)}")
        if self.form == CLUSTERED:
            tables = len(self.operands["lut"])
            return LayerForm(f"palette{self.bits}", None if tables == 1 else outputs // tables)
        blocks = self.operands["scale"].shape[1]
        return LayerForm(f"int{self.bits}", None if blocks == 1 else inputs // blocks)

    def dense(self) -> Array:
        """The kernel as it is computed with."""
        return constexpr.dense(self.form, self.operands, self.elements.size)[-1]

    def reshaped(self, shape: tuple[int, ...]) -> "CompressedKernel":
        """The same for a kernel that a file holds as `shape`: a matrix, say.

        Raises `ConfigError` where a scale would be for a part of an input channel.
        """
        rank, operands = len(shape), dict(self.operands)
        name = next(iter(operands))
        operands[name] = operands[name].reshape(shape)
        if self.form == QUANTIZED:
            if shape[1] % operands["scale"].shape[1]:
                scales = operands["scale"].shape[1]
                raise ConfigError(
                    f"{self.layer_form} for a layer that reads a map of {shape[1]} channels, "
                    f"which {scales} scales do not divide",
                    "choose int8 or a palette",
                )
            operands["scale"] = operands["scale"].reshape(_padded(operands["scale"].shape, rank))
        if self.form == CLUSTERED:
            tables, *_, values, one = operands["lut"].shape
            operands["lut"] = operands["lut"].reshape(*_padded((tables,), rank), values, one)
        return self._replace(operands=operands)


def quantized(codes: Array, scales: Array, bits: int) -> CompressedKernel:
    """Of whole numbers (out, in / groups, kH, kW) and their scales (out, blocks).

    Raises `ValueError` unless the blocks divide the input channels.
    """
    _check_division(codes.shape[1], scales.shape[1], "input channels")
    scale = scales.reshape(_padded(scales.shape, codes.ndim))
    return CompressedKernel(QUANTIZED, {"data": codes.astype(np.int8), "scale": scale}, bits)


def clustered(indices: Array, tables: Array) -> CompressedKernel:
    """Of indices (out, in / groups, kH, kW) into tables (groups of output channels, 2**bits).

    Raises `ValueError` unless the groups divide the output channels.
    """
    _check_division(indices.shape[0], len(tables), "output channels")
    groups, values = tables.shape
    lut = tables.reshape(*_padded((groups,), indices.ndim), values, 1)
    operands = {"indices": indices.astype(np.uint8), "lut": lut}
    return CompressedKernel(CLUSTERED, operands, values.bit_length() - 1)


def sparse(kernel: Array) -> CompressedKernel:
    """Of a kernel (out, in / groups, kH, kW), the type and values of which are kept."""
    mask = kernel != 0
    operands = {"mask": mask.astype(np.uint8), "nonzero_data": kernel[mask]}
    return CompressedKernel(SPARSE, operands, 1)


def _check_division(channels: int, parts: int, what: str) -> None:
    if channels % parts:
        raise ValueError(f"{parts} parts of {channels} {what}")


def _padded(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """With axes of one element behind, or without some, as `rank` has them."""
    kept = shape[:rank]
    assert math.prod(kept) == math.prod(shape), "only axes of one element are left out"
    return (*kept, *[1] * (rank - len(kept)))


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
        kernel = kernels[name].dense() if name in kernels else layer.kernel
        rounded = kernel.astype(dtype).astype(np.float32)
        stored[name] = Layer(rounded.reshape(layer.kernel.shape), layer.bias)
    return weights.with_corrected_biases(original, folded, stored), kernels


def compressed(kernel: Array, method: str, block: int | None) -> CompressedKernel:
    """`kernel` (out, in / groups, kH, kW) in the form `method` (int8, int4, palette2, ...).

    `block` input channels share a scale, or all of them.
    """
    if method.startswith("palette"):
        return _by_k_means(kernel, int(method.removeprefix("palette")))
    return _in_equal_steps(kernel, int(method.removeprefix("int")), block or kernel.shape[1])


def _in_equal_steps(kernel: Array, bits: int, block: int) -> CompressedKernel:
    """To equal steps on both sides of zero, in the arithmetic of the kernel's own type."""
    steps = 2 ** (bits - 1) - 1
    blocks = kernel.reshape(len(kernel), kernel.shape[1] // block, -1)
    scale = np.abs(blocks).max(axis=2, keepdims=True) / kernel.dtype.type(steps)
    data = np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale > 0)
    data = np.round(data).clip(-steps, steps).astype(np.int8)
    return quantized(data.reshape(kernel.shape), scale[..., 0], bits)


def _by_k_means(kernel: Array, bits: int) -> CompressedKernel:
    """To the nearest of 2**bits values: of kernels as large as ours, the best that there are.

    By the pass that Core ML's packages go through, which takes arrays too.
    """
    coremltools(torch=False)
    from coremltools.optimize.coreml._quantization_passes import palettize_weights

    result = palettize_weights.blockwise_compress(kernel, "KMEANS", bits, [0] * kernel.ndim)
    return CompressedKernel(CLUSTERED, {"indices": result.indices, "lut": result.lut}, bits)
