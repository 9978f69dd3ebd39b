"""A `.tflite` as plain data: its operators and tensors, wherever the file's offsets lead.

tensorflow/lite/schema/schema.fbs, read with the `tflite` package, which is that schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.sources.protobuf import text
from mobilenet.sources.tflite.flat_tables import FlatTable

MAX_ITEMS = 10_000  # operators, or tensors, of a graph; the largest release has 89 tensors
MAX_ENTRIES = 64  # inputs or outputs of an operator, sides of a tensor
OTHER_NETWORK = "is it a MobileNet?"
BEYOND_SCHEMA = "an option newer than the schema"


@dataclass(frozen=True)
class TfliteOperator:
    """What is computed, by the numbers of its tensors."""

    kind: str  # as in schema.fbs: "CONV_2D"
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]  # by schema.fbs' names in CamelCase: {"StrideH": 2}

    @property
    def activation(self) -> str:
        """The fused activation, as in schema.fbs: "RELU6"."""
        return activation_name(self.options.get("FusedActivationFunction", 0))


@dataclass(frozen=True, eq=False)
class TfliteTensor:
    """A tensor, and the bytes of its constant; `scale` and `zero` run along `axis`."""

    name: str
    dtype: int  # schema.fbs, TensorType
    shape: tuple[int, ...]
    open_sides: tuple[bool, ...]  # which sides of the shape may be others
    data: memoryview
    scale: NDArray[Any]
    zero: NDArray[Any]
    axis: int
    oddity: str  # a way of keeping numbers that is not read here, or ""


@dataclass(frozen=True, eq=False)
class TfliteGraph:
    """The one subgraph of a model."""

    operators: tuple[TfliteOperator, ...]
    tensors: tuple[TfliteTensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: memoryview  # the buffer "TFLITE_METADATA", or none

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
        for count, what in (
            (model.SubgraphsLength(), "graphs"),
            (max(model.SignatureDefsLength(), 1), "signatures"),
        ):
            if count != 1:
                raise CheckpointError(f"{name} has {count} {what}, not 1", OTHER_NETWORK)
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
            _numbers(graph.OutputsAsNumpy()),
            _metadata(model),
        )


def _operator(model: Any, operator: Any) -> TfliteOperator:
    from tflite import BuiltinOperator

    code = model.OperatorCodes(operator.OpcodeIndex())
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    kind = _names(BuiltinOperator).get(number, f"operator {number}")
    if code.CustomCode():
        kind = text(code.CustomCode())
    inputs, outputs = _numbers(operator.InputsAsNumpy()), _numbers(operator.OutputsAsNumpy())
    return TfliteOperator(kind, inputs, outputs, _options(operator))


def _options(operator: Any) -> dict[str, Any]:
    """All that the schema knows of the operator's options."""
    import tflite

    if second := operator.BuiltinOptions2Type():
        return {"BuiltinOptions2Type": second}
    kind = _names(tflite.BuiltinOptions).get(operator.BuiltinOptionsType(), "NONE")
    table = operator.BuiltinOptions()
    if kind == "NONE" or table is None:
        return {}
    record = getattr(tflite, kind)()
    record.Init(table.Bytes, table.Pos)
    options: dict[str, Any] = {BEYOND_SCHEMA: FlatTable(table).has_beyond(_field_count(kind))}
    methods = [name for name in vars(type(record)) if name[0].isupper()]
    for name in methods:
        if f"{name}AsNumpy" in methods:
            options[name] = _numbers(getattr(record, f"{name}AsNumpy")())
        elif not name.startswith(("Init", "GetRootAs")) and not name.endswith(
            ("AsNumpy", "Length", "IsNone", "HasIdentifier")
        ):
            options[name] = getattr(record, name)()
    return options


def _field_count(kind: str) -> int:
    import tflite

    builder = _FieldCount()
    getattr(tflite, f"{kind}Start")(builder)
    return builder.fields


class _FieldCount:
    """Takes a builder's place, to be told how many fields a table has."""

    fields = 0

    def StartObject(self, fields: int) -> None:  # noqa: N802  # flatbuffers' name
        self.fields = fields


def activation_name(number: int) -> str:
    """As in schema.fbs, ActivationFunctionType: "RELU6"."""
    from tflite import ActivationFunctionType

    return _names(ActivationFunctionType).get(number, f"activation {number}")


def _names(enumeration: type) -> dict[int, str]:
    return {value: key for key, value in vars(enumeration).items() if isinstance(value, int)}


def _tensor(model: Any, tensor: Any) -> TfliteTensor:
    scheme, buffer = tensor.Quantization(), model.Buffers(tensor.Buffer())
    none = np.zeros(0, np.int64)
    shape = _numbers(tensor.ShapeAsNumpy()) if not tensor.ShapeIsNone() else ()
    signature = (
        _numbers(tensor.ShapeSignatureAsNumpy()) if tensor.ShapeSignatureLength() else shape
    )
    oddities = {
        "sparse": tensor.Sparsity() is not None,
        "a variable": tensor.IsVariable(),
        "quantised in blocks": scheme is not None and scheme.DetailsType(),
        "kept outside of the flatbuffer": buffer.Offset() > 1,
    }
    return TfliteTensor(
        text(tensor.Name() or b""),
        tensor.Type(),
        shape,
        tuple(side < 0 for side in signature),
        _data(buffer),
        scheme.ScaleAsNumpy() if scheme is not None and scheme.ScaleLength() else none,
        scheme.ZeroPointAsNumpy() if scheme is not None and scheme.ZeroPointLength() else none,
        scheme.QuantizedDimension() if scheme is not None else 0,
        next((oddity for oddity, is_so in oddities.items() if is_so), ""),
    )


def _metadata(model: Any) -> memoryview:
    for index in range(min(model.MetadataLength(), MAX_ENTRIES)):
        if model.Metadata(index).Name() == b"TFLITE_METADATA":
            return _data(model.Buffers(model.Metadata(index).Buffer()))
    return memoryview(b"")


def _data(buffer: Any) -> memoryview:
    return memoryview(b"" if buffer.DataIsNone() else buffer.DataAsNumpy())


def _numbers(values: Any) -> tuple[int, ...]:
    """A short vector; the library has 0 in place of one that is not there."""
    if isinstance(values, int):
        return ()
    if np.size(values) > MAX_ENTRIES:
        raise CheckpointError(f"an operator or tensor has {values.size:,} entries", OTHER_NETWORK)
    return tuple(map(int, values))
