"""Which tensor of the checkpoint each variable of a SavedModel's graph is.

TensorFlow 2: the objects that a function has captured are the last inputs of its calls
(saved_object_graph.proto, `bound_inputs`), and the checkpoint tells the key of each of its own
objects (trackable_object_graph.proto); the two are the same where the same names lead to them
from the root (tensorflow/python/checkpoint/restore.py). TensorFlow 1: the graph restores itself,
by RestoreV2 and Assign.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mobilenet.graph import FileConstant
from mobilenet.sources.tensorflow.called_functions import CALLS
from mobilenet.sources.tensorflow.graph_messages import parse_objects
from mobilenet.sources.tensorflow.operations import VARIABLES, Operand, TfOperation, decoded
from mobilenet.sources.tensorflow.tensor_values import strings_of
from mobilenet.sources.tensorflow.variable_bundle import VariableBundle

VALUE = b"VARIABLE_VALUE"
OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_ASSIGNMENTS = {"Assign", "AssignVariableOp"}


def variables(
    operations: Mapping[str, TfOperation], objects: Any, bundle: VariableBundle
) -> dict[str, FileConstant]:
    """Constants by the operation that stands for the variable. Raises `CheckpointError`."""
    keys = dict(_restored(operations))
    if OBJECTS in bundle.entries:
        keys |= dict(_captured(operations, objects, bundle))
    return {name: _checked(operations[name], key, bundle) for name, key in keys.items()}


def _checked(op: TfOperation, key: str, bundle: VariableBundle) -> FileConstant:
    """The constant, which has the shape that the graph says."""
    constant = bundle.constant(key)
    if op.attributes.get("shape") not in {None, constant.shape}:
        raise op.refused(
            f"has shape {op.attributes['shape']}, in the checkpoint {constant.shape}",
            "is the folder variables another model's?",
        )
    return constant


def _captured(
    operations: Mapping[str, TfOperation], objects: Any, bundle: VariableBundle
) -> Iterator[tuple[str, str]]:
    """(operation, key) of the variables that calls pass on."""
    stored = parse_objects(bundle.text(OBJECTS), "the checkpoint's list of objects").nodes
    keys = _keys(objects.nodes, stored)
    bound = {decoded(function.key): function.value.bound_inputs
             for function in objects.concrete_functions}  # fmt: skip
    for call in operations.values():
        if call.kind not in CALLS:
            continue
        numbers = bound.get(decoded(call.attribute("f", bytes)), ())
        for read, number in zip(reversed(call.inputs), reversed(numbers), strict=False):
            handle = operations.get(read.operation)
            if handle is not None and handle.kind in VARIABLES:
                if number not in keys:
                    raise handle.refused(
                        f"is object {number}, of which the checkpoint knows nothing",
                        "is the folder variables another model's?",
                    )
                yield handle.name, keys[number]


def _keys(nodes: Any, stored: Any) -> dict[int, str]:
    """The checkpoint's key of each object that is one variable, by its number in the graph."""
    keys, same, rest = dict[int, str](), dict[int, int](), [(0, 0)]
    while rest:
        number, place = rest.pop()
        if number in same or not (0 <= number < len(nodes) and 0 <= place < len(stored)):
            continue
        same[number] = place
        for attribute in stored[place].attributes:
            if attribute.name == VALUE:
                keys[number] = decoded(attribute.checkpoint_key)
        places = {child.local_name: child.node_id for child in stored[place].children}
        rest += [
            (child.node_id, places[child.local_name])
            for child in nodes[number].children
            if child.local_name in places
        ]
    return keys


def _restored(operations: Mapping[str, TfOperation]) -> Iterator[tuple[str, str]]:
    """(operation, key) of the variables that the graph itself restores."""
    names: dict[str, list[str]] = {}
    for op in operations.values():
        if op.kind not in _ASSIGNMENTS or len(op.inputs) < 2:
            continue
        variable, read = op.inputs[0].operation, _behind_identity(operations, op.inputs[1])
        restore = operations.get(read.operation)
        if restore is None or restore.kind != "RestoreV2" or variable not in operations:
            continue
        if restore.name not in names:
            names[restore.name] = _names(operations, restore)
        if read.place >= len(names[restore.name]):
            raise restore.refused(f"has no tensor {read.place}", "is the file complete?")
        yield variable, names[restore.name][read.place]


def _behind_identity(operations: Mapping[str, TfOperation], read: Operand) -> Operand:
    op = operations.get(read.operation)
    return op.inputs[0] if op is not None and op.kind == "Identity" and op.inputs else read


def _names(operations: Mapping[str, TfOperation], restore: TfOperation) -> list[str]:
    constants = [operations.get(read.operation) for read in restore.inputs[1:]]
    if len(constants) != 2 or any(op is None or op.kind != "Const" for op in constants):
        raise restore.refused("does not say what it restores", "is the file complete?")
    names, slices = (strings_of(op) for op in constants if op is not None)
    if any(slices):
        raise restore.refused("restores parts of variables", "save them whole")
    return names
