"""How each operation of MIL is said in ONNX: one short function per operation, by family."""

from export.mil.ops import (
    activation,
    convolution,
    elementwise,
    normalization,
    pooling,
    quantization,
    reduction,
    resizing,
    shaping,
)
from export.mil.ops.operation import LOWERINGS

__all__ = [
    "LOWERINGS",
    "activation",
    "convolution",
    "elementwise",
    "normalization",
    "pooling",
    "quantization",
    "reduction",
    "resizing",
    "shaping",
]
