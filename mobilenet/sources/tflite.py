"""TensorFlow Lite: the authors' quantised releases, and float models of the same network.

tensorflow/lite/schema/schema.fbs, read with the `tflite` package, which is that schema. Batch
norms are folded in these files. Quantised numbers are turned back into floats: scale x (q - zero
point), per tensor or per channel; the float network so read is not bit for bit the quantised one.
"""

import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.checkpoint import Array, Checkpoint, Layer, Provenance
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import labels_for
from mobilenet.networks.rows import Activation, Padding
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import INCEPTION, Normalization
from mobilenet.sources.assemble import assemble, licence_of

MAX_ITEMS = 10_000  # operators, or tensors, of a graph; the largest release has 89 tensors
_KERNELS = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2), "FULLY_CONNECTED": (0, 1)}
_ACTIVATIONS: dict[str, Activation] = {"RELU": "relu", "RELU6": "relu6"}
_WITHOUT_NUMBERS = {"AVERAGE_POOL_2D", "MEAN", "RESHAPE", "SQUEEZE", "SOFTMAX", "PAD",
                    "QUANTIZE", "DEQUANTIZE", "SHAPE", "STRIDED_SLICE", "PACK"}  # fmt: skip


def read(path: Path) -> Checkpoint:
    """The network in a `.tflite`. Raises `CheckpointError` naming the operator or tensor."""
    try:
        return _network(path.read_bytes(), path.name)
    except (
        struct.error,
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as error:
        raise CheckpointError(  # flatbuffers follows offsets wherever they lead
            f"{path.name} is a damaged TensorFlow Lite file: {error}", "download or copy it again"
        ) from error


@dataclass(frozen=True)
class _Operator:
    kind: str  # as in schema.fbs: "CONV_2D"
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any  # Conv2DOptions and the like, or None


class _Graph:
    """The one subgraph of a model: its operators in order, its constants as floats."""

    def __init__(self, data: bytes, name: str) -> None:
        from tflite import Model

        self.model = Model.GetRootAs(data, 0)
        if self.model.SubgraphsLength() != 1:
            raise CheckpointError(
                f"{name} has {self.model.SubgraphsLength()} graphs, not 1", "is it a MobileNet v1?"
            )
        self.graph = self.model.Subgraphs(0)
        counts = (self.graph.OperatorsLength(), self.graph.TensorsLength())
        if max(counts) > MAX_ITEMS:
            raise CheckpointError(
                f"{name} has {counts[0]:,} operators and {counts[1]:,} tensors",
                "is it a MobileNet v1?",
            )
        self.operators = [self._operator(index) for index in range(counts[0])]
        self._makers = {op.outputs[0]: op for op in self.operators if op.outputs}

    def tensor(self, index: int) -> Any:
        if not 0 <= index < self.graph.TensorsLength():
            raise CheckpointError(f"tensor {index} is used but not there", "the file is damaged")
        return self.graph.Tensors(index)

    def maker(self, index: int) -> _Operator | None:
        """The operator that tensor `index` comes out of."""
        return self._makers.get(index)

    def integers(self, index: int) -> NDArray[Any]:
        """A constant as it is stored."""
        tensor = self.tensor(index)
        dtype = _DTYPES.get(tensor.Type())
        shape = tuple(int(side) for side in np.atleast_1d(tensor.ShapeAsNumpy()))
        data = np.atleast_1d(self.model.Buffers(tensor.Buffer()).DataAsNumpy())
        name = tensor.Name().decode("utf-8", "backslashreplace")
        if dtype is None:
            raise CheckpointError(f"tensor {name} is of type {tensor.Type()}, not read here")
        if min(shape) < 0 or data.nbytes != np.dtype(dtype).itemsize * math.prod(shape):
            raise CheckpointError(
                f"tensor {name} holds {data.nbytes} bytes for shape {shape}", "the file is damaged"
            )
        return data.view(dtype).reshape(shape)

    def floats(self, index: int) -> Array:
        """A constant as the floats it stands for."""
        maker = self.maker(index)
        if maker is not None and maker.kind == "DEQUANTIZE":  # float16 weights
            index = maker.inputs[0]
        stored = self.integers(index)
        if stored.dtype.kind == "f":
            return stored.astype(np.float32)
        scale, zero, axis = self.quantization(index)
        if scale.size not in (1, stored.shape[axis]) or zero.size not in (1, scale.size):
            raise CheckpointError(f"tensor {index} has {scale.size} scales for {stored.shape}")
        sides = [-1 if side == axis else 1 for side in range(stored.ndim)]
        real: Array = (stored - zero.reshape(sides)) * np.float64(scale).reshape(sides)
        return real.astype(np.float32)

    def quantization(self, index: int) -> tuple[NDArray[Any], NDArray[Any], int]:
        """(scales, zero points, the axis they run along)."""
        scheme = self.tensor(index).Quantization()
        if scheme is None or not scheme.ScaleLength():
            raise CheckpointError(f"tensor {index} holds integers without a scale")
        zero = scheme.ZeroPointAsNumpy() if scheme.ZeroPointLength() else np.zeros(1, np.int64)
        axis = scheme.QuantizedDimension()
        return np.atleast_1d(scheme.ScaleAsNumpy()), np.atleast_1d(zero), axis

    def _operator(self, index: int) -> _Operator:
        from tflite import BuiltinOperator, Conv2DOptions, DepthwiseConv2DOptions

        operator = self.graph.Operators(index)
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kinds = {value: key for key, value in vars(BuiltinOperator).items() if value == number}
        kind = kinds.get(number, f"operator {number}")
        options = {"CONV_2D": Conv2DOptions, "DEPTHWISE_CONV_2D": DepthwiseConv2DOptions}
        made, table = None, operator.BuiltinOptions()
        if kind in options and table is not None:
            made = options[kind]()
            made.Init(table.Bytes, table.Pos)
        inputs, outputs = operator.InputsAsNumpy(), operator.OutputsAsNumpy()
        return _Operator(kind, tuple(map(int, inputs)), tuple(map(int, outputs)), made)


_EXPLICIT = {"[[0, 1], [0, 1]]": "keras", "[[1, 1], [1, 1]]": "symmetric"}
_DTYPES = {0: "<f4", 1: "<f2", 2: "<i4", 3: "u1", 9: "i1"}  # schema.fbs, TensorType


def _network(data: bytes, name: str) -> Checkpoint:
    graph = _Graph(data, name)
    kernels = []
    for op in graph.operators:
        if op.kind in _KERNELS:
            kernels.append(op)
        elif op.kind not in _WITHOUT_NUMBERS | set(_ACTIVATIONS):
            raise CheckpointError(
                f"operator {op.kind} has no place in a MobileNet v1", "is it another network?"
            )
    if not kernels:
        raise CheckpointError(f"{name} holds no convolution", "is it a MobileNet v1?")
    *convolutions, logits = (_layer(graph, op) for op in kernels)
    source, normalization = graph.graph.Inputs(0), INCEPTION
    kind = graph.tensor(source).Type()
    if kind in _PIXEL_OF_ZERO:
        scale, zero, _ = graph.quantization(source)
        normalization = Normalization(
            (float(scale[0]),) * 3, (-float(scale[0]) * (int(zero[0]) + _PIXEL_OF_ZERO[kind]),) * 3
        )
    config, layers = assemble(
        convolutions,
        replace(logits, kernel=logits.kernel.reshape(logits.kernel.shape[:2])),
        MobileNetConfig(
            width_rule="slim",
            resolution=int(graph.tensor(source).Shape(1)),
            padding=_padding(graph, kernels[:-1]),
            activation=_activation(graph, kernels[:-1]),
        ),
    )
    words = "TensorFlow Lite, quantised" if kind in _PIXEL_OF_ZERO else "TensorFlow Lite"
    provenance = Provenance(words, True, licence_of(config.classes))
    labels = labels_for(config.classes)
    return Checkpoint(config, layers, provenance, normalization, labels=labels)


_PIXEL_OF_ZERO = {3: 0, 9: 128}  # uint8 and int8: the pixel that the stored number 0 stands for


def _layer(graph: _Graph, op: _Operator) -> Layer:
    if len(op.inputs) < 3:
        raise CheckpointError(f"{op.kind} {op.outputs} has no bias", "is the file complete?")
    kernel = graph.floats(op.inputs[1]).transpose(_KERNELS[op.kind])
    return Layer(np.ascontiguousarray(kernel), graph.floats(op.inputs[2]))


def _activation(graph: _Graph, kernels: list[_Operator]) -> Activation:
    from tflite import ActivationFunctionType

    names = {number: kind for kind, number in vars(ActivationFunctionType).items()}
    activations = {op.kind for op in graph.operators if op.kind in _ACTIVATIONS}
    activations |= {names[op.options.FusedActivationFunction()] for op in kernels} - {"NONE"}
    if len(activations) != 1 or not activations <= set(_ACTIVATIONS):
        raise CheckpointError(
            f"the activations are {sorted(activations)}, one of {sorted(_ACTIVATIONS)} is needed",
            "is it a MobileNet v1?",
        )
    return _ACTIVATIONS[activations.pop()]


def _padding(graph: _Graph, kernels: list[_Operator]) -> Padding:
    """Told by the blocks of stride 2: over even maps only they differ, and Keras' stem is SAME."""
    strided = (op for op in kernels[1:] if op.options.StrideH() == 2)
    paddings = {_pads(graph, op) for op in strided}
    for padding in ("same", "symmetric", "keras"):
        if paddings == {padding}:
            return padding
    raise CheckpointError(f"the paddings are {sorted(paddings)}", "is it a MobileNet v1?")


def _pads(graph: _Graph, op: _Operator) -> str:
    if op.options.Padding() == 0:  # schema.fbs, Padding: SAME
        return "same"
    maker = graph.maker(op.inputs[0])
    if maker is None or maker.kind != "PAD":
        return "none"
    pads = graph.integers(maker.inputs[1]).tolist()
    return _EXPLICIT.get(str(pads[1:3]), str(pads))
