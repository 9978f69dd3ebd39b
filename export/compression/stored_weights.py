"""The weights that a package holds, as layers of the network."""

from typing import NamedTuple

import numpy as np

from export.formats.coreml.build import Quantizer
from export.mil.program import Function, Op
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.common.errors import VerificationError


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


class Rounding(NamedTuple):
    """Where activations go through eight bits and back."""

    quantizer: Quantizer
    before: str  # name of the value that is rounded
    after: str  # and of what becomes of it


def roundings_of(function: Function, checkpoint: Checkpoint) -> dict[str, Rounding]:
    """Those of the inputs of layers, by the layer's name; empty without w8a8."""
    makers = {output.name: op for op in function.ops for output in op.outputs}
    roundings = {}
    for name, op in _weighted(function, checkpoint).items():
        after = str(op.inputs["x"][0])
        if after in makers and makers[after].type == "dequantize":
            quantize = makers[str(makers[after].inputs["input"][0])]
            scale, zero = (function.array(quantize, key) for key in ("scale", "zero_point"))
            assert scale is not None, "an operand that MIL requires to be constant"
            quantizer = Quantizer(float(scale), 0 if zero is None else int(zero))
            roundings[name] = Rounding(quantizer, str(quantize.inputs["input"][0]), after)
    return roundings


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
