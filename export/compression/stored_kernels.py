"""The compressed kernels that a file holds, in one notation whatever the format."""

import math
from collections.abc import Mapping

import numpy as np

from export.compression import kernels
from export.compression.kernels import CLUSTERED, QUANTIZED, SPARSE, Array, CompressedKernel
from export.compression.stored_weights import weighted_operations
from export.mil.program import BITS, Constant, Function
from export.mil.read.blobs import unpack
from export.package.model_files import REMAKE
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError
from mobilenet.networks.config import NetworkConfig

AFFINE = "constexpr_affine_dequantize"  # of eight bits, until iOS 17


def kernels_of(function: Function, config: NetworkConfig) -> dict[str, CompressedKernel]:
    """By layer, of the shape that the file holds.

    Raises `PackageError` naming the layer for a form that no export of ours has.
    """
    found = {}
    for name, operation in weighted_operations(function, config).items():
        constant = function.argument(operation, "weight")
        if constant is not None and constant.form in (QUANTIZED, CLUSTERED, SPARSE, AFFINE):
            with decoding(f"{name}.kernel of the package", REMAKE, PackageError):
                found[name] = _kernel(name, constant)
    return found


def _kernel(layer: str, constant: Constant) -> CompressedKernel:
    parts = {name: np.asarray(part.load()) for name, part in constant.operands.items()}
    outputs = constant.type.shape[0]
    if any(np.any(parts[name]) for name in ("zero_point", "offset") if name in parts):
        raise _unknown(layer, "zeros that are not 0")
    if constant.form == AFFINE:
        scales = np.broadcast_to(parts["scale"].reshape(-1, 1), (outputs, 1))
        return kernels.quantized(parts["quantized_data"], scales, 8)
    if constant.form == QUANTIZED:
        bits, scale = BITS[constant.operands["data"].type.dtype], parts["scale"]
        if scale.shape[0] != outputs or scale.size != outputs * scale.shape[1]:
            raise _unknown(layer, f"scales of shape {scale.shape}")
        return kernels.quantized(parts["data"], scale.reshape(scale.shape[:2]), bits)
    if constant.form == CLUSTERED:
        return _clustered(layer, constant, parts)
    return kernels.sparse(np.asarray(constant.load()))


def _clustered(layer: str, constant: Constant, parts: Mapping[str, Array]) -> CompressedKernel:
    table, shape = parts["lut"], constant.type.shape
    if "shape" in parts:  # until iOS 17 one table, and bytes without a shape
        bits = table.size.bit_length() - 1
        indices = unpack(parts["indices"].reshape(-1), bits, math.prod(shape)).reshape(shape)
        return kernels.clustered(indices, table.reshape(1, -1))
    tables, values = len(table), table.shape[-2]
    if table.size != tables * values:
        raise _unknown(layer, f"tables of shape {table.shape}")
    return kernels.clustered(parts["indices"], table.reshape(tables, values))


def _unknown(layer: str, what: str) -> PackageError:
    return PackageError(
        f"{layer}.kernel of the package has {what}, which no export of this tool has",
        "is it unchanged?",
    )
