"""What a detector's graph makes of the numbers of its network: run on numbers that tell.

Boxes of encodings that are 0 are those that the network moves, and how far others lie from them
says what the coder multiplies by. All of it is then held against the formula on random numbers.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant, FileDetection
from mobilenet.sources.tensorflow.detection_part import DetectionPart
from mobilenet.sources.tensorflow.numpy_evaluation import GraphEvaluation
from mobilenet.sources.tensorflow.operations import OTHER_NETWORK, Operand, TfOperation

Array = NDArray[np.float64]
TOLERANCE = 1e-5  # of boxes and scores between 0 and 1, in float64; the file's numbers are float32
_MOVED = np.array([0.5, 0.5, 0.25, 0.25])  # encodings that move every box, by no great way
_LOGITS = (1.0, 4.0)  # random ones lie between: of likely classes, which no threshold drops
MAX_BOXES = 100_000
DIGITS = 4  # of what the coder multiplies by


class BoxPostprocessing:
    """A detector's postprocessing, for any encodings of its boxes and random logits."""

    def __init__(
        self, operations: Mapping[str, TfOperation], held: Mapping[str, FileConstant],
        part: DetectionPart, boxes: int, columns: int,
    ) -> None:  # fmt: skip
        if not (0 < boxes <= MAX_BOXES and columns > 1):
            raise CheckpointError(
                f"the detector has {boxes} boxes and {columns} scores of each",
                "is the file complete?",
            )
        self.operations, self._held, self.part = operations, held, part
        random = np.random.default_rng(0)
        self.logits = random.uniform(*_LOGITS, (boxes, columns))
        self.encodings = random.uniform(-1, 1, (boxes, 4))

    def evaluation(self, encodings: Array) -> GraphEvaluation:
        """What is computed of encodings (boxes, 4)."""
        feeds = {self.part.encodings: encodings[None], self.part.scores: self.logits[None]}
        return GraphEvaluation(self.operations, self._held, feeds)

    def boxes(self, evaluation: GraphEvaluation, op: TfOperation) -> Array:
        """(boxes, 4): what a suppression takes, as y and x of the centre, height, width."""
        corners = np.asarray(evaluation.value(op.inputs[0]), np.float64)
        if corners.shape != self.encodings.shape:
            raise op.refused(f"takes boxes of shape {corners.shape} of {self.encodings.shape}")
        low, high = corners[:, :2], corners[:, 2:]  # top, left, bottom, right
        return np.concatenate([(low + high) / 2, high - low], 1)

    def refused(self, what: str) -> CheckpointError:
        """An error about what the suppressions take, to be raised."""
        return self.part.suppressions[0].refused(f"takes {what}", OTHER_NETWORK)


def detection_of(own: BoxPostprocessing, encodings: str, scores: str) -> FileDetection:
    """What becomes of the values of these names: see `FileDetection`.

    Raises `CheckpointError` for boxes and scores that are made otherwise than an SSD's.
    """
    first = own.part.suppressions[0]
    at_rest = np.zeros_like(own.encodings)
    anchors = own.boxes(own.evaluation(at_rest), first)
    if not (np.isfinite(anchors).all() and (anchors[:, 2:] > 0).all()):
        raise own.refused("boxes of no size")
    coder = _coder(anchors, own.boxes(own.evaluation(at_rest + _MOVED), first))
    evaluation = own.evaluation(own.encodings)
    expected = _decoded(own.encodings, anchors, coder)
    for op in own.part.suppressions:
        if not _is_near(own.boxes(evaluation, op), expected):
            raise own.refused("boxes that no scales of an SSD's coder give")
    _check_classes(own, evaluation)
    return FileDetection(encodings, scores, anchors, coder, *_thresholds(own, evaluation))


def _decoded(encodings: Array, anchors: Array, coder: tuple[float, ...]) -> Array:
    """box_coders/faster_rcnn_box_coder.py, `_decode`."""
    scaled = encodings / coder
    centres = anchors[:, :2] + scaled[:, :2] * anchors[:, 2:]
    return np.concatenate([centres, anchors[:, 2:] * np.exp(scaled[:, 2:])], 1)


def _coder(anchors: Array, moved: Array) -> tuple[float, float, float, float]:
    """By what y, x, height and width are multiplied as they are coded."""
    with np.errstate(all="ignore"):
        steps = (moved[:, :2] - anchors[:, :2]) / anchors[:, 2:]
        growth = np.log(moved[:, 2:] / anchors[:, 2:])
        scales = _MOVED / np.median(np.concatenate([steps, growth], 1), 0)
    y, x, height, width = (round(float(scale), DIGITS) for scale in scales)
    return y, x, height, width


def _is_near(values: Array, expected: Array) -> bool:
    return bool((np.abs(values - expected) <= TOLERANCE * np.maximum(np.abs(expected), 1)).all())


def _check_classes(own: BoxPostprocessing, evaluation: GraphEvaluation) -> None:
    """Each class but the first, the background, is suppressed once, by its sigmoid."""
    sigmoid = 1 / (1 + np.exp(-own.logits))
    boxes, columns = sigmoid.shape
    suppressed = []
    for op in own.part.suppressions:
        scores = evaluation.value(op.inputs[1])
        if scores.shape != (boxes,):
            raise op.refused(f"takes scores of shape {scores.shape} for {boxes} boxes")
        distance = np.abs(sigmoid - scores[:, None]).max(0)
        if not distance.min() <= TOLERANCE:
            raise op.refused(
                "takes scores that are no class's sigmoid",
                "export the detector with score_converter SIGMOID",
            )
        suppressed.append(int(distance.argmin()))
    if sorted(suppressed) != list(range(1, columns)):
        raise CheckpointError(
            f"the detector keeps boxes of {len(set(suppressed))} classes, its network has "
            f"{columns - 1} beside the background",
            OTHER_NETWORK,
        )


def _thresholds(own: BoxPostprocessing, evaluation: GraphEvaluation) -> tuple[float, float, int]:
    """(IoU, score, most boxes of a class), alike for all classes."""
    chosen = set[tuple[float, float, int]]()
    for op in own.part.suppressions:
        least = op.inputs[4] if len(op.inputs) > 4 else _least_score(op, own.operations)
        reads = (*op.inputs[2:4], *([] if least is None else [least]))
        numbers = [evaluation.value(read) for read in reads]
        if any(number.size != 1 or not np.isfinite(number).all() for number in numbers):
            raise op.refused("has thresholds that are no numbers", "is the file complete?")
        most, *thresholds = (float(f"{number.item():.6g}") for number in numbers)
        iou, score = (*thresholds, 0.0)[:2]
        if not (most >= 1 and 0 <= iou <= 1 and 0 <= score <= 1):
            raise op.refused(f"has thresholds {iou:g} and {score:g}", "is the file complete?")
        chosen.add((iou, score, int(most)))
    if len(chosen) > 1:
        raise own.refused("boxes by thresholds of their own for each class")
    return chosen.pop()


def _least_score(op: TfOperation, operations: Mapping[str, TfOperation]) -> Operand | None:
    """The second operand of the comparison before a suppression that has no threshold itself."""
    rest, seen = [read.operation for read in op.inputs[:2]], set[str]()
    while rest:
        name = rest.pop()
        if name in seen or name not in operations:
            continue
        seen.add(name)
        if operations[name].kind in ("Greater", "GreaterEqual"):
            return operations[name].inputs[1]
        rest += [read.operation for read in operations[name].inputs]
    return None
