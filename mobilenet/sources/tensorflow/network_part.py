"""The part of a graph that leads from the picture to the results.

Everything else is left out: what decodes files, trains, or saves.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.sources.stored import MAX_NAME
from mobilenet.sources.tensorflow.operations import (
    MAX_CHAIN,
    OTHER_NETWORK,
    Operand,
    TfOperation,
)
from mobilenet.sources.tensorflow.simpler_operations import FUSED

CONVOLUTIONS = {"Conv2D", "DepthwiseConv2dNative", "MatMul", *FUSED}
RESIZES = {"ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea"}
_DECODERS = {"DecodeJpeg", "DecodePng", "DecodeBmp", "DecodeImage"}
_PIXELS_STAY = {"Identity", "StopGradient", "ExpandDims", "Unpack", "Cast"}  # before a resize
_NO_RESULTS = {"NoOp", "Assert", "SaveV2", "MergeSummary", "ScalarSummary", "HistogramSummary",
               "ImageSummary"}  # fmt: skip
_SIDES = slice(1, 3)  # height and width, of a picture's shape


class NetworkPart(NamedTuple):
    """Operations in an order in which they can run, the picture's among them."""

    picture: TfOperation
    operations: tuple[TfOperation, ...]


def network_part(
    operations: Mapping[str, TfOperation], outputs: tuple[Operand, ...]
) -> NetworkPart:
    """The part that leads to `outputs`.

    Raises `CheckpointError` where there is none, or where it begins with several pictures.
    """
    ordered = _in_order(operations, outputs)
    pictures = [
        op for op in ordered if op.kind == "Placeholder" or _is_resized_file(op, operations)
    ]
    if len(pictures) != 1:
        names = ", ".join(op.title for op in pictures[:3]) or "none"
        raise CheckpointError(
            f"the network reads {len(pictures)} inputs ({one_line(names, 200)})", OTHER_NETWORK
        )
    return NetworkPart(pictures[0], tuple(ordered))


def results_of(operations: Mapping[str, TfOperation]) -> tuple[Operand, ...]:
    """What nothing reads, and what depends on a picture through a convolution or matrix.

    Raises `CheckpointError` where there is none.
    """
    readers = defaultdict[str, list[str]](list)
    for op in operations.values():
        for read in op.inputs:
            readers[read.operation].append(op.name)
    pictures = [op.name for op in operations.values() if op.kind in {"Placeholder", *_DECODERS}]
    behind = _reached(pictures, readers)
    computed = [name for name in behind if operations[name].kind in CONVOLUTIONS]
    behind &= _reached(computed, readers)
    ends = (op for op in operations.values() if op.name in behind and not readers[op.name])
    results = [Operand(op.name) for op in ends if op.kind not in _NO_RESULTS]
    if not results:
        raise CheckpointError(
            "the graph has no result that a picture leads to through convolutions", OTHER_NETWORK
        )
    return tuple(results)


def _reached(starts: Iterable[str], readers: Mapping[str, list[str]]) -> set[str]:
    reached, rest = set[str](), list(starts)
    while rest:
        if (name := rest.pop()) not in reached:
            reached.add(name)
            rest += readers[name]
    return reached


def _in_order(
    operations: Mapping[str, TfOperation], outputs: Iterable[Operand]
) -> list[TfOperation]:
    """Whatever the outputs read, each behind what it reads; nothing behind the picture."""
    ordered, entered, done = list[TfOperation](), set[str](), set[str]()
    rest = [(output.operation, "") for output in reversed(tuple(outputs))]
    while rest:
        name, reader = rest[-1]
        if name in done:
            rest.pop()
            continue
        if name not in operations:
            reads = f"{operations[reader].title} reads" if reader else "the graph has no"
            raise CheckpointError(f"{reads} {one_line(name, MAX_NAME)}", "is the file complete?")
        op = operations[name]
        inputs = op.inputs[1:] if _is_resized_file(op, operations) else op.inputs
        rest += [(read.operation, name) for read in reversed(inputs) if read.operation not in done]
        if name in entered and rest[-1][0] != name:
            raise op.refused("runs in a circle")
        entered.add(name)
        if rest[-1][0] == name:
            rest.pop()
            done.add(name)
            ordered.append(op)
    return ordered


def _is_resized_file(op: TfOperation, operations: Mapping[str, TfOperation]) -> bool:
    """Whether it makes pictures of one size of files, or of pixels of any size.

    Nothing before it may change pixels: they are as large as those of the file.
    """
    if op.kind not in RESIZES or not op.inputs:
        return False
    for _ in range(MAX_CHAIN):
        source = operations.get(op.inputs[0].operation)
        if source is None or source.kind in _DECODERS:
            return source is not None
        if source.kind == "Placeholder":
            sides = (source.attributes.get("shape") or ())[_SIDES]
            return len(sides) < 2 or -1 in sides
        if source.kind not in _PIXELS_STAY or not source.inputs:
            return False
        op = source
    return False
