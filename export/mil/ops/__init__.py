"""MIL's operations: for each its types, its shape, its cost, and how it is said in ONNX.

The modules enter their operations in one table when they are imported. Loads no onnx.
"""

from export.mil.ops import (
    activation,
    control_flow,
    convolution,
    creation,
    cropping,
    elementwise,
    kept_state,
    matrix_product,
    normalization,
    pooling,
    quantization,
    recurrence,
    reduction,
    resizing,
    sampling,
    scatter_gather,
    selection,
    slicing,
    space_blocks,
    tensor_list,
    tensor_operation,
    tensor_transformation,
)
from export.mil.ops.operation import OPERATIONS, is_lowered

__all__ = [
    "OPERATIONS",
    "activation",
    "control_flow",
    "convolution",
    "creation",
    "cropping",
    "elementwise",
    "is_lowered",
    "kept_state",
    "matrix_product",
    "normalization",
    "pooling",
    "quantization",
    "recurrence",
    "reduction",
    "resizing",
    "sampling",
    "scatter_gather",
    "selection",
    "slicing",
    "space_blocks",
    "tensor_list",
    "tensor_operation",
    "tensor_transformation",
]
