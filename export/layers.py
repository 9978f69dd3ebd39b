"""The weights that a package holds, as layers of the network."""

import numpy as np

from export.build import Quantizer
from export.mil.program import Function, Op
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.errors import VerificationError


def layers_of(function: Function, checkpoint: Checkpoint) -> dict[str, Layer]:
    """Kernel and bias of each layer of `checkpoint`, decompressed, as float32.

    Raises `VerificationError` when the program has other layers than the network.
    """
    layers = {}
    for name, op in _weighted(function, checkpoint).items():
        kernel, bias = function.array(op, "weight"), function.array(op, "bias")
        shape = checkpoint.layers[name].kernel.shape
        if kernel is None or bias is None or kernel.size != np.prod(shape):
            raise VerificationError(
                f"layer {name} of the package has other weights than the network",
                "were other weights exported?",
            )
        layers[name] = Layer(kernel.reshape(shape).astype(np.float32), bias.astype(np.float32))
    return layers


def quantizers_of(function: Function, checkpoint: Checkpoint) -> dict[str, Quantizer]:
    """What the inputs of layers go through, by its name; empty without w8a8."""
    makers = {output.name: op for op in function.ops for output in op.outputs}
    quantizers = {}
    for name, op in _weighted(function, checkpoint).items():
        dequantize = makers.get(str(op.inputs["x"][0]))
        if dequantize is not None and dequantize.type == "dequantize":
            quantize = makers[str(dequantize.inputs["input"][0])]
            scale, zero = (function.array(quantize, key) for key in ("scale", "zero_point"))
            assert scale is not None, "an operand that MIL requires to be constant"
            quantizers[name] = Quantizer(float(scale), 0 if zero is None else int(zero))
    return quantizers


def _weighted(function: Function, checkpoint: Checkpoint) -> dict[str, Op]:
    """The operation of each layer, in order."""
    weighted = [op for op in function.ops if op.type in ("conv", "linear")]
    if len(weighted) != len(checkpoint.layers):
        raise VerificationError(
            f"the package has {len(weighted)} layers with weights, "
            f"the network {len(checkpoint.layers)}",
            "were other weights exported?",
        )
    return dict(zip(checkpoint.layers, weighted, strict=True))
