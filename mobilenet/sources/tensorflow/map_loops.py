"""Loops over the pictures of a batch, of which there is one: their body is all that they do.

tensorflow/python/ops/map_fn.py: a TensorArray is filled with the elements of a value, a while loop
reads one, computes, and writes into another array, which is stacked behind the loop.
"""

from collections.abc import Mapping
from dataclasses import replace

from mobilenet.sources.tensorflow.operations import MAX_CHAIN, Operand, TfOperation

_SCATTER, _READ = "TensorArrayScatterV3", "TensorArrayReadV3"
_WRITE, _GATHER = "TensorArrayWriteV3", "TensorArrayGatherV3"
_VALUE = 2  # place among the inputs of what is scattered, or written
_FLOW = -1  # of that which says what was done to an array before
# What the flow passes on its way out of a loop, and through which input
_WAY_OUT = {"Exit": 0, "Switch": 0, "Merge": 1, "NextIteration": 0}


def unrolled(operations: Mapping[str, TfOperation]) -> dict[str, TfOperation]:
    """The same graph for one picture: elements are unpacked and packed, and nothing loops.

    What is no such loop stays as it is.
    """
    plain = dict(operations)
    for op in operations.values():
        match op.kind:
            case "Enter" if len(op.inputs) == 1:
                plain[op.name] = replace(op, kind="Identity", attributes={})
            case kind if kind == _READ and op.inputs:
                source = _followed(op.inputs[_FLOW], operations, {"Enter": 0}, _SCATTER)
                if source is not None:
                    plain[op.name] = TfOperation(op.name, "Unpack", (source,), {"num": 1})
            case kind if kind == _GATHER and op.inputs:
                source = _followed(op.inputs[_FLOW], operations, _WAY_OUT, _WRITE)
                if source is not None:
                    plain[op.name] = TfOperation(op.name, "Pack", (source,), {"N": 1})
    return plain


def _followed(
    read: Operand, operations: Mapping[str, TfOperation], passed: Mapping[str, int], end: str
) -> Operand | None:
    """What is put into the array whose flow is read; None where the flow leads elsewhere."""
    for _ in range(MAX_CHAIN):
        op = operations.get(read.operation)
        if op is None:
            return None
        if op.kind == end:
            return op.inputs[_VALUE] if len(op.inputs) > _VALUE else None
        place = passed.get(op.kind)
        if place is None or place >= len(op.inputs):
            return None
        read = op.inputs[place]
    return None
