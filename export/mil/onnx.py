"""A MIL function as an ONNX model, so that any machine can run what Core ML would."""

from collections.abc import Sequence, Set
from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper

from export.mil import footprint
from export.mil.description import ImageInput
from export.mil.onnx_graph import OnnxGraph
from export.mil.onnx_weights import WeightFile
from export.mil.ops import OPERATIONS, is_lowered
from export.mil.ops.kept_state import WRITES
from export.mil.ops.lowering import ONNX_TYPES
from export.mil.program import KEPT, RETURNED, Function, Precision, TensorType
from export.mil.shapes import at
from mobilenet.common.errors import PackageError, UnsupportedError
from mobilenet.common.text import counted

OPSET = 20  # the first with Gelu; ONNX Runtime 1.20 knows up to 21
CORE_AI = "coreai."  # how an operation begins that MIL does not have
IR_VERSION = 10  # of ONNX 1.16; ONNX Runtime 1.20 refuses newer ones


def to_onnx(
    function: Function,
    precision: Precision = "float32",
    extra_outputs: Sequence[str] = (),
    weights: WeightFile | None = None,
) -> onnx.ModelProto:
    """The model that computes what `function` does, a flexible one at its default sizes.

    "float32" computes in float32 with the stored weights. "declared" also rounds the result of
    every operation that is declared float16, as storing it in half precision would; how a
    device accumulates inside an operation is not modelled.

    Images enter as uint8 (1, height, width, channels), channels as in the picture: RGB or one;
    those of halves as float32.
    `classify` gives the probabilities under the dictionary's name, in the order of the labels;
    `extra_outputs` are names of intermediate values, given as float32. Large constants go to
    `weights`, a file beside the model; without one they are in the model.

    What neither an output nor an extra one needs is left out. An output that is called like an
    input has `RETURNED` behind its name. States go in as inputs do, and come out with `KEPT`
    behind their names.

    Raises `UnsupportedError` naming all operations that have no lowering, or for what takes too
    much, `OwnFaultError` for an operation that is not understood, `PackageError` for stored
    values that are damaged.
    """
    function = _needed(at(function), extra_outputs)
    _check_kinds(function)
    footprint.check(function, extra_outputs)
    graph = OnnxGraph(function, precision == "declared", weights)
    entering = (*function.inputs, *function.states)
    inputs = [_input(graph, function, value) for value in entering]
    graph.lower(function.ops)
    taken = {value.name for value in entering}
    outputs = [_output(graph, value, taken) for value in _results(function, extra_outputs)]
    outputs += [_kept(graph, state) for state in function.states]
    if not outputs:
        raise PackageError(f"function {function.name!r} gives nothing", "it declares no output")
    return helper.make_model(
        helper.make_graph(graph.nodes, function.name, inputs, outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="mobilenet-coreml",
    )


def _needed(function: Function, extra_outputs: Sequence[str]) -> Function:
    """The same without operations that none of its outputs comes from."""
    needed, ops = {*function.outputs, *extra_outputs}, []
    for op in reversed(function.ops):
        results = {output.name for output in op.outputs}
        if not results or not needed.isdisjoint(results):  # without any, it acts on others
            needed.update(name for name in op.arguments() if isinstance(name, str))
            ops.append(op)
    return replace(function, ops=tuple(reversed(ops)))


def _check_kinds(function: Function) -> None:
    """Raise `UnsupportedError` naming all kinds of operations that have no lowering."""
    for inner in (inner for op in function.ops if op.blocks for inner in op.within()):
        if inner.type in WRITES:
            raise UnsupportedError(
                f"{inner.type} {inner.name!r} in a branch or loop cannot be run here",
                "Core ML on a Mac may run it",
            )
    missing = [op.type for op in function.all_ops() if not is_lowered(op.type)]
    if missing:
        owner = "Core AI" if any(kind.startswith(CORE_AI) for kind in missing) else "Core ML"
        reasons = {OPERATIONS[kind].refusal for kind in missing if kind in OPERATIONS}
        raise UnsupportedError(
            f"operations that cannot be run here: {counted(missing)}",
            "; ".join([*sorted(reasons - {""}), f"{owner} on a Mac runs them"]),
        )


def _input(graph: OnnxGraph, function: Function, value: TensorType) -> onnx.ValueInfoProto:
    """Declare an input; of an image, also the way from its pixels to MIL's (1, C, H, W)."""
    described = {feature.name: feature for feature in function.description.inputs}
    feature = described.get(value.name)
    if feature is None and value not in function.states:
        raise PackageError(
            f"function {function.name!r} takes {value.name!r}, which the model does not declare",
            "make the model again: nothing says what it is",
        )
    if not isinstance(feature, ImageInput):
        graph.bind(value, value.name)
        return helper.make_tensor_value_info(value.name, _type(value), _dimensions(value))
    (pixels,) = graph.add("Transpose", value.name, [value.name], 1, {"perm": [0, 3, 1, 2]})
    if feature.color == "BGR":
        order = graph.constant(np.array([2, 1, 0]))
        (pixels,) = graph.add("Gather", value.name, [pixels, order], 1, {"axis": 1})
    shape = [1, feature.height, feature.width, feature.channels]
    kind = TensorProto.FLOAT if feature.mode == "F" else TensorProto.UINT8
    if kind != _type(value):
        (pixels,) = graph.add("Cast", value.name, [pixels], 1, {"to": _type(value)})
    graph.bind(value, pixels)
    return helper.make_tensor_value_info(value.name, kind, shape)


def _results(function: Function, extra: Sequence[str]) -> list[TensorType]:
    """What the model gives: outputs, then extra ones, each once. The class is no tensor."""
    constants = {name: constant.type for name, constant in function.constants.items()}
    types = constants | function.types()
    unknown = [name for name in (*function.outputs, *extra) if name not in types]
    if unknown:
        raise PackageError(
            f"function {function.name!r} computes no value called {unknown[0]!r}",
            "ask for one of its operations' outputs",
        )
    classifying = [op for op in function.ops if op.type == "classify"]
    classes = {op.outputs[0].name for op in classifying}
    # the class is the likeliest, even if the chances are not given out
    chances = [op.outputs[1].name for op in classifying if op.outputs[0].name in function.outputs]
    names = dict.fromkeys((*function.outputs, *chances, *extra))
    return [types[name] for name in names if name not in classes]


def _output(graph: OnnxGraph, value: TensorType, taken: Set[str]) -> onnx.ValueInfoProto:
    """Declare an output; `taken` are the names of the inputs."""
    name = f"{value.name}{RETURNED}" if value.name in taken else value.name
    graph.nodes.append(helper.make_node("Identity", [graph.value(value.name)], [name]))
    if value.dtype == "dictionary":
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None])
    return helper.make_tensor_value_info(name, _type(value), _dimensions(value))


def _kept(graph: OnnxGraph, state: TensorType) -> onnx.ValueInfoProto:
    """Declare what a state is in the end."""
    name = f"{state.name}{KEPT}"
    graph.nodes.append(helper.make_node("Identity", [graph.value(state.name)], [name]))
    return helper.make_tensor_value_info(name, _type(state), _dimensions(state))


def _type(value: TensorType) -> int:
    if value.dtype not in ONNX_TYPES:
        raise UnsupportedError(
            f"{value.name!r} is a {value.dtype}, which cannot be run here",
            "Core ML on a Mac runs it",
        )
    return ONNX_TYPES[value.dtype]


def _dimensions(value: TensorType) -> list[int | None]:
    return [None if size < 0 else size for size in value.shape]
