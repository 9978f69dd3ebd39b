"""Branches of training and inference, of which a constant decides: Switch and Merge.

tensorflow/core/ops/control_flow_ops.cc: Switch gives its value to one of two results, the other
is dead, and so is whatever reads it, up to a Merge, which takes the live one. Keras wrote batch
norms and dropout so, with a `keras_learning_phase` that is False unless it is fed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from mobilenet.graph import FileConstant
from mobilenet.sources.stored import Allowance
from mobilenet.sources.tensorflow.operations import BOOL, MAX_CHAIN, Operand, TfOperation
from mobilenet.sources.tensorflow.tensor_values import constant_of

_SAME = {"Identity", "PlaceholderWithDefault"}


def decided(
    operations: Mapping[str, TfOperation], held: Mapping[str, FileConstant]
) -> dict[str, TfOperation]:
    """The same graph without branches of which a constant decides; others stay."""
    taken: dict[Operand, Operand] = {}
    left = list[Operand]()
    for op in operations.values():
        if op.kind == "Switch" and len(op.inputs) == 2:
            place = _place(op.inputs[1], operations, held)
            if place is not None:
                taken[Operand(op.name, place)] = op.inputs[0]
                left.append(Operand(op.name, 1 - place))
    if not taken:
        return dict(operations)
    dead = _dead(operations, left)
    plain = {
        name: replace(op, inputs=tuple(_followed(taken, read) for read in op.inputs))
        for name, op in operations.items()
    }
    for op in operations.values():
        live = [read for read in op.inputs if read not in dead and read.operation not in dead]
        if op.kind == "Merge" and len(live) == 1:
            plain[op.name] = TfOperation(op.name, "Identity", (_followed(taken, live[0]),))
    return plain


def _followed(taken: Mapping[Operand, Operand], read: Operand) -> Operand:
    """What is read behind switches; one that is left is refused later."""
    for _ in range(MAX_CHAIN):
        read = taken.get(read, read)
    return read


def _dead(operations: Mapping[str, TfOperation], left: Iterable[Operand]) -> set[Operand | str]:
    """Results of switches, and operations, that are never computed."""
    readers = defaultdict[str, list[TfOperation]](list)
    for op in operations.values():
        for read in op.inputs:
            readers[read.operation].append(op)
    dead: set[Operand | str] = set(left)
    rest = [read.operation for read in left]
    while rest:
        for op in readers[rest.pop()]:
            is_dead = [read in dead or read.operation in dead for read in op.inputs]
            dies = all(is_dead) if op.kind == "Merge" else any(is_dead)
            if dies and op.name not in dead:
                dead.add(op.name)
                rest.append(op.name)
    return dead


def _place(
    read: Operand, operations: Mapping[str, TfOperation], held: Mapping[str, FileConstant]
) -> int | None:
    """Which result of a switch is taken; None where no constant says it."""
    op = operations.get(read.operation)
    for _ in range(MAX_CHAIN):
        if op is None or op.kind not in _SAME or not op.inputs:
            break
        op = operations.get(op.inputs[0].operation)
    if op is None or op.kind != "Const" or op.attributes.get("dtype") != BOOL:
        return None
    constant = held.get(op.name) or constant_of(op, Allowance())[0]
    return int(bool(constant.load().item())) if constant.shape == () else None
