"""A TensorFlow graph becomes ours, operator by operator.

Nothing is simplified; but whole numbers on their way to a shape are computed here.
"""

from collections.abc import Mapping

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileGraph, GraphInput
from mobilenet.sources.graph_writer import AS_THEY_ARE
from mobilenet.sources.tensorflow.decided_branches import decided
from mobilenet.sources.tensorflow.decoded_boxes import BoxPostprocessing, detection_of
from mobilenet.sources.tensorflow.detection_part import detection_part
from mobilenet.sources.tensorflow.known_operators import operator_of
from mobilenet.sources.tensorflow.map_loops import unrolled
from mobilenet.sources.tensorflow.network_part import RESIZES, network_part, results_of
from mobilenet.sources.tensorflow.operations import (
    FLOAT,
    UINT8,
    VARIABLES,
    Operand,
    TfGraph,
    TfOperation,
    operand,
)  # fmt: skip
from mobilenet.sources.tensorflow.operator_translation import (
    Shape,
    TfValue,
    Translation,
    whole_numbers,
)
from mobilenet.sources.tensorflow.shape_arithmetic import folded, shape_of_value
from mobilenet.sources.tensorflow.simpler_operations import simplified
from mobilenet.sources.tensorflow.tensor_values import WHOLE_TYPES, constant_of, type_name

ONE_PICTURE = "export the network for one picture of three channels"


def translated(source: TfGraph, output: str | None = None) -> FileGraph:
    """The graph from one picture to the results, or to `output`.

    Raises `CheckpointError` naming the layer that is not understood.
    """
    operations = unrolled(simplified(decided(source.operations, source.held), source.held))
    boxes = None if output else detection_part(operations, source.held)
    if boxes is not None:
        outputs: tuple[Operand, ...] = (boxes.encodings, boxes.scores)
    else:
        named = (operand(output),) if output else source.outputs
        outputs = named or results_of(source.operations)
    part = network_part(operations, outputs)
    t, values = Translation(source.held), dict[Operand, TfValue]()
    said: dict[str, str] = {}
    for op in part.operations:
        if op is part.picture:
            values[Operand(op.name)] = picture = _picture(op, values)
            if op.kind in RESIZES:
                said["input"] = f"pictures as they leave {op.title}"
            elif op.attribute("dtype", int) == UINT8:
                said["normalization"] = AS_THEY_ARE
            continue
        inputs = tuple(_read(values, op, read) for read in op.inputs)
        for place, value in enumerate(_results(t, op, inputs)):
            values[Operand(op.name, place)] = value
    results = tuple(_output(values, read) for read in outputs)
    entrance = GraphInput(picture.name, picture.shape[1], picture.shape[2])
    detection = None
    if boxes is not None:
        shape = _box_shape(*(values[read].shape for read in outputs))
        postprocessing = BoxPostprocessing(operations, source.held, boxes, *shape)
        detection = detection_of(postprocessing, *results)
    return FileGraph(
        source.format, entrance, tuple(t.nodes), t.constants, results, said, detection
    )


def _box_shape(encodings: Shape, scores: Shape) -> tuple[int, int]:
    """(boxes, columns) of (1, boxes, 4) and (1, boxes, columns)."""
    count, columns = (*scores[1:], None, None)[:2]
    if encodings != (1, count, 4) or len(scores) != 3 or count is None or columns is None:
        raise CheckpointError(
            f"the detector's boxes have shape {encodings}, its scores {scores}",
            "is it another network?",
        )
    return count, columns


def _read(values: Mapping[Operand, TfValue], op: TfOperation, read: Operand) -> TfValue:
    if read not in values:
        raise op.refused(f"reads {read.key[:100]}, which is made in training only, or not at all")
    return values[read]


def _output(values: Mapping[Operand, TfValue], read: Operand) -> str:
    if read not in values or values[read].constant is not None:
        raise CheckpointError(
            f"the output {read.key[:100]} is not computed", "name another output"
        )
    return values[read].name


def _results(t: Translation, op: TfOperation, inputs: tuple[TfValue, ...]) -> tuple[TfValue, ...]:
    if op.name in t.held:
        constant = t.held[op.name]
        t.allowance.spend(op.title, constant.shape)
        return (TfValue(op.name, constant.shape, _is_whole(op), constant),)
    match op.kind:
        case "Const":
            constant, is_whole = constant_of(op, t.allowance)
            return (TfValue(op.name, constant.shape, is_whole, constant),)
        case "ReadVariableOp" if inputs and inputs[0].constant is not None:
            return inputs[:1]
        case "Shape" if len(inputs) == 1:
            return (shape_of_value(op, inputs),)
        case kind if kind in VARIABLES:
            raise op.refused("holds no number", "give the whole SavedModel, or a frozen graph")
    if (whole := folded(op, inputs)) is not None:
        return (whole,)
    operator = operator_of(op)
    results = operator.translate(t, op, inputs)
    return (results,) if isinstance(results, TfValue) else results


def _is_whole(op: TfOperation) -> bool:
    dtype = op.attributes.get("dtype", FLOAT)
    if dtype not in {FLOAT, *WHOLE_TYPES}:
        raise op.refused(f"holds {type_name(dtype)}", "save the network in float32")
    return bool(dtype != FLOAT)


def _picture(op: TfOperation, values: Mapping[Operand, TfValue]) -> TfValue:
    """The value that the picture enters as: (1, height, width, 3)."""
    if op.kind in RESIZES:
        size = values.get(op.inputs[1]) if len(op.inputs) == 2 else None
        sides = [] if size is None else whole_numbers(op, size, "size").reshape(-1).tolist()
        if len(sides) != 2 or min(sides) < 1:
            raise op.refused(f"makes pictures of size {sides}")
        return TfValue(op.name, (1, *sides, 3))
    dtype = op.attribute("dtype", int)
    shape: Shape = op.attributes.get("shape") or (-1, -1, -1, 3)
    if len(shape) != 4 or shape[0] not in {-1, 1} or shape[3] not in {-1, 3}:
        raise op.refused(f"takes a value of shape {list(shape)[:8]}", ONE_PICTURE)
    if dtype not in {FLOAT, UINT8}:
        raise op.refused(f"takes {type_name(dtype)}", ONE_PICTURE)
    height, width = (None if side == -1 else side for side in shape[1:3])
    return TfValue(op.name, (1, height, width, 3))
