"""A detector's graph behind its network: TF Object Detection's SSDs.

object_detection/meta_architectures/ssd_meta_arch.py: `_postprocess`; core/post_processing.py:
`multiclass_non_max_suppression`. Told by what is computed, not by names: a suppression for each
class, and before them the two values at which what all maps say is joined.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant
from mobilenet.sources.tensorflow.network_part import CONVOLUTIONS, RESIZES
from mobilenet.sources.tensorflow.numpy_evaluation import GraphEvaluation
from mobilenet.sources.tensorflow.operations import OTHER_NETWORK, Operand, TfOperation

SUPPRESSIONS = tuple(f"NonMaxSuppression{version}" for version in ("V2", "V3", "V4", "V5"))
LEAST_INPUTS = 4  # of a suppression: boxes, scores, how many stay, and the IoU
_JOIN = "ConcatV2"
FIXED_SIZE = "export the detector with a fixed_shape_resizer"


class DetectionPart(NamedTuple):
    """The results of a detector's network, and what reads them."""

    encodings: Operand  # (1, boxes, 4), or with an axis of one number before the last
    scores: Operand  # (1, boxes, 1 + classes)
    suppressions: tuple[TfOperation, ...]  # one for each class


def detection_part(
    operations: Mapping[str, TfOperation], held: Mapping[str, FileConstant]
) -> DetectionPart | None:
    """Of a graph without loops; None for one that suppresses no boxes.

    Raises `CheckpointError` for a detector of another kind.
    """
    suppressions = tuple(op for op in operations.values() if op.kind in SUPPRESSIONS)
    if not suppressions:
        return None
    for op in suppressions:
        if len(op.inputs) < LEAST_INPUTS:
            raise op.refused(f"has {len(op.inputs)} inputs", "is the file complete?")
    _refuse_others(operations)
    graph = _Ancestry(operations)
    joins = graph.joins(read for op in suppressions for read in op.inputs[:2])
    exponents = [
        Operand(op.name)
        for op in operations.values()
        if op.kind == "Exp" and op.name in graph.seen
    ]
    encodings = graph.joins(exponents)
    scores = [join for join in joins if join not in encodings]
    if len(encodings) != 1 or len(scores) != 1:
        raise CheckpointError(
            f"a detector whose boxes and scores are joined in {len(encodings)} and "
            f"{len(scores)} places is no SSD that is read here",
            OTHER_NETWORK,
        )
    _check_resize(operations, held, graph, [*encodings, *scores])
    return DetectionPart(
        _without_axis(operations, encodings[0]), _without_axis(operations, scores[0]), suppressions
    )


def _refuse_others(operations: Mapping[str, TfOperation]) -> None:
    """Raise `CheckpointError` for detectors that are no SSD, or have a pyramid of maps."""
    kernels = Counter(op.inputs[1] for op in operations.values() if _convolves(op))
    for op in operations.values():
        kind = ""
        if op.kind == "CropAndResize":
            kind = "a Faster R-CNN: {} cuts a map into proposals"
        elif _convolves(op) and kernels[op.inputs[1]] > 1:
            kind = "an SSD with a pyramid of maps (FPN): {} has the weights of another layer, too"
        if kind:
            raise CheckpointError(
                f"this is no network that is read here but {kind.format(op.title)}", OTHER_NETWORK
            )


class _Ancestry:
    """What depends on convolutions, and where it is joined."""

    def __init__(self, operations: Mapping[str, TfOperation]) -> None:
        self._operations = operations
        self._readers: dict[str, list[str]] = {}
        for op in operations.values():
            for read in op.inputs:
                self._readers.setdefault(read.operation, []).append(op.name)
        self._computed = self._behind(op.name for op in operations.values() if _convolves(op))
        self.seen = set[str]()

    def _behind(self, names: Iterable[str]) -> set[str]:
        reached, rest = set[str](), list(names)
        while rest:
            if (name := rest.pop()) not in reached:
                reached.add(name)
                rest += self._readers.get(name, [])
        return reached

    def joins(self, reads: Iterable[Operand]) -> list[Operand]:
        """The last joins of values that convolutions lead to, before `reads`."""
        joins, rest, seen = list[Operand](), [read.operation for read in reads], set[str]()
        while rest:
            name = rest.pop()
            if name in seen or name not in self._computed:
                continue
            seen.add(name)
            op = self._operations[name]
            if op.kind == _JOIN and all(x.operation in self._computed for x in op.inputs[:-1]):
                joins.append(Operand(name))
            else:
                rest += [read.operation for read in op.inputs]
        self.seen |= seen
        return joins

    def before(self, reads: Iterable[Operand]) -> set[str]:
        """All that leads to them."""
        reached, rest = set[str](), [read.operation for read in reads]
        while rest:
            if (name := rest.pop()) not in reached and name in self._operations:
                reached.add(name)
                rest += [read.operation for read in self._operations[name].inputs]
        return reached


def _convolves(op: TfOperation) -> bool:
    return op.kind in CONVOLUTIONS and len(op.inputs) > 1


def _check_resize(
    operations: Mapping[str, TfOperation], held: Mapping[str, FileConstant], graph: _Ancestry,
    results: Iterable[Operand],
) -> None:  # fmt: skip
    """Raise `CheckpointError` where pictures are resized to sides of their own."""
    for name in graph.before(results):
        op = operations[name]
        if op.kind in RESIZES and len(op.inputs) == 2:
            try:
                GraphEvaluation(operations, held, {}).value(op.inputs[1])
            except CheckpointError as error:
                raise op.refused(
                    "makes pictures of sides that depend on theirs, as a "
                    "keep_aspect_ratio_resizer does",
                    FIXED_SIZE,
                ) from error


def _without_axis(operations: Mapping[str, TfOperation], join: Operand) -> Operand:
    """The same where the axis of one number, between boxes and values, is left out."""
    squeezed = (op for op in operations.values() if op.kind == "Squeeze" and op.inputs == (join,))
    return next((Operand(op.name) for op in squeezed), join)
