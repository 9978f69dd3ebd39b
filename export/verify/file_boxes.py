"""Which of a file's boxes is which of ours: told by where it starts, in the file and here.

What the reader made of the file's order has no part in it.
"""

import numpy as np
from numpy.typing import NDArray

from export.verify.detected_boxes import starting_boxes
from mobilenet.common.errors import VerificationError
from mobilenet.graph import FileDetection
from mobilenet.networks.classifier import Readout

LIMIT = 1e-5  # between where a box starts here, and in the file, in parts of the picture
REPORT = "please report this with the file: what was read of it is not what it computes"


def boxes_of_file(file: FileDetection, readout: Readout) -> NDArray[np.intp]:
    """The file's number of each box of ours.

    Raises `VerificationError` for boxes that start elsewhere in the file, or are coded otherwise.
    """
    assert readout.detection is not None, "a detector's"
    starts = starting_boxes(readout.predictors, readout.detection)[:, [1, 0, 3, 2]]
    distances = [np.abs(file.anchors - box).max(1) for box in starts]
    order = np.array([distance.argmin() for distance in distances])
    furthest = max(distance.min() for distance in distances)
    if not furthest <= LIMIT or len(set(order)) != len(file.anchors):
        raise VerificationError(
            f"file: a box starts {furthest:.1e} from the nearest of the file's own, or "
            f"{len(file.anchors)} are not all here",
            REPORT,
        )
    if file.coder != readout.detection.coder:
        raise VerificationError(
            f"file: boxes are coded by {readout.detection.coder}, in the file by {file.coder}",
            REPORT,
        )
    return order
