"""A `.tflite` as plain data: its operators and tensors, wherever the file's offsets lead.

tensorflow/lite/schema/schema.fbs, read with the `tflite` package, which is that schema.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.sources.protobuf import text

MAX_ITEMS = 10_000  # operators, or tensors, of a graph; the largest release has 89 tensors
MAX_ENTRIES = 64  # inputs or outputs of an operator, sides of a tensor
OTHER_NETWORK = "is it a MobileNet v1?"


@dataclass(frozen=True)
class TfliteOperator:
    """What is computed, by the numbers of its tensors."""

    kind: str  # as in schema.fbs: "CONV_2D"
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stride: int = 1
    padding: int = 0
    activation: str = "NONE"  # as in schema.fbs


@dataclass(frozen=True, eq=False)
class TfliteTensor:
    """A tensor, and the bytes of its constant; `scale` and `zero` run along `axis`."""

    name: str
    dtype: int  # schema.fbs, TensorType
    shape: tuple[int, ...]
    data: memoryview
    scale: NDArray[Any]
    zero: NDArray[Any]
    axis: int


@dataclass(frozen=True)
class TfliteGraph:
    """The one subgraph of a model."""

    operators: tuple[TfliteOperator, ...]
    tensors: tuple[TfliteTensor, ...]
    inputs: tuple[int, ...]

    def maker(self, index: int) -> TfliteOperator | None:
        """The operator that tensor `index` comes out of."""
        return self._makers.get(index)

    @cached_property
    def _makers(self) -> dict[int, TfliteOperator]:
        return {op.outputs[0]: op for op in self.operators if op.outputs}


def read(data: bytes, name: str) -> TfliteGraph:
    """The graph in a file. Raises `CheckpointError` for one that is damaged, or too large."""
    from tflite import Model

    with decoding(name):
        model = Model.GetRootAs(data, 0)
        if model.SubgraphsLength() != 1:
            raise CheckpointError(
                f"{name} has {model.SubgraphsLength()} graphs, not 1", OTHER_NETWORK
            )
        graph = model.Subgraphs(0)
        counts = (graph.OperatorsLength(), graph.TensorsLength())
        if max(counts) > MAX_ITEMS:
            raise CheckpointError(
                f"{name} has {counts[0]:,} operators and {counts[1]:,} tensors", OTHER_NETWORK
            )
        return TfliteGraph(
            tuple(_operator(model, graph.Operators(index)) for index in range(counts[0])),
            tuple(_tensor(model, graph.Tensors(index)) for index in range(counts[1])),
            _numbers(graph.InputsAsNumpy()),
        )


def _operator(model: Any, operator: Any) -> TfliteOperator:
    from tflite import BuiltinOperator, Conv2DOptions, DepthwiseConv2DOptions

    code = model.OperatorCodes(operator.OpcodeIndex())
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    kind = _names(BuiltinOperator).get(number, f"operator {number}")
    inputs, outputs = _numbers(operator.InputsAsNumpy()), _numbers(operator.OutputsAsNumpy())
    settings, table = {"CONV_2D": Conv2DOptions, "DEPTHWISE_CONV_2D": DepthwiseConv2DOptions}, None
    if kind not in settings or (table := operator.BuiltinOptions()) is None:
        return TfliteOperator(kind, inputs, outputs)
    options = settings[kind]()
    options.Init(table.Bytes, table.Pos)
    activation = _activation(options.FusedActivationFunction())
    return TfliteOperator(kind, inputs, outputs, options.StrideH(), options.Padding(), activation)


def _activation(number: int) -> str:
    from tflite import ActivationFunctionType

    return _names(ActivationFunctionType).get(number, f"activation {number}")


def _names(enumeration: type) -> dict[int, str]:
    return {value: key for key, value in vars(enumeration).items() if isinstance(value, int)}


def _tensor(model: Any, tensor: Any) -> TfliteTensor:
    scheme = tensor.Quantization()
    none = np.zeros(0, np.int64)
    return TfliteTensor(
        text(tensor.Name() or b""),
        tensor.Type(),
        _numbers(tensor.ShapeAsNumpy()) if not tensor.ShapeIsNone() else (),
        _data(model.Buffers(tensor.Buffer())),
        scheme.ScaleAsNumpy() if scheme is not None and scheme.ScaleLength() else none,
        scheme.ZeroPointAsNumpy() if scheme is not None and scheme.ZeroPointLength() else none,
        scheme.QuantizedDimension() if scheme is not None else 0,
    )


def _data(buffer: Any) -> memoryview:
    return memoryview(b"" if buffer.DataIsNone() else buffer.DataAsNumpy())


def _numbers(values: Any) -> tuple[int, ...]:
    """A short vector; the library has 0 in place of one that is not there."""
    if np.size(values) > MAX_ENTRIES:
        raise CheckpointError(f"an operator or tensor has {values.size:,} entries", OTHER_NETWORK)
    return tuple(map(int, np.atleast_1d(values)))
