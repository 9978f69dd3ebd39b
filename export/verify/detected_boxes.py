"""A detector's outputs against PyTorch: every box and score, then those that stay.

Encoded boxes and logits pass the gates of logits. Here, what becomes of them: all boxes and scores
against formulas of their own in float64, with the boxes that they start from made by a second
formula, too (a picture shows a wrong one hardly ever); and of a pipeline the detections.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.head_outputs import BOXES, DETECTION_OUTPUTS, DETECTOR_OUTPUTS, SCORES, columns_of
from export.runtimes.base import Feature
from export.spec import ExportSpec
from export.verify.kept_boxes import Chosen, Thresholds, kept, undecided
from export.verify.limits import FACTOR
from export.verify.reference import Reference
from mobilenet.common.errors import VerificationError
from mobilenet.networks.classifier import Readout
from mobilenet.networks.ssdlite import CLASS_SCORES, ENCODINGS, Detection, Predictor

Array = NDArray[np.float64]
Outputs = Sequence[Mapping[str, Feature]]

HINT = "the package is not left behind; please report this with the command you ran"


class BoxLimits(NamedTuple):
    """The largest differences that pass.

    Where PyTorch's float32 itself loses more, `FACTOR` times that, up to `highest` (see `limits`).
    """

    boxes: float  # in parts of the picture, or of a box's own length where that is more
    scores: float
    highest: float
    step: float = 1.0  # one rounding, in roundings of float32

    def at_most(self, boxes: float, scores: float) -> "BoxLimits":
        """No larger than these."""
        return self._replace(boxes=min(self.boxes, boxes), scores=min(self.scores, scores))

    def easier(self, boxes: float, scores: float) -> "BoxLimits":
        """Where float32 loses so much of boxes and scores."""
        lost = (FACTOR * self.step * boxes, FACTOR * self.step * scores)
        return self._replace(
            boxes=min(max(self.boxes, lost[0]), self.highest),
            scores=min(max(self.scores, lost[1]), self.highest),
        )


EXACT = BoxLimits(1e-5, 1e-5, 1e-3)
SLACK = 2.0  # of the largest error seen: how an error moves an overlap is known to first order
ROUNDED = BoxLimits(1.5e-2, 2e-2, 2.5e-1, 2.0**13)  # 6.5e-3 and 1.1e-2 seen of trained weights


class BoxReading(NamedTuple):
    """How the outputs of one function are read: of a detector."""

    outputs: str
    predictors: tuple[Predictor, ...]
    detection: Detection
    classes: int
    columns: int  # of scores, those behind the classes' all 0
    thresholds: Thresholds | None

    @classmethod
    def of(cls, spec: ExportSpec, readout: Readout, classes: int) -> "BoxReading | None":
        """None for a network that is no detector."""
        if readout.detection is None:
            return None
        thresholds = None
        if spec.iou is not None and spec.confidence is not None:
            thresholds = Thresholds(spec.iou, spec.confidence, spec.agnostic)
        return cls(
            str(spec.outputs), readout.predictors, readout.detection, classes,
            columns_of(spec, classes), thresholds,
        )  # fmt: skip

    @property
    def logits(self) -> tuple[str, ...]:
        """Names of the values that are held against PyTorch's logits."""
        return (ENCODINGS, CLASS_SCORES)

    @property
    def values(self) -> tuple[str, ...]:
        """Of those that the program gives behind them."""
        return () if self.outputs == "tensors" else (BOXES, SCORES)

    def check(self, outputs: Outputs, answers: Reference, limits: BoxLimits) -> BoxLimits:
        """Every box and score of every picture; gives how far each may be off, twice the worst.

        Raises `VerificationError` beyond the limits, and for tensors that are not what the
        predictors gave, box by box.
        """
        if self.outputs == "tensors":
            for output in outputs:
                self._check_tensors(output)
            return limits
        expected = self._expected(answers.logits)
        width = self.columns
        given = [
            (self._table(output, BOXES, 4), self._table(output, SCORES, width))
            for output in outputs
        ]
        errors = seen = _errors(given, expected)
        if (errors > (limits.boxes, limits.scores)).any() and answers.exact is not None:
            exact = self._expected(answers.exact)
            errors, lost = _errors(given, exact), _errors(expected, exact)
            limits = limits.easier(*lost)
        for name, error, limit in zip((BOXES, SCORES), errors, limits, strict=False):
            if not error <= limit:
                raise VerificationError(
                    f"{name} are off by up to {error:.1e} from PyTorch's, the limit is "
                    f"{limit:.1e}",
                    HINT,
                )
        return limits.at_most(*(SLACK * seen))

    def check_detections(self, outputs: Outputs, answers: Reference, limits: BoxLimits) -> float:
        """The share of detections that are too close to call, of the worst picture.

        Those that a pipeline gives are exactly the best of its own boxes, and all that PyTorch's
        boxes decide by more than each may be off. Raises `VerificationError` for others.
        """
        if self.outputs != "detections":
            return 0.0
        assert self.thresholds is not None, "resolved"
        shares = [0.0]
        for output, (boxes, scores) in zip(outputs, self._expected(answers.logits), strict=True):
            own, best = (np.asarray(output[name], np.float64) for name in (BOXES, SCORES))
            rows = kept(own, best, self.thresholds)
            for name, values in zip(DETECTION_OUTPUTS, (best, own), strict=True):
                if not np.array_equal(np.asarray(output[name], np.float64), values[rows]):
                    raise VerificationError(
                        f"{name} of the pipeline is not that of the {len(rows)} boxes that stay "
                        f"at IoU {self.thresholds.iou:g} and score "
                        f"{self.thresholds.confidence:g}",
                        HINT,
                    )
            certain = undecided(boxes, scores, self.thresholds, limits.boxes, limits.scores)
            _check_chosen(rows, certain)
            shares.append(certain.open_share)
        return max(shares)

    def _expected(self, answers: NDArray[Any]) -> list[tuple[Array, Array]]:
        """Boxes (n, 4) and scores (n, columns) of each picture, in float64."""
        starts = starting_boxes(self.predictors, self.detection)
        rows = answers.astype(np.float64).reshape(-1, 2, answers.shape[1])
        result = []
        for encodings, logits in rows:
            coded = encodings[: 4 * len(starts)].reshape(4, -1)
            columns = logits[: (1 + self.classes) * len(starts)].reshape(1 + self.classes, -1)
            scores = scores_of(columns.T)
            unused = self.columns - self.classes
            padded = np.pad(scores, ((0, 0), (0, unused)))
            result.append((decoded(coded, starts, self.detection), padded))
        return result

    def _table(self, output: Mapping[str, Feature], name: str, width: int) -> Array:
        values = np.asarray(output[name], np.float64)
        boxes = sum(each.anchors * each.size.area for each in self.predictors)
        if values.shape != (boxes, width):
            raise VerificationError(
                f"{name} has shape {values.shape}, this network gives {(boxes, width)}",
                "were other weights exported?",
            )
        return values

    def _check_tensors(self, output: Mapping[str, Feature]) -> None:
        for name, value in zip(DETECTOR_OUTPUTS["tensors"], self.logits, strict=True):
            if not np.array_equal(output[name], np.moveaxis(output[value], 1, 2)):
                raise VerificationError(f"{name} is not what the predictors gave", HINT)


def starting_boxes(predictors: Sequence[Predictor], detection: Detection) -> Array:
    """The boxes that the network moves, (n, 4): x and y of the centre, width, height.

    A second formula beside `mobilenet.networks.ssdlite.priors`, by arrays: TF Object Detection,
    anchor_generators/multiple_grid_anchor_generator.py, `create_ssd_anchors`.
    """
    scales = np.append(np.linspace(detection.lowest, detection.highest, len(predictors)), 1.0)
    boxes = []
    for number, each in enumerate(predictors):
        areas = np.full(len(detection.ratios) + 1, scales[number])
        ratios = np.array([*detection.ratios, 1.0])
        areas[-1] = np.sqrt(scales[number] * scales[number + 1])
        if number == 0:
            areas, ratios = np.array([0.1, scales[0], scales[0]]), np.array([1.0, 2.0, 0.5])
        height, width = each.size
        y, x = np.mgrid[0.5:height, 0.5:width].reshape(2, 1, -1) / [[[height]], [[width]]]
        shape = (len(areas), each.size.area)
        columns = (
            x, y, (areas * ratios**0.5)[:, None], (areas * ratios**-0.5)[:, None],
        )  # fmt: skip
        boxes.append(np.stack([np.broadcast_to(c, shape).ravel() for c in columns], 1))
    return np.concatenate(boxes)


def decoded(coded: Array, starts: Array, detection: Detection) -> Array:
    """Encodings (4, n), y, x, height, width, as boxes (n, 4).

    TF Object Detection, box_coders/faster_rcnn_box_coder.py, `_decode`.
    """
    y, x, height, width = coded / np.array(detection.coder)[:, None]
    centres = starts[:, :2] + starts[:, 2:] * np.stack([x, y], 1)
    sides: Array = starts[:, 2:] * np.exp(np.stack([width, height], 1))
    return np.concatenate([centres, sides], 1)


def scores_of(logits: Array) -> Array:
    """Of each class, from logits (n, 1 + classes) whose first is the background."""
    scores: Array = 0.5 * (1 + np.tanh(logits[:, 1:] / 2))  # without a power that overflows
    return scores


def _errors(
    given: Sequence[tuple[Array, Array]], expected: Sequence[tuple[Array, Array]]
) -> Array:
    """The largest of boxes, and of scores: (2,). Infinite where a value is no number."""
    worst = np.zeros(2)
    for mine, theirs in zip(given, expected, strict=True):
        boxes, scores = (np.abs(a - b) for a, b in zip(mine, theirs, strict=True))
        boxes = boxes / np.maximum(np.abs(theirs[0]), 1)
        largest = [np.where(np.isfinite(e), e, np.inf).max() for e in (boxes, scores)]
        worst = np.maximum(worst, largest)
    return worst


def _check_chosen(rows: NDArray[np.intp], certain: Chosen) -> None:
    """Raise `VerificationError` where a box stays that cannot, or one is missing that must."""
    chosen = set(rows.tolist())
    if missing := certain.stays - chosen:
        raise VerificationError(f"box {min(missing)} is not among the detections", HINT)
    if extra := chosen & certain.goes:
        raise VerificationError(f"box {min(extra)} is among the detections, and has to go", HINT)
