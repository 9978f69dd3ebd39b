"""The weights that a package holds, as layers of the network."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.compression.quantizer import Quantizer
from export.mil.program import Function, Op
from export.spec import ExportSpec
from mobilenet.checkpoint import Layer
from mobilenet.common.errors import PackageError
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.config import NetworkConfig

HALF = "_fp16"  # ends the name of a value that a cast to float32 follows
CONVOLUTIONAL_LOGITS = "fc"  # the classifier's matrix as a 1x1 convolution


def operation_names(layer: str) -> tuple[str, ...]:
    """What the operation that holds the weights of `layer` may be called in a program."""
    return (layer,) if layer != LOGITS else (LOGITS, f"{LOGITS}{HALF}", CONVOLUTIONAL_LOGITS)


def stored_shapes(config: NetworkConfig, spec: ExportSpec) -> dict[str, tuple[int, ...]]:
    """Of the kernel of each layer as a file holds it: a matrix, or a convolution over the map.

    `spec` is resolved. Core AI's matrices are always convolutions.
    """
    shapes: dict[str, tuple[int, ...]] = {row.name: row.kernel_shape for row in config.rows()}
    if spec.rule.head == "linear" and spec.format != "coreai":
        return shapes | config.readout.kernels
    return shapes | {layer.name: layer.convolution_shape for layer in config.readout.dense}


def layers_of(function: Function, config: NetworkConfig) -> dict[str, Layer]:
    """Kernel and bias of each layer of the network, decompressed, as float32.

    Raises `PackageError` naming the layer when the program's are not those of the network.
    """
    shapes: dict[str, tuple[int, ...]] = {row.name: row.kernel_shape for row in config.rows()}
    shapes |= config.readout.kernels
    return {
        name: Layer(
            _array(function, op, "weight", name, shapes[name]),
            _array(function, op, "bias", name, shapes[name][:1]),
        )
        for name, op in weighted_operations(function, config).items()
    }


class Rounding(NamedTuple):
    """Where activations go through eight bits and back."""

    quantizer: Quantizer
    before: str  # name of the value that is rounded
    after: str  # and of what becomes of it


def roundings_of(function: Function, config: NetworkConfig) -> dict[str, Rounding]:
    """Those of the inputs of layers, by the layer's name; empty without w8a8."""
    makers = {output.name: op for op in function.ops for output in op.outputs}
    roundings = {}
    for name, op in weighted_operations(function, config).items():
        after = str(op.inputs["x"][0])
        if after in makers and makers[after].type == "dequantize":
            quantize = makers[str(makers[after].inputs["input"][0])]
            scale, zero = (function.array(quantize, key) for key in ("scale", "zero_point"))
            assert scale is not None, "an operand that MIL requires to be constant"
            quantizer = Quantizer(float(scale), 0 if zero is None else int(zero))
            roundings[name] = Rounding(quantizer, str(quantize.inputs["input"][0]), after)
    return roundings


def weighted_operations(function: Function, config: NetworkConfig) -> dict[str, Op]:
    """The operation of each layer by the layer's name, in the network's order.

    Raises `PackageError` naming the layer when the program's are not those of the network.
    """
    weighted = {op.name: op for op in function.ops if op.type in ("conv", "linear")}
    operations = {}
    for layer in [*(row.name for row in config.rows()), *config.readout.kernels]:
        names = [name for name in operation_names(layer) if name in weighted]
        if not names:
            raise PackageError(
                f"the package has no layer {layer}", "is it of this network, and unchanged?"
            )
        operations[layer] = weighted.pop(names[0])
    if weighted:
        raise PackageError(
            f"the package has a layer {next(iter(weighted))}, the network has none of that name",
            "is it of this network, and unchanged?",
        )
    return operations


def _array(
    function: Function, op: Op, part: str, layer: str, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    array = function.array(op, part)
    if array is None or array.size != np.prod(shape):
        stored = "none that are stored" if array is None else f"shape {array.shape}"
        raise PackageError(
            f"{layer}.{part} of the package has {stored}, this network needs {shape}",
            "is it of this network, and unchanged?",
        )
    return np.array(array, np.float32).reshape(shape)  # a copy: the package's may be read-only
