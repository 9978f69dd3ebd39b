"""The graph in a `.tflite`, operator by operator."""

import math
from pathlib import Path

import numpy as np

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileGraph, GraphInput
from mobilenet.sources.graph_writer import AS_THEY_ARE, NOT_READ, GraphWriter
from mobilenet.sources.layer_options import LayerOptions
from mobilenet.sources.stored import OTHER_NETWORK, Allowance
from mobilenet.sources.tflite import flatbuffer
from mobilenet.sources.tflite.dequantised import (
    FLOAT16,
    FLOAT32,
    INT8,
    INT32,
    INT64,
    UINT8,
    quantization,
)
from mobilenet.sources.tflite.flatbuffer import TfliteGraph, TfliteOperator, TfliteTensor
from mobilenet.sources.tflite.static_integers import INTEGERS
from mobilenet.sources.tflite.tflite_elements import ELEMENTS
from mobilenet.sources.tflite.tflite_layer import (
    UNSET,
    WITHOUT_EFFECT,
    Known,
    TfliteLayer,
    Translators,
    real_range,
    tensor_of,
)
from mobilenet.sources.tflite.tflite_metadata import said_by
from mobilenet.sources.tflite.tflite_moves import MOVES
from mobilenet.sources.tflite.tflite_windows import WINDOWS

TRANSLATORS: Translators = {**WINDOWS, **ELEMENTS, **MOVES}
# Ranges of input that pixels 0 ... 255 are scaled to: what is said of it, (pixel - mean) / std.
_USUAL_RANGES = {
    (0, 1): '{"mean": [0], "std": [255]}',
    (-1, 1): '{"mean": [127.5], "std": [127.5]}',
    (0, 255): AS_THEY_ARE,
}
_PIXEL_OF_ZERO = {UINT8: 0, INT8: 128}  # the pixel that the stored number 0 stands for


def graph_of(path: Path) -> FileGraph:
    """The graph in a `.tflite`. Raises `CheckpointError` naming the operator or tensor.

    An input of integers is pixels: what its quantisation makes of them is in the graph.
    """
    flat = flatbuffer.read(path.read_bytes(), path.name)
    if len(flat.inputs) != 1:
        raise CheckpointError(f"{path.name} has {len(flat.inputs)} inputs, not 1", OTHER_NETWORK)
    source = tensor_of(flat, flat.inputs[0])
    writer, known = GraphWriter(), Known(flat, Allowance())
    picture = _picture(source, writer)
    known.values[flat.inputs[0]] = _real_pixels(source, picture.name, writer)
    for operator in _needed(flat):
        _translate(operator, known, writer)
    for index in flat.outputs:
        if index not in known.values:
            name = tensor_of(flat, index).name
            raise CheckpointError(f"output {name} is computed by no operator", OTHER_NETWORK)
    holds_integers = source.dtype in _PIXEL_OF_ZERO
    said = said_by(path, flat.metadata, holds_integers)
    is_quantised = holds_integers and source.scale.size
    return FileGraph(
        "TensorFlow Lite, quantised" if is_quantised else "TensorFlow Lite",
        picture,
        tuple(writer.nodes),
        writer.constants,
        tuple(known.values[index] for index in flat.outputs),
        _plain_pixels(source) | _range_of_floats(flat) | said,
    )


def _picture(source: TfliteTensor, writer: GraphWriter) -> GraphInput:
    if len(source.shape) != 4 or source.shape[0] != 1 or source.shape[3] != 3:
        raise CheckpointError(
            f"input {source.name} has shape {source.shape}, not (1, height, width, 3)",
            OTHER_NETWORK,
        )
    height, width = (
        None if is_open else side
        for side, is_open in zip(source.shape[1:3], source.open_sides[1:3], strict=True)
    )
    return GraphInput(writer.name(source.name), height, width)


def _real_pixels(source: TfliteTensor, value: str, writer: GraphWriter) -> str:
    """Real numbers of what goes in: a quantised input stands for scale x (q - zero point)."""
    if source.dtype in (FLOAT32, FLOAT16) or (source.dtype == UINT8 and not source.scale.size):
        return value
    if source.dtype not in _PIXEL_OF_ZERO:
        raise CheckpointError(f"input {source.name} is of type {source.dtype}", NOT_READ)
    scales, zeros = quantization(source)
    if scales.size != 1 or zeros.size != 1:
        raise CheckpointError(f"input {source.name} has {scales.size} scales", NOT_READ)
    scale = float(scales[0])
    if not 0 < scale < math.inf:
        raise CheckpointError(f"input {source.name} has a scale of {scale}", OTHER_NETWORK)
    layer = writer.layer(source.name, "quantisation of the input")
    scaled = layer.node("Mul", value, layer.number(scale))
    zero = int(zeros[0]) + _PIXEL_OF_ZERO[source.dtype]
    return layer.node("Add", scaled, layer.number(-scale * zero))


def _plain_pixels(source: TfliteTensor) -> dict[str, str]:
    """An input of bytes that stand for nothing but themselves takes pixels as they are."""
    is_plain = source.dtype == UINT8 and not source.scale.size
    return {"normalization": AS_THEY_ARE} if is_plain else {}


def _range_of_floats(flat: TfliteGraph) -> dict[str, str]:
    """What floats go in, where they are quantised at once to a usual range."""
    for operator in flat.operators:
        if operator.kind == "QUANTIZE" and operator.inputs[0] == flat.inputs[0]:
            stored = real_range(tensor_of(flat, operator.outputs[0]))
            for usual, said in _USUAL_RANGES.items():
                if np.allclose(stored, usual, atol=(usual[1] - usual[0]) / 50):
                    return {"normalization": said}
    return {}


def _needed(flat: TfliteGraph) -> list[TfliteOperator]:
    """The operators that lead to the outputs, in the file's order."""
    wanted, needed = set(flat.outputs), []
    for operator in reversed(flat.operators):
        if wanted & set(operator.outputs):
            needed.append(operator)
            wanted |= set(operator.inputs)
    return needed[::-1]


def _translate(operator: TfliteOperator, known: Known, writer: GraphWriter) -> None:
    flat = known.graph
    if len(operator.outputs) != 1:
        raise CheckpointError(
            f"an operator {operator.kind} has {len(operator.outputs)} results", NOT_READ
        )
    (index,) = operator.outputs
    target = writer.layer(tensor_of(flat, index).name, operator.kind)
    if index in known.values or index in known.integers or tensor_of(flat, index).data:
        raise target.refused("computes what is already there", "is the file complete?")
    if tensor_of(flat, index).oddity:
        raise target.refused(f"has a result that is {tensor_of(flat, index).oddity}")
    layer = TfliteLayer(known, operator, target, LayerOptions(target.title, operator.options))
    if operator.kind in INTEGERS and tensor_of(flat, index).dtype in (INT32, INT64):
        known.integers[index] = INTEGERS[operator.kind](layer)
    elif operator.kind in TRANSLATORS:
        if operator.kind == "DEQUANTIZE" and operator.inputs[0] not in known.values:
            known.constants[index] = layer.constant(0)  # weights of 16 bits
        else:
            known.values[index] = TRANSLATORS[operator.kind](layer)
    else:
        raise target.refused("is not read here")
    layer.options.refuse_rest(WITHOUT_EFFECT, UNSET)
