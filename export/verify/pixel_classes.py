"""A segmenter's output against PyTorch: its scores enlarged, and the class of every pixel.

The small map's scores pass the gates of logits. Here, what becomes of them: corners on corners in
float32, and of every pixel the class of PyTorch's highest score, where its two best ones are
further apart than twice the largest error of that pixel's; of nearer ones, either may come first.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.mil.program import Function
from export.runtimes.base import Feature
from export.verify.agreement import first_of, logits_name
from export.verify.limits import STRUCTURE
from export.verify.reference import Reference
from mobilenet.common.errors import VerificationError
from mobilenet.common.size import Size
from mobilenet.networks.classifier import Readout

Outputs = Sequence[Mapping[str, Feature]]
Scores = NDArray[np.float32]  # of one picture: (classes, height, width)


class PixelClasses(NamedTuple):
    """How the output of one function is read: of a segmenter."""

    small: str  # name of the small map's scores
    large: str  # of the enlarged ones
    labels: str  # of the classes; "" where scores are the output
    classes: int
    size: Size  # of the small map
    picture: Size

    @classmethod
    def of(cls, function: Function, readout: Readout) -> "PixelClasses | None":
        """None for a network that is no segmenter."""
        if readout.picture is None:
            return None
        output = function.outputs[0]
        large = first_of(function, output, "reduce_argmax")
        labels = output if large else ""
        return cls(
            logits_name(function), large or output, labels, readout.channels, readout.size,
            readout.picture,
        )  # fmt: skip

    def check_enlarged(self, outputs: Outputs) -> float:
        """How far a package in float32 enlarges its own small map from how PyTorch does.

        Raises `VerificationError` beyond what rounding explains.
        """
        worst = max(self._distance(output) for output in outputs)
        if not worst <= STRUCTURE.usual:
            raise VerificationError(
                f"structure: relative L2 of the enlarged scores against PyTorch's, corners on "
                f"corners, is {worst:.1e}, the limit {STRUCTURE.usual:.2g}",
                "the package is not left behind; please report this with the command you ran",
            )
        return worst

    def _distance(self, output: Mapping[str, Feature]) -> float:
        """Relative L2; in float32, since there are millions and they have few digits to lose."""
        expected = self._enlarged(output[self.small])
        error = np.asarray(output[self.large], np.float32).reshape(expected.shape) - expected
        lengths = [float(np.linalg.norm(values)) for values in (error, expected)]
        return lengths[0] / max(lengths[1], float(np.finfo(np.float32).tiny))

    def check_labels(self, outputs: Outputs, answers: Reference) -> float:
        """The share of pixels whose class is too close to call, of the worst picture.

        `outputs` are of the package as declared. Raises `VerificationError` where another pixel
        has not the class of the highest of PyTorch's scores.
        """
        return max(self._undecided(outputs, answers), default=0.0)

    def _undecided(self, outputs: Outputs, answers: Reference) -> Iterator[float]:
        for output, scores in zip(outputs, answers.logits, strict=True):
            expected = self._enlarged(scores)
            large = np.asarray(output[self.large], np.float32).reshape(expected.shape)
            error = np.abs(large - expected).max(0)  # of the scores of each pixel
            second, first = np.partition(expected, -2, axis=0)[-2:]
            decided = first - second > 2 * error
            if self.labels:
                labels = np.asarray(output[self.labels]).reshape(decided.shape)
                wrong = decided & (labels != expected.argmax(0))
                if wrong.any():
                    raise _wrong(labels, expected.argmax(0), wrong)
            yield 1 - float(decided.mean())

    def _enlarged(self, scores: Feature) -> Scores:
        import torch

        from mobilenet.torch_module import enlarged

        small, shape = np.asarray(scores, np.float32), (1, self.classes, *self.size)
        if small.size != np.prod(shape):
            raise VerificationError(
                f"the small map has {small.size} values, the network's has {np.prod(shape)}",
                "were other weights exported, or another output stride?",
            )
        small = small.reshape(shape)
        large: Scores = enlarged(torch.from_numpy(small), self.picture)[0].numpy()
        return large


def _wrong(
    labels: NDArray[np.generic], expected: NDArray[np.int64], wrong: NDArray[np.bool_]
) -> VerificationError:
    row, column = (int(axis[0]) for axis in np.nonzero(wrong))
    return VerificationError(
        f"class {labels[row, column]} at row {row}, column {column}, of the highest score is "
        f"{expected[row, column]}; {wrong.mean():.1%} of pixels are wrong",
        "the package is not left behind; please report this with the command you ran",
    )
